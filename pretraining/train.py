"""SGD on the packed source at several resolutions, with a teacher's answers where there are any; resumable."""

import csv
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from lightning.fabric import Fabric
from torch import nn
from torch.nn.functional import cross_entropy, interpolate, kl_div

from pretraining.augment import normalise
from pretraining.batches import Photographs, Source, batch_of, read_photographs, read_source

ARCHITECTURE = "resnet18"
ARCHITECTURE_ARGS = {"channels": (40, 80, 160, 320)}


@dataclass(frozen=True)
class Settings:
    """What a training is made of."""

    epochs: int = 16
    batch_size: int = 256  # over all processes
    learning_rate: float = 0.5  # peak of the one-cycle schedule
    weight_decay: float = 5e-5
    smallest_crop: float = 0.25  # share of an image's area that a crop keeps at least, without a teacher
    sizes: tuple[int, ...] = (64, 64, 96)  # pixels; each batch draws one
    warm_up: float = 0.2  # share of the steps
    teaching: float = 1.0  # weight of the teacher's answers against the labels' 1
    temperature: float = 2.0  # that softens the teacher's answers
    photographs_share: float = 0.5  # of each batch, where photographs without labels are given
    start_from: str = ""  # the name of a finished training whose weights this one begins with
    seed: int = 0


class Student(nn.Module):
    """The network with two classifiers: the source's classes, and the teacher's, which is left behind."""

    def __init__(self, classes: int, taught: int) -> None:
        super().__init__()
        self.network = build(classes)
        self.taught = nn.Linear(self.network.num_features, taught) if taught else None

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Images -> logits of the source's classes, and of the teacher's."""
        pooled = self.network.forward_head(self.network.forward_features(images), pre_logits=True)
        return self.network.get_classifier()(pooled), self.taught(pooled) if self.taught else None


def build(classes: int) -> Any:
    """The embedded architecture with random weights."""
    model = timm.create_model(ARCHITECTURE, num_classes=classes, **ARCHITECTURE_ARGS)
    return model.to(memory_format=torch.channels_last)


def rate(step: int, steps: int, settings: Settings) -> float:
    """The learning rate at ``step``: linear up, cosine down."""
    warm = settings.warm_up * steps
    if step < warm:
        return settings.learning_rate * (0.04 + 0.96 * step / warm)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))


def optimiser_of(model: nn.Module, settings: Settings) -> torch.optim.SGD:
    """SGD with Nesterov momentum; norms and biases are not decayed."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=0.9, nesterov=True)


@torch.no_grad()
def validate(fabric: Fabric, student: nn.Module, source: Source, size: int) -> float:
    """Top-1 accuracy on the held-out images at ``size`` pixels."""
    student.eval()
    right = 0
    for start in range(0, len(source.held_out), 500):
        rows = source.held_out[start : start + 500]
        batch = interpolate(normalise(torch.from_numpy(source.images[rows])), size=(size, size), mode="bilinear")
        scores, _ = student(fabric.to_device(batch.contiguous(memory_format=torch.channels_last)))
        right += int((scores.argmax(1).cpu() == source.labels[rows]).sum())
    return right / len(source.held_out)


def loss_of(
    outputs: tuple[torch.Tensor, torch.Tensor | None],
    labels: torch.Tensor,
    answers: torch.Tensor | None,
    settings: Settings,
) -> torch.Tensor:
    """Cross-entropy with the labels where there are any, and the divergence from the teacher's softened answers."""
    scores, taught = outputs
    loss = cross_entropy(scores.float(), labels)
    if taught is not None and answers is not None:
        t = settings.temperature
        mine, theirs = (taught.float() / t).log_softmax(1), (answers / t).log_softmax(1)
        loss = loss + settings.teaching * t * t * kl_div(mine, theirs, reduction="batchmean", log_target=True)
    return loss


