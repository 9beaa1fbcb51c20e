"""What the page's tests send and wait for."""

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from starlette.testclient import TestClient

BASE = "http://127.0.0.1:8000"


def stripes(kind: int, seed: int) -> Image.Image:
    draw = np.random.default_rng(100 * kind + seed)
    x, y = np.meshgrid(np.arange(40), np.arange(40))
    wave = np.sin((x if kind else y) * 0.4 + draw.uniform(0, 6))
    return Image.fromarray((128 + 60 * wave[..., None] * np.eye(3)[kind] + draw.normal(0, 9, (40, 40, 3))).astype("u1"))


def encoded(image: Image.Image) -> bytes:
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def until_ended(client: TestClient, job: str, seconds: float = 120) -> dict[str, Any]:
    """The last event of a job's stream."""
    end = time.monotonic() + seconds
    with client.stream("GET", f"/jobs/{job}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            assert time.monotonic() < end, "it takes too long"
            if line.startswith("data: "):
                last: dict[str, Any] = json.loads(line.removeprefix("data: "))
    assert last["ended"]
    return last


def zipped(folder: Path, each: int = 12) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for kind in sorted(folder.iterdir()):
            for path in sorted(kind.iterdir())[:each]:
                archive.write(path, f"{kind.name}/{path.name}")
    return data.getvalue()
