"""Small images, and bytes of them, that several tests damage."""

import io
import zipfile
from pathlib import Path

from conftest import picture
from PIL import Image

from regraft.data.scan import scan


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, form, **options)
    return data.getvalue()


NOISE = picture(0, 0, 64)


JPEG, PNG = saved(NOISE, "JPEG"), saved(NOISE, "PNG")


def faults_of(root: Path) -> dict[str, tuple[str, str]]:
    return {fault.path: (fault.kind, fault.action) for fault in scan(root).faults}


def rows_of(root: Path, each: int = 4) -> list[str]:
    return [f"class{c}/{i:03d}.png,{c}" for c in range(2) for i in range(each)]


def pack_zip(root: Path, extra: dict[str, bytes] | None = None) -> Path:
    path = root.parent / "pack.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(root.rglob("*.png")):
            archive.write(file, f"photos/{file.relative_to(root)}")
        for name, data in (extra or {}).items():
            archive.writestr(name, data)
    return path
