"""A model repository of Triton Inference Server: the ONNX file under the run's name, config.pbtxt and the classes."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from regraft.network.export import onnx
from regraft.network.export.format import PIXELS, PROBABILITIES, Format, Runtime
from regraft.network.saved import Saved

LABELS = "labels.txt"
MOST_IMAGES = 64  # in one request
CONFIG = """# uint8 pixels, images x {size} x {size} x 3, RGB, as preprocess.py makes them; probabilities come back.
name: {name}
platform: "onnxruntime_onnx"
max_batch_size: {most}
input [ {{ name: "{pixels}" data_type: TYPE_UINT8 dims: [ {size}, {size}, 3 ] }} ]
output [ {{ name: "{probabilities}" data_type: TYPE_FP32 dims: [ {classes} ] label_filename: "{labels}" }} ]
dynamic_batching {{ }}
"""


def write(saved: Saved, folder: Path, metadata: Mapping[str, str]) -> None:
    """Write NAME/1/model.onnx, NAME/config.pbtxt and NAME/labels.txt; NAME is the run's folder."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", saved.folder.resolve().parent.name).lstrip(".") or "classifier"
    model = folder / name
    (model / "1").mkdir(parents=True)
    onnx.write(saved, model / "1", metadata)
    text = CONFIG.format(
        name=json.dumps(name),
        size=saved.preprocessing.size,
        most=MOST_IMAGES,
        pixels=PIXELS,
        probabilities=PROBABILITIES,
        classes=len(saved.classes),
        labels=LABELS,
    )
    (model / "config.pbtxt").write_text(text, encoding="utf-8")
    lines = (" ".join(one.splitlines()) for one in saved.classes)
    text = "".join(f"{line}\n" for line in lines)
    (model / LABELS).write_text(text, encoding="utf-8", errors="backslashreplace")  # a folder's name is any bytes


def runtime(folder: Path) -> Runtime:
    """The file as ONNX Runtime runs it, which is what Triton's backend is."""
    return onnx.runtime(FORMAT.file_in(folder).parent)


RUN = onnx.RUN.replace('HERE / "model.onnx"', f'next(HERE.glob("*/1/{onnx.FILE}"))').rstrip()
FORMAT = Format(
    "triton", f"*/1/{onnx.FILE}", write, runtime, onnx.FORMAT.needs, onnx.FORMAT.install,
    imports=onnx.FORMAT.imports, run=RUN,
    note="the folder is the model repository; Triton itself was not run here, its ONNX file was",
)  # fmt: skip
