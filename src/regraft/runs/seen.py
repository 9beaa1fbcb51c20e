"""data.json: the images of a run, each with its part and the hash of what it shows."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from zlib import crc32

from regraft.data.identity import IDENTITY
from regraft.network.load import is_run
from regraft.planning.prepare import Job
from regraft.strict_json import Malformed, build, read_json

DATA = "data.json"
MOST_BYTES = 1 << 30  # of the file


@dataclass(frozen=True)
class SeenFile:
    """One image."""

    path: str
    split: str
    pixels: str  # the hash of what it shows
    label: str | None = None  # its class; None in files of old runs


@dataclass(frozen=True)
class Seen:
    """All of a run's images."""

    files: tuple[SeenFile, ...]
    identity: int | None  # the way in which they were hashed; None: the first one
    root: str | None = None  # where they lay
    before: frozenset[str] = frozenset()  # hashes of what taught or chose the runs that this one started from

    @property
    def chose(self) -> frozenset[str]:
        """The hashes of the images that trained or chose the run, or one that it started from."""
        parts = {"train", "val"} if any(file.split == "test" for file in self.files) else {"train"}
        return self.before.union(file.pixels for file in self.files if file.split in parts)


def known_to(run: Path) -> frozenset[str] | None:
    """The images that trained or chose a run, by the hash of what they show; None where it does not say."""
    with suppress(OSError, Malformed):
        seen = images_of(run)
        return seen.chose if seen.identity == IDENTITY else None
    return None


def describe_data(job: Job) -> dict[str, Any]:
    """Classes, counts, the faults and a fingerprint of the bytes."""
    name = job.backbone.name
    before = sorted((known_to(Path(name)) or ()) if is_run(name) else ())
    images, features, part = job.images, job.features, job.split.part_of()
    rows = ((part[row], pixels) for row, pixels in enumerate(features.pixels))
    return {
        "root": str(images.root.resolve()),
        "classes": list(images.classes),
        "counts": images.counts(),
        "fingerprint": features.fingerprint(),
        "identity": IDENTITY,
        "rendering": images.rendering.as_dict(),
        "pixel_fingerprint": features.pixel_fingerprint(),
        "checksum": checksum_of(rows, before),
        "faults": [asdict(fault) for fault in job.faults],
        "corrections": images.corrected.as_dict() if images.corrected else None,
        **({"before": before} if before else {}),
    }


def describe_files(job: Job) -> Iterator[dict[str, Any]]:
    """Every file's class and split."""
    images, part = job.images, job.split.part_of()
    for row, (file, pixels) in enumerate(zip(images.files, job.features.pixels, strict=True)):
        yield {
            "path": file.name,
            "class": images.classes[file.label],
            "split": part[row],
            "pixels": pixels,
            **({"group": file.group} if file.group else {}),
            **({"was": file.was} if file.was is not None else {}),
        }


def images_of(run: Path) -> Seen:
    """What a run's data.json says; Malformed or OSError where it is missing or no more what was written."""
    values = read_json(run / DATA, MOST_BYTES)
    if not isinstance(values, dict) or not isinstance(values.get("files"), list):
        raise Malformed("it lists no files")
    files = tuple(build(SeenFile, wanted_of(file), "files") for file in values["files"])
    identity = None if values.get("identity") is None else build(int, values["identity"], "identity")
    before = build(tuple[str, ...], values.get("before", []), "before")
    checksum = checksum_of(((file.split, file.pixels) for file in files), before)
    if identity == IDENTITY and values.get("checksum", checksum) != checksum:
        raise Malformed("it was changed after it was written")
    root = None if values.get("root") is None else build(str, values["root"], "root")
    return Seen(files, identity, root, frozenset(before))


def wanted_of(file: Any) -> Any:
    """What is needed of what the file says of an image."""
    names = {"path": "path", "split": "split", "pixels": "pixels", "class": "label"}
    return {name: file[theirs] for theirs, name in names.items() if theirs in file} if isinstance(file, dict) else file


def checksum_of(rows: Iterable[tuple[str, str]], before: Iterable[str]) -> int:
    """A checksum of each image's part and hash, and of the hashes that earlier runs learned from."""
    checksum, between = 0, ""
    for line in chain((f"{split} {pixels}" for split, pixels in rows), before):
        checksum = crc32(f"{between}{line}".encode(errors="surrogatepass"), checksum)
        between = "\n"
    return checksum
