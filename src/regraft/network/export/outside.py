"""What lies outside the exported graph: decoding, orientation, resizing, cropping; as Python and as plain data."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from string import Template

from regraft.network.preprocessing import SQUASH, Preprocessing

PREPROCESS, CHECK = "preprocess.py", "check.py"
TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Outside:
    """What turns an image file into the pixels that an exported graph takes."""

    classes: tuple[str, ...]
    preprocessing: Preprocessing
    background: str  # behind what is transparent

    def metadata(self) -> dict[str, str]:
        """All of it by name, as texts of ASCII, for a file's own metadata."""
        own = self.preprocessing
        return {
            "made_by": f"regraft {version('regraft')}",
            "classes": json.dumps(self.classes),
            "input": f"uint8, images x {own.size} x {own.size} x 3, RGB; normalisation is in the graph",
            "output": "float32, images x classes: probabilities",
            "colour_mode": "RGB",
            "size": str(own.size),
            "resized_side": str(own.side),
            "resize": "both sides" if own.crop_mode == SQUASH else "short side",
            "crop": "center",
            "interpolation": f"{own.interpolation}, antialiased, as Pillow does",
            "jpeg_draft": "shrunk by the decoder as far as both sides keep the resized side",
            "exif_orientation": "applied",
            "transparency_on": self.background,
        }

    def write(self, folder: Path) -> None:
        """Write it as Python."""
        own = self.preprocessing
        text = filled(
            "preprocess",
            classes=json.dumps(self.classes),
            size=str(own.size),
            side=str(own.side),
            squash=str(own.crop_mode == SQUASH),
            filter=own.interpolation.upper(),
            background=self.background,
        )
        (folder / PREPROCESS).write_text(text, encoding="utf-8")


def write_check(folder: Path, file: str, needs: str, imports: Sequence[str], run: str) -> None:
    """Write the program that compares a file's answers with the expected ones; ``run``: lines that define run()."""
    text = filled("check", file=file, needs=needs, imports="\n".join(imports), run=run)
    (folder / CHECK).write_text(text, encoding="utf-8")


def filled(name: str, **values: str) -> str:
    """A template with its names replaced."""
    return Template((TEMPLATES / f"{name}.txt").read_text(encoding="utf-8")).substitute(values)
