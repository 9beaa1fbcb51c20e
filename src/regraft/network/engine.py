"""What runs a frozen network: PyTorch, or OpenVINO on CPUs, in bf16 on processors that have it.

PyTorch in float32 is the reference; OpenVINO agrees with it to its own precision.
"""

import copy
import importlib.util
import os
import queue
import re
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from regraft.errors import RecipeError, reason_of
from regraft.network.backbone import Backbone
from regraft.network.cuts import Cut
from regraft.network.preprocessing import Preprocessing

if TYPE_CHECKING:
    import torch
    from torch import nn

Outputs = list[np.ndarray]
BF16, FLOAT32 = "openvino-bf16", "openvino-float32"
PYTORCH = "pytorch-float32"
PRECISIONS = {BF16: "bf16", FLOAT32: "f32"}  # OpenVINO's names
MOST_STREAMS = 16  # batches that OpenVINO runs at once, at most; a thread each leaves no thread to wait for another
BATCH = 64  # images that torch runs together
OPENVINO_BATCH = 8  # images, which fit the caches better than more
DEVICES = re.compile(r"(cpu|cuda|mps|xpu)(:\d+)?", re.ASCII)  # that images go to and answers come back from
GPU_FILES = ("nvidia[0-9]*", "nvhost-*", "nvmap", "kfd", "dxg")  # in /dev, where Linux has a GPU that torch can use


@dataclass(frozen=True)
class Engine:
    """A network made ready: ``run`` takes pixels (images, size, size, 3) uint8 and returns one array an output."""

    name: str
    run: Callable[[np.ndarray], Outputs]
    batch: int = BATCH  # images that are best run together


def device_name(name: str) -> str:
    """``auto`` is cuda where there is a GPU, else cpu; RecipeError for a device that is not there.

    torch is asked only where the answer hangs on it.
    """
    if name == "cpu" or (name == "auto" and not gpu_may_be_here()):
        return "cpu"
    return str(device_of(name))


def gpu_may_be_here() -> bool:
    """Whether torch might find a GPU."""
    return sys.platform != "linux" or any(any(Path("/dev").glob(pattern)) for pattern in GPU_FILES)


def device_of(name: str) -> "torch.device":
    """The same as torch has it."""
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not DEVICES.fullmatch(name):
        raise RecipeError(f"--device '{name}' is none that trains; give auto, cpu, cuda, cuda:1, mps or xpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except Exception as error:  # torch's parts share no kind of error for what is not there
        raise RecipeError(f"--device {name} cannot be used: {reason_of(error)}; try --device cpu") from None
    return device


def best_engine(device: str) -> str:
    """The name of the fastest engine for ``device`` on this machine."""
    if device == "cpu" and importlib.util.find_spec("openvino"):
        import openvino

        return BF16 if "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES") else FLOAT32
    return PYTORCH


def streams_of(name: str) -> int:
    """Batches that the engine of that name runs at once: OpenVINO one a processor."""
    if name not in PRECISIONS:
        return 1
    processors = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(MOST_STREAMS, processors)


def compile_pass(
    backbone: Backbone, cuts: Sequence[Cut], pools: Sequence[str], logits: bool, device: str, name: str
) -> Engine:
    """The network up to the last of ``cuts``, with outputs as surgery.pooled_network orders them."""
    if name in PRECISIONS:
        from regraft.network import openvino_graph

        try:
            graph = openvino_graph.pooled(openvino_graph.graph_of(backbone), backbone, cuts, pools, logits)
            return openvino_engine(graph, name, OPENVINO_BATCH)
        except MemoryError:
            raise
        except Exception:  # an operation that OpenVINO cannot convert: its errors share no kind
            return compile_pass(backbone, cuts, pools, logits, device, PYTORCH)
    from regraft.network.surgery import pooled_network

    network = pooled_network(backbone.model, backbone.traced, cuts, pools, logits)
    if device != "cpu":
        network = copy.deepcopy(network)  # its modules are the backbone's, which stays where it is
    return pytorch_engine(network, backbone.preprocessing, device)


def pytorch_engine(network: "nn.Module", preprocessing: Preprocessing, device: str) -> Engine:
    """The reference; the network is moved to the device."""
    import torch

    network = network.to(device).to(memory_format=torch.channels_last)
    one_at_a_time = threading.Lock()  # it may stand in for an engine that several threads feed

    def at_once(pixels: "torch.Tensor") -> Outputs | None:
        images = preprocessing.normalise(pixels.to(device)).contiguous(memory_format=torch.channels_last)
        try:
            outputs = network(images)
        except torch.OutOfMemoryError:
            if len(images) == 1:
                raise
            return None
        several = outputs if isinstance(outputs, tuple) else (outputs,)
        return [output.float().cpu().numpy() for output in several]

    @torch.inference_mode()
    def run(pixels: np.ndarray) -> Outputs:
        with one_at_a_time:
            outputs = at_once(torch.from_numpy(pixels))
        if outputs is None:  # now that nothing holds on to what the failed pass left behind
            middle = len(pixels) // 2
            halves = [run(half) for half in (pixels[:middle], pixels[middle:])]
            outputs = [np.concatenate(parts) for parts in zip(*halves, strict=True)]
        return outputs

    return Engine(PYTORCH, run)


def prepare_bindings() -> None:
    """Let OpenVINO's bindings set up their use of NumPy, which they do when they first meet an array.

    Two threads that do so at once wait for each other for ever: the first for Python's lock, the second, which has it,
    for the first to be done (pybind11's call_once).
    """
    import openvino

    tensor = openvino.Tensor(np.zeros(1, dtype=np.uint8))
    assert tensor.data.dtype == tensor.element_type.to_dtype()


def openvino_engine(graph: Any, name: str, batch: int | None = None) -> Engine:
    """An OpenVINO graph on the CPU; ``run`` may be called from as many threads as there are streams.

    With ``batch`` it is made for batches of that size alone, which is quicker; smaller ones are filled up.
    """
    import openvino

    if batch:
        graph.reshape([batch, *(side.get_length() for side in list(graph.input(0).partial_shape)[1:])])
    prepare_bindings()
    streams = streams_of(name)
    hints = {
        "INFERENCE_PRECISION_HINT": PRECISIONS[name],
        "PERFORMANCE_HINT": "THROUGHPUT",
        "NUM_STREAMS": str(streams),
        "ENABLE_CPU_PINNING": False,  # the threads that read ahead use the same processors
    }
    compiled = openvino.compile_model(graph, "CPU", hints)
    free: queue.SimpleQueue[Any] = queue.SimpleQueue()
    for _ in range(streams):
        free.put(compiled.create_infer_request())

    def run(pixels: np.ndarray) -> Outputs:
        if batch and len(pixels) > batch:
            parts = [run(pixels[start : start + batch]) for start in range(0, len(pixels), batch)]
            return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]
        images = len(pixels)
        if batch and images < batch:
            pixels = np.concatenate([pixels, np.repeat(pixels[-1:], batch - images, axis=0)])
        request = free.get()
        try:
            results = request.infer([pixels], share_inputs=True)
            return [np.array(results[port], dtype=np.float32)[:images] for port in compiled.outputs]
        finally:
            free.put(request)

    return Engine(name, run, batch=OPENVINO_BATCH)
