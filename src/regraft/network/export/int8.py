"""OpenVINO in 8 bits: weights and activations as whole numbers, but where that changes too many answers. By NNCF."""

import io
import logging
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from regraft.network.export import openvino

NAME = "openvino-int8"  # of the folder
NEEDS, INSTALL = "nncf", "regraft[export]"
MOST_ROUNDS = 25  # in which layers get their 32 bits back
ATTENTION = "ScaledDotProductAttention"  # OpenVINO's name


def quantised(folder: Path, pixels: Sequence[np.ndarray], most_changed: float) -> Any:
    """The graph in ``folder`` in 8 bits, calibrated on ``pixels``, each (size, size, 3) uint8.

    The layers that hurt most stay in 32 bits until no more than the share ``most_changed`` of these images has
    another class than before.
    """
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # it warns where there is no GPU
    import nncf
    import openvino as runtime

    nncf.set_log_level(logging.ERROR)
    graph = runtime.Core().read_model(folder / openvino.FILE)
    images = [image[None] for image in pixels]
    before = openvino.runtime(folder)
    answers = [int(before(image)[0].argmax()) for image in images]

    def agreement(model: Any, batches: Any) -> tuple[float, list[float]]:
        same = [float(model([image])[0].argmax() == answer) for image, answer in zip(batches, answers, strict=False)]
        return float(np.mean(same)), same

    with redirect_stdout(io.StringIO()):  # its bars; regraft shows its own
        return nncf.quantize_with_accuracy_control(
            graph,
            nncf.Dataset(images),
            nncf.Dataset(images),
            agreement,
            max_drop=most_changed,
            subset_size=len(images),
            preset=nncf.QuantizationPreset.MIXED,
            model_type=nncf.ModelType.TRANSFORMER if has_attention(graph) else None,
            advanced_accuracy_restorer_parameters=nncf.AdvancedAccuracyRestorerParameters(
                max_num_iterations=MOST_ROUNDS
            ),
        )


def has_attention(graph: Any) -> bool:
    """Whether softmax stands anywhere but at the end."""
    kinds = [node.get_type_name() for node in graph.get_ops()]
    return ATTENTION in kinds or kinds.count("Softmax") > 1
