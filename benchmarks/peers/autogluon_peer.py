"""AutoGluon MultiModal with its defaults on the network inside regraft, read from a folder: no model hub is asked.

``checkpoint_name`` takes a folder with timm's name of the architecture, its preprocessing and its weights. Up to 20
epochs of AdamW, two looks an epoch at a part that it sets aside of train, the three best averaged.
"""

import json
import tempfile
import time
from pathlib import Path

import pandas
import torch
from autogluon.multimodal import MultiModalPredictor
from autogluon.multimodal.models.timm_image import TimmAutoModelForImagePrediction
from safetensors.torch import load_file
from timm import create_model

from benchmarks.peers.parts import Parts
from benchmarks.peers.peer import Count, arguments, report, takes_gradient


def checkpoint(weights: Path, folder: Path) -> Path:
    """The embedded network in the layout that AutoGluon reads: config.json and pytorch_model.bin, without a head."""
    known = json.loads((weights.parent / "config.json").read_text())
    preprocessing = known["preprocessing"]
    model = create_model(known["architecture"], num_classes=0)
    own, state = model.state_dict(), load_file(weights)
    torch.save({name: state[name].to(value.dtype) for name, value in own.items()}, folder / "pytorch_model.bin")
    config = {
        "architecture": known["architecture"],
        "num_features": model.num_features,
        "input_size": [3, preprocessing["size"], preprocessing["size"]],
        "mean": preprocessing["mean"],
        "std": preprocessing["std"],
        "interpolation": preprocessing["interpolation"],
        "crop_pct": preprocessing["crop_share"],
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def count_images(count: Count) -> None:
    """Count what goes through AutoGluon's image model, which it builds itself."""
    plain = TimmAutoModelForImagePrediction.forward

    def forward(self: TimmAutoModelForImagePrediction, images: torch.Tensor, *rest: object, **named: object) -> dict:
        count.add(images.shape[0] * images.shape[1], takes_gradient(self.model))
        return plain(self, images, *rest, **named)

    TimmAutoModelForImagePrediction.forward = forward


def table(parts: Parts, part: Path) -> pandas.DataFrame:
    """A part as AutoGluon takes it."""
    return pandas.DataFrame([(str(path), label) for path, label in parts.images(part)], columns=["image", "label"])


def main() -> None:
    """Train, test."""
    given = arguments(__doc__)
    parts, count = given.parts, Count()
    count_images(count)
    with tempfile.TemporaryDirectory() as name:
        folder = checkpoint(given.weights, Path(name))
        settings = {"model.names": ["timm_image"], "model.timm_image.checkpoint_name": str(folder)}
        predictor = MultiModalPredictor(label="label", path=f"{name}/run", problem_type="classification")
        tuning = table(parts, parts.validation) if parts.validation and parts.test else None
        predictor.fit(table(parts, parts.train), tuning_data=tuning, hyperparameters=settings, seed=given.seed)
        seconds = time.perf_counter() - given.started
        accuracy = predictor.evaluate(table(parts, parts.reported), metrics=["accuracy"])["accuracy"]
    report(float(accuracy), count, seconds)


if __name__ == "__main__":
    main()
