"""A file of weights: read without running anything in it, or named for what it is instead."""

import difflib
import re
import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from regraft.errors import BackboneError, reason_of

SAVED = "give a .safetensors or .pth state dict, as model.state_dict() makes one"
SAVE_IT = "where it was made, torch.save(model.state_dict(), 'weights.pth'), and give that"
OTHER_LIBRARY = "regraft takes PyTorch weights; name a timm network of the same kind, which has some"
UNPACK = "unpack it and give the weights inside"
AGAIN = "fetch or copy it again"
LOOKED_AT = 4096  # bytes at a file's start that tell what it is
HEADER_LIMIT = 100_000_000  # bytes, of safetensors' own format
STARTS: tuple[tuple[bytes, str, str], ...] = (  # what a file begins with, what it is, what to do
    (
        b"version https://git-lfs",
        "a Git LFS pointer and not the weights themselves",
        "run `git lfs pull` where it lies",
    ),
    (b"/annex/objects", "a git-annex pointer and not the weights themselves", "run `git annex get` where it lies"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras and TensorFlow save weights", OTHER_LIBRARY),
    (b"\x93NUMPY", "a NumPy array", SAVED),
    (b"GGUF", "a GGUF file", SAVED),
    (b"\x1f\x8b", "a gzip archive", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (b"Rar!", "a RAR archive", UNPACK),
    (b"BZh", "a bzip2 archive", UNPACK),
    (b"\xfd7zXZ", "an xz archive", UNPACK),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", UNPACK),
    (b"\x89PNG", "a picture", SAVED),
    (b"\xff\xd8\xff", "a picture", SAVED),
    (b"%PDF", "a PDF document", SAVED),
)
SUFFIXES = {  # of files that begin with nothing of their own
    ".onnx": ("an ONNX network", SAVE_IT),
    ".pb": ("a TensorFlow graph", OTHER_LIBRARY),
    ".tflite": ("a TensorFlow Lite network", OTHER_LIBRARY),
    ".ckpt.index": ("a TensorFlow checkpoint", OTHER_LIBRARY),
    ".index": ("a TensorFlow checkpoint", OTHER_LIBRARY),
    ".msgpack": ("a Flax checkpoint", OTHER_LIBRARY),
    ".mlmodel": ("a Core ML network", SAVE_IT),
}
MEMBERS: tuple[tuple[str, str, str], ...] = (  # the end of a name in a zip, what the zip is, what to do
    (
        "/constants.pkl",
        "a TorchScript archive, which is a program with its weights",
        "in Python, torch.save(torch.jit.load(FILE).state_dict(), 'weights.pth'), and give that",
    ),
    ("models/model.json", "an exported PyTorch program", SAVE_IT),
    ("archive_format", "an exported PyTorch program", SAVE_IT),
    ("model.weights.h5", "a Keras network", OTHER_LIBRARY),
    ("saved_model.pb", "a zipped TensorFlow network", OTHER_LIBRARY),
    (".npy", "an archive of NumPy arrays, as JAX saves weights", OTHER_LIBRARY),
)
WEIGHTS = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".tar")


def read_file(path: Path) -> Any:
    """What lies in a file of weights: tensors and plain data; BackboneError says what else it is."""
    if path.is_dir():
        raise BackboneError(f"{path} is a folder{inside(path)}; give a file of PyTorch weights")
    if not path.is_file():
        raise BackboneError(f"there is no weights file {path}{near(path)}; {SAVED}")
    try:
        with path.open("rb") as file:
            start = file.read(LOOKED_AT)
        refuse_others(path, start)
        if is_safetensors(start):
            from safetensors.torch import load_file

            return load_file(path)
        from regraft.network.stand_ins import read_saved

        return read_saved(path)
    except BackboneError:
        raise
    except OSError as error:
        raise BackboneError(f"{path} cannot be read: {reason_of(error)}; {AGAIN}, or see to its permissions") from None
    except Exception as error:  # safetensors, pickle and zip each raise their own kinds
        why = re.sub(r"\s+", " ", reason_of(error))[:100]
        raise BackboneError(f"{path} is damaged or cut short ({why}); {AGAIN}") from None


def refuse_others(path: Path, start: bytes) -> None:
    """Raise BackboneError where a file that begins with ``start`` is something else than weights of PyTorch's."""
    kind = other_kind(path, start)
    if kind:
        what, mend = kind
        raise BackboneError(f"{path} is {what}; {mend}")


def other_kind(path: Path, start: bytes) -> tuple[str, str] | None:
    """What a file is that has no weights of PyTorch's, and what to do; None where it may have some."""
    named = next(((what, mend) for begin, what, mend in STARTS if start.startswith(begin)), None)
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not start:
        kind: tuple[str, str] | None = ("empty", AGAIN)
    elif named:
        kind = named
    elif text.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--")):
        kind = ("a web page and not the weights themselves", "fetch the file by its own (raw) link")
    elif is_safetensors(start):
        kind = None
    elif start.startswith(b"PK"):
        kind = kind_of_zip(path)
    elif start[4:8] == b"TFL3" or path.suffix.lower() in SUFFIXES:
        kind = SUFFIXES.get(path.suffix.lower(), SUFFIXES[".tflite"])
    elif start[257:262] == b"ustar":
        kind = ("a tar archive", UNPACK)
    elif start.startswith(b"\x80"):
        kind = None  # a pickle
    else:
        kind = (described(start), SAVED)
    return kind


def kind_of_zip(path: Path) -> tuple[str, str] | None:
    """What a zip is that torch.save did not write."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return "cut short: the end of its archive is missing", AGAIN
    for end, what, mend in MEMBERS:
        if any(name.endswith(end) for name in names):
            return what, mend.replace("FILE", repr(str(path)))
    if any(name.endswith("data.pkl") for name in names):
        return None
    return f"a zip archive{of_them(names)}", UNPACK


def is_safetensors(start: bytes) -> bool:
    """Whether a file begins as safetensors do: the length of a JSON object, and that object."""
    return len(start) > 8 and start[8:9] == b"{" and struct.unpack("<Q", start[:8])[0] < HEADER_LIMIT  # noqa: PLR2004


def holds_safetensors(path: Path) -> bool:
    """Whether a file is one of safetensors, whatever its name."""
    with path.open("rb") as file:
        return is_safetensors(file.read(9))


def described(start: bytes) -> str:
    """A file that begins with nothing that is known, in words."""
    try:
        text = start[:40].decode()
    except UnicodeDecodeError:
        text = ""
    if text and all(letter.isprintable() or letter.isspace() for letter in text):
        return f"a text file, which begins with '{' '.join(text.split())[:30]}'"
    return f"no weights file that is known (it begins with the bytes {start[:8].hex(' ')})"


def inside(folder: Path) -> str:
    """The weights that lie in a folder, in words."""
    names = sorted(path.name for path in folder.iterdir())
    return " of a TensorFlow network" if "saved_model.pb" in names else of_them(names)


def of_them(names: Iterable[str]) -> str:
    """The weights among some names, in words."""
    weights = [name for name in names if name.endswith(WEIGHTS)]
    return f" with {', '.join(weights[:3])}" if weights else ""


def near(path: Path) -> str:
    """The file that was probably meant, in words."""
    if not path.parent.is_dir():
        return f", nor a folder {path.parent}"
    there = [other.name for other in path.parent.iterdir() if other.is_file()]
    names = difflib.get_close_matches(path.name, there, n=1, cutoff=0.75)
    return f"; did you mean {names[0]}?" if names else ""