def train_epoch(
    fabric: Fabric,
    student: nn.Module,
    optimiser: Any,
    source: Source,
    photographs: Photographs | None,
    settings: Settings,
    epoch: int,
) -> float:
    """One pass over the source's training images; everything random follows from the seed and the epoch. Mean loss."""
    torch.manual_seed(settings.seed + epoch)
    order = source.training[torch.randperm(len(source.training)).numpy()]
    torch.manual_seed(settings.seed + epoch + 1000 * fabric.global_rank)
    unlabelled = round(settings.photographs_share * settings.batch_size) if photographs else 0
    labelled = settings.batch_size - unlabelled
    steps, total = len(order) // labelled, 0.0
    student.train()
    for step in range(steps):
        whole = order[step * labelled : (step + 1) * labelled]
        rows = np.sort(whole[fabric.global_rank :: fabric.world_size])
        count = unlabelled // fabric.world_size
        images, labels, answers = batch_of(source, rows, photographs, count, settings.sizes, settings.smallest_crop)
        for group in optimiser.param_groups:
            group["lr"] = rate(epoch * steps + step, settings.epochs * steps, settings)
        outputs = student(fabric.to_device(images))
        said = answers if answers is None else fabric.to_device(answers)
        loss = loss_of(outputs, fabric.to_device(labels), said, settings)
        optimiser.zero_grad()
        fabric.backward(loss)
        optimiser.step()
        total += float(loss.detach())
    return total / steps


def train(
    packed: Path,
    taught: Path | None,
    out: Path,
    settings: Settings,
    devices: int | str = "auto",
    unlabelled: Path | None = None,
) -> None:
    """Train on ``packed``, with the lessons in ``taught`` where it is given, and those on the ``unlabelled`` pack.

    checkpoint.pt and history.csv in ``out`` carry the state from sitting to sitting.
    """
    fabric = Fabric(devices=devices, precision="bf16-mixed")
    fabric.launch()
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)
    source = read_source(packed, taught)
    if unlabelled and not taught:
        raise SystemExit("of photographs without labels nothing is learnt without a teacher's answers")
    photographs = read_photographs(unlabelled) if unlabelled else None
    plain = Student(len(source.classes), source.lessons.classes if source.lessons else 0)
    student, optimiser = fabric.setup(plain, optimiser_of(plain, settings))
    first = 0
    if settings.start_from:
        begun = torch.load(out.parent / settings.start_from / "checkpoint.pt", "cpu", weights_only=True)
        plain.load_state_dict(begun["student"])
    if (out / "checkpoint.pt").exists():
        state = torch.load(out / "checkpoint.pt", "cpu", weights_only=True)
        if state["settings"] != asdict(settings):
            raise SystemExit(
                f"{out} was begun with other settings: {state['settings']}; give the same, or another --run"
            )
        plain.load_state_dict(state["student"])
        optimiser.load_state_dict(state["optimiser"])
        first = state["epoch"]
    for epoch in range(first, settings.epochs):
        started = time.perf_counter()
        loss = train_epoch(fabric, student, optimiser, source, photographs, settings, epoch)
        accuracies = {
            f"accuracy_{size}": validate(fabric, student, source, size) for size in sorted(set(settings.sizes))
        }
        seconds = round(time.perf_counter() - started)
        if fabric.is_global_zero:
            write_row(
                out / "history.csv", {"epoch": epoch + 1, "loss": round(loss, 4), **accuracies, "seconds": seconds}
            )
            state = {"student": plain.state_dict(), "optimiser": optimiser.state_dict(), "epoch": epoch + 1}
            save(state | {"classes": source.classes, "settings": asdict(settings)}, out / "checkpoint.pt")


def write_row(path: Path, row: dict[str, Any]) -> None:
    """Add a row to a CSV file, and print it."""
    print(row, flush=True)
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row)
        if file.tell() == 0:
            writer.writeheader()
        writer.writerow(row)


def save(state: dict[str, Any], path: Path) -> None:
    """Write the checkpoint so that a crash leaves the one before it whole."""
    torch.save(state, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)
