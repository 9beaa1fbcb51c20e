"""Batches of the packed source, and of photographs without labels beside it, each with the teacher's answers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pretraining.augment import crop, draw_crops, normalise, recolour
from pretraining.teacher import Lessons, read_lessons

NO_LABEL = -100  # what torch's cross-entropy leaves out


@dataclass(frozen=True)
class Source:
    """The packed images."""

    images: np.ndarray  # (images, size, size, 3) uint8
    labels: torch.Tensor  # (images,) int64
    training: np.ndarray  # rows
    held_out: np.ndarray  # rows
    classes: list[str]
    lessons: Lessons | None


@dataclass(frozen=True)
class Photographs:
    """Packed pictures of any size of which nothing but the teacher's answers is learnt."""

    images: np.ndarray  # (images, size, size, 3) uint8
    lessons: Lessons


def read_source(packed: Path, lessons: Path | None) -> Source:
    """What ``source.pack`` wrote, and ``teacher.write_lessons``."""
    held_out = np.load(packed / "held_out.npy")
    return Source(
        np.load(packed / "images.npy", mmap_mode="r"),
        torch.from_numpy(np.load(packed / "labels.npy")),
        np.flatnonzero(~held_out),
        np.flatnonzero(held_out),
        json.loads((packed / "classes.json").read_text()),
        read_lessons(lessons) if lessons else None,
    )


def read_photographs(packed: Path) -> Photographs:
    """What ``source.pack`` wrote, with the lessons that lie beside it."""
    return Photographs(np.load(packed / "images.npy", mmap_mode="r"), read_lessons(lessons_of(packed)))


def lessons_of(packed: Path) -> Path:
    """The lessons on photographs: a folder named after theirs."""
    return packed.with_name(packed.name + "-lessons")


def batch_of(
    source: Source, rows: np.ndarray, photographs: Photographs | None, count: int, sizes: Sequence[int], smallest: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Crops of the source's ``rows`` and of ``count`` photographs, drawn at random, at one of ``sizes``.

    Returns the views (images, 3, size, size), their labels (NO_LABEL for photographs), and the teacher's answers on
    those very crops; without a teacher, None and crops of ``smallest`` to all of an image's area.
    """
    size = sizes[int(torch.randint(len(sizes), ()))]
    views, answers = look(source.images, source.lessons, rows, size, smallest)
    labels = source.labels[rows]
    if photographs and count and answers is not None:
        drawn = np.sort(torch.randint(len(photographs.images), (count,)).numpy())
        more, said = look(photographs.images, photographs.lessons, drawn, size, smallest)
        assert said is not None
        views, answers = torch.cat((views, more)), torch.cat((answers, said))
        labels = torch.cat((labels, torch.full((count,), NO_LABEL)))
    return recolour(views).contiguous(memory_format=torch.channels_last), labels, answers


def look(
    images: np.ndarray, lessons: Lessons | None, rows: np.ndarray, size: int, smallest: float
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """A crop of each of the ``rows`` of ``images``, and the teacher's answers to it."""
    pixels = normalise(torch.from_numpy(images[rows]))
    if not lessons:
        return crop(pixels, draw_crops(len(rows), smallest), size), None
    views = torch.randint(len(lessons.crops), (len(rows),)).numpy()
    answers = torch.from_numpy(lessons.logits[views, rows]).float()
    return crop(pixels, torch.from_numpy(lessons.crops[views, rows]), size), answers
