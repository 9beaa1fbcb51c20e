"""Made pictures beside natural ones: what excites channels and classes, and an image dreamt further."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from PIL import Image

from regraft.data.decoding import Undecodable, decode_for
from regraft.data.images import ImageFile
from regraft.inspection.best_images import Best, BestImages, best_images
from regraft.inspection.chapter import Chapter, Figure
from regraft.inspection.chapters.patch_row import lit, patch
from regraft.inspection.deep_dream import Dream, deep_dream
from regraft.inspection.drawing import grid, resized
from regraft.inspection.feature_visualisation import STEPS, Target, Visualisation, class_of, target_of, visualise
from regraft.inspection.image_statistics import ImageStatistics, statistics_of, usual
from regraft.inspection.parametrisation import FOURIER, MACO
from regraft.inspection.pictures import pictures
from regraft.inspection.receptive_field import ReceptiveField, receptive_fields
from regraft.inspection.subject import Subject, maps_of
from regraft.network.cuts import Cut

CUTS, CHANNELS, CLASSES, IMAGES = 4, 3, 6, 500
SIDE, DREAM_SIDE, COLOURS = 128, 256, 256
LEAD = (
    "These pictures are illustrations, not evidence. Natural examples tell people more: with them 92% of answers were"
    " right, with made pictures 82% (arXiv 2010.12606). So look at the patches first. An optimiser made each picture"
    " from noise, so that one channel or class answers most. Fourier: everything is free, so colours and contrast are"
    " stronger than in photographs. MACO (arXiv 2306.06805): how much there is of each frequency is held at that of"
    " natural images."
)
Item = TypeVar("Item")


def chapter_of(
    subject: Subject,
    files: Sequence[ImageFile] = (),
    cuts: Sequence[str] | None = None,
    channels: Mapping[str, Sequence[int]] | None = None,
    classes: Sequence[str | int] | None = None,
    image: Image.Image | None = None,
    steps: int = STEPS,
    seed: int = 0,
) -> Chapter:
    """Made pictures for a few channels at a few cuts and for a run's classes, then DeepDream of one image.

    ``image``: to be dreamt (None: the first file).
    """
    files = evenly(files, IMAGES)
    places = [subject.cut_of(name) for name in cuts] if cuts else evenly(subject.spatial_cuts or subject.cuts, CUTS)
    natural = best_images(subject, places, files) if files else None
    statistics = statistics_of(natural.sample) if natural else usual(subject.preprocessing.size)
    targets = [
        target_of(subject, cut.name, channel)
        for cut in places
        for channel in (channels or {}).get(cut.name) or some_channels(cut, natural)
    ]
    targets += [class_of(subject, label) for label in wanted_classes(subject, classes)]
    made = [visualise(subject, targets, name, statistics, steps, seed) for name in (FOURIER, MACO)]
    seen = receptive_fields(subject, places) if natural and subject.spatial_cuts else ()
    fields = {field.cut.name: field for field in seen}
    rows = [Row(subject, pair, natural, files, fields) for pair in zip(made[0], made[1], strict=True)]
    figures = [row.figure() for row in rows if row.panels()]
    notes = [row.silence() for row in rows if not row.panels()]
    if image or files:
        figures.append(dreamt(deep_dream(subject, image or opened(subject, files), seed=seed)))
    return Chapter(
        "dreams", "Dreams (illustrations)", LEAD, tuple(figures), (*notes, *remarks(subject, statistics, classes))
    )


@dataclass(frozen=True)
class Row:
    """A channel or class: two made pictures, the best natural one, and what the network sees in each."""

    subject: Subject
    made: tuple[Visualisation, Visualisation]  # by Fourier coefficients and by MACO
    natural: BestImages | None  # measured on ``files``
    files: Sequence[ImageFile]
    fields: Mapping[str, ReceptiveField]  # by the cut's name

    @property
    def target(self) -> Target:
        """What all of them are about."""
        return self.made[0].target

    @property
    def name(self) -> str:
        """Of the target, in words."""
        if self.target.cut:
            return f"{self.target.cut.name}, channel {self.target.unit}"
        label = self.target.unit or 0
        return f"class {self.subject.classes[label] if self.subject.classes else label}"

    @property
    def best(self) -> Best | None:
        """The natural values where the target lies."""
        if self.natural is None:
            return None
        return self.natural.cuts[self.target.cut.name] if self.target.cut else self.natural.classes

    def panels(self) -> list[tuple[str, Visualisation]]:
        """The made pictures that there are, by their way."""
        both = zip(("Fourier", "MACO"), self.made, strict=True)
        return [(name, one) for name, one in both if one.picture is not None]

    def figures_of(self, peak: float, mean: float) -> str:
        """The values in words: of a channel two, since the largest has a ceiling where units saturate."""
        return f"{peak:.3g} and {mean:.3g}" if self.target.cut else f"{peak:.3g}"

    def patch(self) -> Image.Image | None:
        """What the channel sees of the best natural image where it answers most; of a class the image."""
        cut, unit = self.target.cut, self.target.unit or 0
        if self.best is None:
            return None
        file = self.files[int(self.best.rows[unit])]
        pixels = next((one.pixels for one in pictures(self.subject, [file])), None)
        if pixels is None or cut is None or cut.name not in self.fields:
            return None if pixels is None else Image.fromarray(pixels)
        with torch.no_grad():
            values = self.subject.tapped([cut])(self.subject.input_of(pixels[None]))[0]
        heat, field = maps_of(values, cut)[0, unit].numpy(), self.fields[cut.name]
        y, x = np.unravel_index(int(heat.argmax()), heat.shape)
        return lit(pixels, heat) if field.covers(unit) else patch(pixels, field, unit, int(y), int(x))

    def figure(self) -> Figure:
        """All side by side."""
        panels, natural_patch = self.panels(), self.patch()
        shown = [name for name, _ in panels]
        values = [f"{self.figures_of(one.peak, one.activation)} ({name})" for name, one in panels]
        images = [resized(one.picture, SIDE) for _, one in panels if one.picture is not None]
        if self.best is not None and self.natural is not None:
            unit = self.target.unit or 0
            natural = self.figures_of(self.best.peaks[unit], self.best.means[unit])
            values.append(f"{natural} (best of {self.natural.images} natural images)")
        if natural_patch:
            shown.append("best natural patch" if self.target.cut else "best natural image")
            images.append(resized(natural_patch, SIDE))
        what = "Largest value at one place and mean over all places" if self.target.cut else "Logit"
        return Figure(
            "dream-" + re.sub(r"[^A-Za-z0-9.-]+", "-", self.name),
            f"Illustration: {self.name}. {what}: {', '.join(values)}. Left to right: {', '.join(shown)}.",
            lighter(grid(images, len(images))),
            self.target.cut.name if self.target.cut else None,
        )

    def silence(self) -> str:
        """Why there is no figure."""
        seen = ""
        if self.best is not None and self.natural is not None:
            value = self.best.peaks[self.target.unit or 0]
            seen = f"; its largest value in {self.natural.images} natural images is {value:.3g}"
        return f"{self.name}: no picture, since it never fired while one was made{seen}."


def dreamt(dream: Dream) -> Figure:
    """An image, and what a cut makes of it."""
    both = [resized(pixels, DREAM_SIDE) for pixels in (dream.image, dream.picture)]
    caption = (
        f"Illustration: DeepDream at {dream.cut.name}. What this layer already sees is made stronger."
        f" Its mean square grows from {dream.before:.3g} to {dream.after:.3g}. Left: the image."
    )
    return Figure("deep-dream", caption, lighter(grid(both, 2)), dream.cut.name)


def some_channels(cut: Cut, natural: BestImages | None) -> list[int]:
    """Channels that fire on some image, evenly spaced: not chosen for their looks."""
    firing = natural.cuts[cut.name].fires().nonzero()[0].tolist() if natural else []
    return evenly(firing or range(cut.channels), CHANNELS)


def wanted_classes(subject: Subject, classes: Sequence[str | int] | None) -> Sequence[str | int]:
    """Those that were asked for, or a run's first ones."""
    if classes is not None:
        return classes
    return range(min(CLASSES, len(subject.classes))) if subject.graft else ()


def remarks(subject: Subject, statistics: ImageStatistics, classes: Sequence[str | int] | None) -> list[str]:
    """What the pictures were made with."""
    said = [f"MACO's spectrum: {statistics.in_words}."]
    if subject.graft and classes is None and len(subject.classes) > CLASSES:
        said.append(f"{CLASSES} of {len(subject.classes)} classes are shown; others can be asked for by name.")
    return said


def evenly(items: Sequence[Item], most: int) -> list[Item]:
    """At most so many items, evenly spaced, the first and the last among them."""
    places = np.linspace(0, len(items) - 1, min(most, len(items))).round().astype(int)
    return [items[place] for place in places]


def opened(subject: Subject, files: Sequence[ImageFile]) -> Image.Image:
    """The first image that can be decoded, in the size that DeepDream ends at."""
    for file in files:
        try:
            return decode_for(file.content.read(), 2 * subject.preprocessing.side, rendering=subject.rendering).image
        except Undecodable:
            continue
    raise AssertionError("best_images read at least one")


def lighter(picture: Image.Image) -> Image.Image:
    """With fewer colours: less than half of the bytes as PNG."""
    return picture.quantize(COLOURS, Image.Quantize.MEDIANCUT)
