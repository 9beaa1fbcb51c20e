"""ONNX: one file, which ONNX Runtime and many others run."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from regraft.network.export.format import PIXELS, PROBABILITIES, Format, Runtime
from regraft.network.saved import Saved

FILE = "model.onnx"
MOST_INSIDE = 1_800_000_000  # bytes of weights; a file of protobuf holds 2 GB, larger ones lie beside it
RUN = """session = onnxruntime.InferenceSession(HERE / "model.onnx", providers=["CPUExecutionProvider"])


def run(batch):
    return session.run(["probabilities"], {"pixels": batch})[0]
"""


def write(saved: Saved, folder: Path, metadata: Mapping[str, str]) -> None:
    """Write the graph; ``metadata`` is in its metadata_props."""
    import torch

    from regraft.network.export.deployed import program_of

    program = program_of(saved)
    with warnings.catch_warnings(action="ignore"):  # of its own deprecations
        made: Any = torch.onnx.export(
            program, (), dynamo=True, input_names=[PIXELS], output_names=[PROBABILITIES], verbose=False
        )
    made.model.metadata_props.update({f"regraft.{name}": text for name, text in metadata.items()})
    weights = sum(value.nbytes for value in program.state_dict.values())
    made.save(folder / FILE, external_data=weights > MOST_INSIDE)


def runtime(folder: Path) -> Runtime:
    """The file as ONNX Runtime runs it on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / FILE, providers=["CPUExecutionProvider"])
    return lambda pixels: np.asarray(session.run([PROBABILITIES], {PIXELS: pixels})[0])


FORMAT = Format(
    "onnx", FILE, write, runtime, ("onnx", "onnxscript", "onnxruntime"), "regraft[export]",
    imports=("import onnxruntime",), run=RUN.rstrip(),
)  # fmt: skip
