"""Where the parts of a data set lie: train/, val/ (also valid/, validation/) and test/, each with class folders."""

from dataclasses import dataclass
from pathlib import Path

VALIDATION = ("val", "valid", "validation")


@dataclass(frozen=True)
class Parts:
    """The folders, and what is reported: the test part, or the validation part where there is no other."""

    train: Path
    validation: Path | None
    test: Path | None

    @property
    def reported(self) -> Path:
        """The part on which accuracy is measured."""
        return self.test or self.validation or self.train

    @property
    def watched(self) -> Path:
        """The part that a training loop looks at after each epoch, as recipes do, even where it is the reported one."""
        return self.validation or self.reported

    @property
    def classes(self) -> list[str]:
        """Names of the classes, sorted."""
        return sorted(folder.name for folder in self.train.iterdir() if folder.is_dir())

    def images(self, part: Path) -> list[tuple[Path, int]]:
        """Files of a part with the numbers of their classes."""
        folders = [(number, sorted((part / name).iterdir())) for number, name in enumerate(self.classes)]
        return [(file, number) for number, files in folders for file in files if file.name[0] != "."]


def parts_of(data: Path) -> Parts:
    """The parts of ``data``; ValueError where train or both of the others are missing."""
    found = {folder.name: folder for folder in sorted(data.iterdir()) if folder.is_dir()}
    validation = next((found[name] for name in VALIDATION if name in found), None)
    if "train" not in found or not (validation or "test" in found):
        raise ValueError(f"{data} has the folders {', '.join(found) or 'none'}; it needs train/ and val/ or test/")
    return Parts(found["train"], validation, found.get("test"))
