"""What a larger network says of fixed random crops of the source, written once, for a student to learn from.

After Shen & Xing (2021), "A fast knowledge distillation framework for visual recognition": the crops are kept with the
teacher's answers, so that the teacher runs once and not in every epoch.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pretraining.augment import MEAN, STD, crop, draw_crops, normalise
from regraft.network import backbone
from regraft.network.cuts import trace
from regraft.network.engine import best_engine, compile_network, device_of
from regraft.network.surgery import pooled_network

BATCH = 256
SMALLEST_CROP = 0.25  # share of an image's area


@dataclass(frozen=True)
class Lessons:
    """Crops and what the teacher says of them, for every view of every image."""

    crops: np.ndarray  # (views, images, 2, 3) float32, as augment.crop takes them
    logits: np.ndarray  # (views, images, classes of the teacher) float16

    @property
    def classes(self) -> int:
        """Classes that the teacher tells apart."""
        return int(self.logits.shape[2])


def write_lessons(packed: Path, out: Path, name: str, weights: str | None, views: int, size: int) -> None:
    """Ask ``name`` about ``views`` random crops of each image, shown at ``size`` pixels a side.

    Writes crops-VIEW.npy and logits-VIEW.npy to ``out`` one view after another, goes on where it was stopped, and does
    nothing when all are there.
    """
    out.mkdir(parents=True, exist_ok=True)
    images = np.load(packed / "images.npy", mmap_mode="r")
    teacher = backbone.load(name, weights, size)
    device = device_of("auto")
    network = pooled_network(teacher.model, trace(teacher.model, size), (), logits=True)
    engine = compile_network(network, size, device, best_engine(device))
    mean, std = (
        torch.tensor(values).view(1, 3, 1, 1) for values in (teacher.preprocessing.mean, teacher.preprocessing.std)
    )
    for view in range(views):
        if (out / f"logits-{view}.npy").exists():
            continue
        torch.manual_seed(view)
        theta = draw_crops(len(images), SMALLEST_CROP)
        answers = np.empty((len(images), len(teacher.source_classes)), np.float16)
        for start in range(0, len(images), BATCH):
            part = slice(start, start + BATCH)
            batch = crop(normalise(torch.from_numpy(images[part].copy())), theta[part], size)
            answers[part] = engine.run((batch * STD + MEAN - mean) / std)[0]
        np.save(out / f"crops-{view}.npy", theta.numpy())
        np.save(out / "unfinished.npy", answers)
        (out / "unfinished.npy").rename(out / f"logits-{view}.npy")
        print(f"view {view + 1} of {views}", flush=True)


def read_lessons(folder: Path) -> Lessons:
    """What ``write_lessons`` wrote; SystemExit where it wrote nothing."""
    found = sorted(folder.glob("logits-*.npy"))
    if not found:
        raise SystemExit(f"{folder} holds no teacher's answers; make them with teach, or train --without-teacher")
    crops = [np.load(path.with_name(path.name.replace("logits", "crops"))) for path in found]
    return Lessons(np.stack(crops), np.stack([np.load(path) for path in found]))
