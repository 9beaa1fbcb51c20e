"""One environment a peer, made by uv from a file in requirements/ and kept until that file changes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "requirements"
SHOWN = ("torch", "torchvision", "timm", "fastai", "lightning", "keras", "autogluon.multimodal", "openvino", "regraft")


def environment(name: str, folder: Path) -> Path:
    """The Python of a peer's environment below ``folder``, which is made where it is not there."""
    requirements, place = REQUIREMENTS / f"{name}.txt", folder / name
    python, note = place / "bin" / "python", place / "made-from.txt"
    if not (note.is_file() and note.read_text() == requirements.read_text()):
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        uv("venv", "--quiet", "--clear", "--python", version, str(place))
        uv("pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), "-r", str(requirements))
        note.write_text(requirements.read_text())
    return python


def versions(python: Path) -> dict[str, str]:
    """Versions of the packages that matter in an environment."""
    listed = json.loads(uv("pip", "list", "--quiet", "--format", "json", "--python", str(python)))
    found = {row["name"].replace("-", "."): row["version"] for row in listed}
    return {name: found[name] for name in SHOWN if name in found}


def uv(*arguments: str) -> str:
    """What uv prints; RuntimeError where there is no uv, or with its words where it fails."""
    program = shutil.which("uv")
    if program is None:
        raise RuntimeError("uv is not installed; pip install uv")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"uv {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout
