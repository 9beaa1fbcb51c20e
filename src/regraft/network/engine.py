"""What runs the frozen network: PyTorch, or OpenVINO in bf16 on processors that have it.

PyTorch in float32 is the reference; OpenVINO agrees with it to bf16's precision.
"""

import copy
import importlib.util
import sys
import uuid
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import fx

from regraft.errors import RecipeError, reason_of

Outputs = list[np.ndarray]
BF16 = "openvino-bf16"
PYTORCH = "pytorch-float32"


@dataclass(frozen=True)
class Engine:
    """A compiled network: ``run`` takes (images, 3, height, width) float32 and returns one array an output."""

    name: str
    run: Callable[[torch.Tensor], Outputs]


def device_of(name: str) -> torch.device:
    """``auto`` is the first GPU where there is one, else the CPU; RecipeError for a device that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise RecipeError(f"--device {name} cannot be used: {reason_of(error)}; try --device cpu") from None
    return device


def best_engine(device: torch.device) -> str:
    """The name of the fastest engine for ``device`` on this machine."""
    if device.type == "cpu" and importlib.util.find_spec("openvino"):
        import openvino

        if "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            return BF16
    return PYTORCH


def compile_network(
    network: fx.GraphModule, size: int, device: torch.device, name: str, folder: Path | None = None
) -> Engine:
    """``network`` (images -> tuple of tensors) made ready to run on inputs of ``size`` pixels a side.

    What takes seconds is kept in ``folder``, which is this network's and this size's alone, for the next time.
    """
    if name == BF16:
        try:
            return openvino_engine(network, size, folder)
        except Exception:  # an operation that OpenVINO cannot convert: its errors share no kind
            return pytorch_engine(network, device)
    return pytorch_engine(network, device)


def pytorch_engine(network: fx.GraphModule, device: torch.device) -> Engine:
    """The reference."""
    if device.type != "cpu":
        network = copy.deepcopy(network)  # its modules are the backbone's, which stays where it is
    network = network.to(device).to(memory_format=torch.channels_last)

    def at_once(images: torch.Tensor) -> Outputs | None:
        try:
            outputs = network(images.to(device).contiguous(memory_format=torch.channels_last))
        except torch.OutOfMemoryError:
            if len(images) == 1:
                raise
            return None
        return [output.float().cpu().numpy() for output in outputs]

    @torch.inference_mode()
    def run(images: torch.Tensor) -> Outputs:
        outputs = at_once(images)
        if outputs is None:  # now that nothing holds on to what the failed pass left behind
            halves = [run(half) for half in images.chunk(2)]
            outputs = [np.concatenate(parts) for parts in zip(*halves, strict=True)]
        return outputs

    return Engine(PYTORCH, run)


def openvino_engine(network: fx.GraphModule, size: int, folder: Path | None = None) -> Engine:
    """OpenVINO on the CPU, matrix work in bf16."""
    import openvino

    model = converted(network, size, folder)
    hints = {"INFERENCE_PRECISION_HINT": "bf16", "PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": "1"}
    compiled = openvino.compile_model(model, "CPU", hints)
    request = compiled.create_infer_request()

    def run(images: torch.Tensor) -> Outputs:
        results = request.infer([images.numpy()])
        return [np.array(results[port], dtype=np.float32) for port in compiled.outputs]

    return Engine(BF16, run)


def converted(network: fx.GraphModule, size: int, folder: Path | None) -> Any:
    """``network`` as OpenVINO has it: read from ``folder`` where it is kept, else made, and kept where that can be."""
    import openvino

    release = openvino.__version__.split("-")[0]
    path = folder / f"openvino-{release}.xml" if folder else None
    if path and path.exists():
        with suppress(Exception):  # damaged: its errors share no kind; it is made anew
            return openvino.Core().read_model(path)
    arguments, sys.argv = sys.argv, sys.argv[:1]  # OpenVINO would take a --verbose among them for its own
    try:
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the tracing that OpenVINO does for itself
            model = openvino.convert_model(network, example_input=torch.zeros(2, 3, size, size))
    finally:
        sys.argv = arguments
    model.reshape([-1, 3, size, size])
    if path:
        with suppress(Exception):  # a full disk, for one: keeping it is worth no failure
            keep(model, path)
    return model


def keep(model: Any, path: Path) -> None:
    """Write a converted network so that no reader finds half of it: the weights first, the description last."""
    import openvino

    unfinished = path.with_name(f".{uuid.uuid4().hex}.xml")
    try:
        openvino.save_model(model, unfinished, compress_to_fp16=False)
        unfinished.with_suffix(".bin").replace(path.with_suffix(".bin"))
        unfinished.replace(path)
    finally:
        for left in (unfinished, unfinished.with_suffix(".bin")):
            left.unlink(missing_ok=True)
