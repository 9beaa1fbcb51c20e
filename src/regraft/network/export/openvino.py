"""OpenVINO: a graph that its runtimes take, in Python, C++ and others."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from regraft.network.export.format import PIXELS, PROBABILITIES, Format, Runtime
from regraft.network.saved import Saved

FILE = "model.xml"  # its weights lie beside it in model.bin
RUN = """model = openvino.compile_model(HERE / "model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


def run(batch):
    return model([batch])[0]
"""


def write(saved: Saved, folder: Path, metadata: Mapping[str, str]) -> None:
    """Write the graph; ``metadata`` is in its rt_info, under "regraft"."""
    import openvino
    from openvino import opset13 as ops

    from regraft.network.openvino_graph import converted, graph_of_graft, values_of

    graph = graph_of_graft(saved.graft, converted(saved.graft.backbone))
    probabilities = ops.softmax(values_of(graph)[0], 1)
    probabilities.output(0).set_names({PROBABILITIES})
    whole = openvino.Model([ops.result(probabilities)], graph.get_parameters(), "regraft")
    whole.input(0).set_names({PIXELS})
    for name, text in metadata.items():
        whole.set_rt_info(text, ["regraft", name])
    openvino.save_model(whole, folder / FILE, compress_to_fp16=False)


def runtime(folder: Path) -> Runtime:
    """The graph as OpenVINO runs it on the CPU in single precision."""
    import openvino

    model = openvino.compile_model(folder / FILE, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda pixels: np.array(model([pixels])[0])


FORMAT = Format(
    "openvino", FILE, write, runtime, ("openvino",), "openvino", imports=("import openvino",), run=RUN.rstrip(),
    note='compile it with {"INFERENCE_PRECISION_HINT": "f32"}, as check.py does: where the processor has bfloat16,'
    " OpenVINO would answer less exactly",
)  # fmt: skip
