"""One-cycle SGD on the packed source, at several resolutions, resumable after every epoch."""

import csv
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from torch.nn.functional import cross_entropy, interpolate

from pretraining.augment import augment, normalise

ARCHITECTURE = "resnet18"
ARCHITECTURE_ARGS = {"channels": (40, 80, 160, 320)}


@dataclass(frozen=True)
class Settings:
    """What a training is made of."""

    epochs: int = 16
    batch_size: int = 256
    learning_rate: float = 0.5  # peak of the one-cycle schedule
    weight_decay: float = 5e-5
    smallest_crop: float = 0.25  # share of an image's area that a crop keeps at least
    sizes: tuple[int, ...] = (64, 64, 96)  # pixels; each batch draws one
    warm_up: float = 0.2  # share of the steps
    seed: int = 0


def rate(step: int, steps: int, settings: Settings) -> float:
    """The learning rate at ``step``: linear up, cosine down."""
    warm = settings.warm_up * steps
    if step < warm:
        return settings.learning_rate * (0.04 + 0.96 * step / warm)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))


def build(classes: int) -> torch.nn.Module:
    """The embedded architecture with random weights."""
    model = timm.create_model(ARCHITECTURE, num_classes=classes, **ARCHITECTURE_ARGS)
    return model.to(memory_format=torch.channels_last)  # type: ignore[no-any-return]


def optimiser_of(model: torch.nn.Module, settings: Settings) -> torch.optim.SGD:
    """SGD with Nesterov momentum; norms and biases are not decayed."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=0.9, nesterov=True)


@torch.no_grad()
def validate(model: torch.nn.Module, images: np.ndarray, labels: torch.Tensor, size: int) -> float:
    """Top-1 accuracy of ``model`` at ``size`` pixels."""
    model.eval()
    right = 0
    for start in range(0, len(images), 500):
        batch = interpolate(
            normalise(torch.from_numpy(images[start : start + 500])), size=(size, size), mode="bilinear"
        )
        with torch.autocast("cpu", torch.bfloat16):
            scores = model(batch.contiguous(memory_format=torch.channels_last))
        right += int((scores.argmax(1) == labels[start : start + 500]).sum())
    return right / len(images)


def save(state: dict[str, Any], path: Path) -> None:
    """Write the checkpoint so that a crash leaves the one before it whole."""
    torch.save(state, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def train(packed: Path, out: Path, settings: Settings) -> None:
    """Train on ``packed``; checkpoint.pt and history.csv in ``out`` carry the state from sitting to sitting."""
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)
    images = np.load(packed / "images.npy", mmap_mode="r")
    labels = torch.from_numpy(np.load(packed / "labels.npy"))
    held_out = np.load(packed / "held_out.npy")
    classes = json.loads((packed / "classes.json").read_text())
    training, validation = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    model = build(len(classes))
    optimiser = optimiser_of(model, settings)
    first = 0
    if (out / "checkpoint.pt").exists():
        state = torch.load(out / "checkpoint.pt", weights_only=True)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        first = state["epoch"]
    steps_an_epoch = len(training) // settings.batch_size
    for epoch in range(first, settings.epochs):
        torch.manual_seed(settings.seed + epoch)
        started, total = time.perf_counter(), 0.0
        order = training[torch.randperm(len(training)).numpy()]
        model.train()
        for step in range(steps_an_epoch):
            chosen = np.sort(order[step * settings.batch_size : (step + 1) * settings.batch_size])
            size = settings.sizes[int(torch.randint(len(settings.sizes), ()))]
            batch = augment(normalise(torch.from_numpy(images[chosen])), size, settings.smallest_crop)
            for group in optimiser.param_groups:
                group["lr"] = rate(epoch * steps_an_epoch + step, settings.epochs * steps_an_epoch, settings)
            with torch.autocast("cpu", torch.bfloat16):
                scores = model(batch.contiguous(memory_format=torch.channels_last))
            loss = cross_entropy(scores.float(), labels[chosen])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += float(loss.detach())
        row = {
            "epoch": epoch + 1,
            "train_loss": round(total / steps_an_epoch, 4),
            **{
                f"accuracy_{s}": validate(model, images[validation], labels[validation], s)
                for s in sorted(set(settings.sizes))
            },
            "seconds": round(time.perf_counter() - started),
        }
        print(row, flush=True)
        with (out / "history.csv").open("a", newline="") as file:
            writer = csv.DictWriter(file, row)
            if file.tell() == 0:
                writer.writeheader()
            writer.writerow(row)
        save(
            {
                "model": model.state_dict(),
                "optimiser": optimiser.state_dict(),
                "epoch": epoch + 1,
                "classes": classes,
                "settings": asdict(settings),
            },
            out / "checkpoint.pt",
        )
