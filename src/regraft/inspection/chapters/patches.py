"""The chapter of top patches: a row a channel, with the classes that it answers to."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from regraft.data.images import ImageFile
from regraft.errors import DataError, RecipeError
from regraft.inspection.chapter import Chapter, Figure
from regraft.inspection.chapters.patch_row import drawn, picture
from regraft.inspection.patches import TopPatches, top_patches
from regraft.inspection.pictures import BATCH, pictures
from regraft.inspection.receptive_field import ReceptiveField, receptive_fields
from regraft.inspection.rectified import Reconstruction
from regraft.inspection.subject import Subject, maps_of
from regraft.network.cuts import Cut

CUTS = CHANNELS = 6
RECONSTRUCTED = 3  # of a channel's patches
RANDOM = 3  # one channel in so many is drawn at random; the others are the most selective
LEAD = (
    "Each row is one channel of the network: the nine images that excite it most, cut to the pixels that it sees."
    " Where a channel sees the whole image, the image is bright where the channel is active."
    " The last three pictures are reconstructions of the first three patches: what in them excites the channel."
)
RULE = "Reconstructions follow the ReLU rule (guided backpropagation). They are drawings of a patch, no explanation."
HALVES = "Half of the images chose patches, classes and channels. The figures were measured on the other half."


@dataclass
class Shown:
    """What is drawn of one cut."""

    top: TopPatches
    sees: ReceptiveField
    channels: list[int]
    maps: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)
    reconstructions: dict[int, list[np.ndarray]] = field(default_factory=dict)

    def chosen(self, channel: int) -> list[tuple[int, int, int]]:
        """A channel's images with y and x, the strongest first."""
        rows, places = self.top.rows[channel], self.top.places[channel]
        return [(int(row), int(y), int(x)) for row, (y, x) in zip(rows, places, strict=True) if row >= 0]


def chapter_of(
    subject: Subject,
    files: Sequence[ImageFile],
    classes: Sequence[str],
    cuts: Sequence[Cut] | None = None,
    channel: int | None = None,
    relevance_to: int | None = None,
    channels: int = CHANNELS,
    seed: int = 0,
    engine: str | None = None,
) -> Chapter:
    """The top patches of some channels at ``cuts`` (None: six over the depth); ``classes`` are those of the labels.

    ``relevance_to``: a class of the network that patches are ranked by. RecipeError for a channel that no cut has.
    """
    cuts = tuple(cuts) if cuts else spread(subject, CUTS)
    cuts = tuple(cut for cut in cuts if channel is None or has_channel(cut, channel, cuts))
    found = top_patches(subject, files, len(classes), cuts, relevance_to=relevance_to, engine=engine, seed=seed)
    fields = receptive_fields(subject, cuts)
    shown = [
        Shown(top, sees, channels_of(top, channel, channels, seed + place))
        for place, (top, sees) in enumerate(zip(found, fields, strict=True))
    ]
    pixels = pixels_of(subject, files, shown)
    notes = [HALVES, RULE]
    for one in shown:
        with torch.random.fork_rng(devices=[]):
            if not draw(subject, one, pixels):
                notes.append(
                    f"No unit before {one.top.cut.name} is like a ReLU: its reconstructions are plain gradients."
                )
        notes += remarks(one)
    figures = [
        figure(one, place, pixels, tuple(classes), relevance_to is not None, seed)
        for one in shown
        for place in one.channels
    ]
    rank = (
        f" Patches are ranked by relevance to {class_name(subject, relevance_to)}." if relevance_to is not None else ""
    )
    return Chapter("patches", "What excites each channel", LEAD + rank, tuple(figures), tuple(notes))


def spread(subject: Subject, count: int) -> tuple[Cut, ...]:
    """So many cuts evenly over the depth, the first and the last among them; without space where none has any."""
    cuts = subject.spatial_cuts or subject.cuts
    places = np.linspace(0, len(cuts) - 1, min(count, len(cuts))).round().astype(int)
    return tuple(cuts[place] for place in places)


def has_channel(cut: Cut, channel: int, cuts: Sequence[Cut]) -> bool:
    """Whether a cut has a channel; RecipeError where none of ``cuts`` has it."""
    if channel < 0 or channel >= max(one.channels for one in cuts):
        counts = ", ".join(f"{one.name} 0 to {one.channels - 1}" for one in cuts)
        raise RecipeError(f"there is no channel {channel} here; give one of {counts}")
    return channel < cut.channels


def class_name(subject: Subject, label: int) -> str:
    """What a logit stands for."""
    return subject.classes[label] if label < len(subject.classes) else f"class {label}"


def channels_of(top: TopPatches, channel: int | None, count: int, seed: int) -> list[int]:
    """The channels to draw: the one asked for, or the most selective ones and some at random; none that never fires."""
    firing = np.flatnonzero(~top.silent & (top.rows[:, 0] >= 0))
    if channel is not None:
        return [channel] if channel in firing else []
    order = firing[np.argsort(-top.chosen_by[firing], kind="stable")]
    selective = order[: count - count // RANDOM]
    others = np.random.default_rng(seed).permutation(order[len(selective) :])[: count - len(selective)]
    return [int(one) for one in (*selective, *others)]


def pixels_of(subject: Subject, files: Sequence[ImageFile], shown: Sequence[Shown]) -> dict[int, np.ndarray]:
    """The pixels of the images that are drawn, which are read once more."""
    rows = sorted({row for one in shown for place in one.channels for row, _, _ in one.chosen(place)})
    read = {rows[one.row]: one.pixels for one in pictures(subject, [files[row] for row in rows])}
    if len(read) < len(rows):
        missing = next(files[row].name for row in rows if row not in read)
        raise DataError(f"{missing} could be read before and cannot now; is the folder being changed? Look again")
    return read


def draw(subject: Subject, one: Shown, pixels: dict[int, np.ndarray]) -> bool:
    """Add the maps of channels that see whole images, and the reconstructions; whether these follow the ReLU rule."""
    wanted = [place for place in one.channels if one.sees.covers(place)]
    rows = sorted({row for place in wanted for row, _, _ in one.chosen(place)})
    network = subject.tapped([one.top.cut])
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        with torch.no_grad():
            values = maps_of(network(subject.input_of(np.stack([pixels[row] for row in part])))[0], one.top.cut)
        for place, row in enumerate(part):
            one.maps |= {(channel, row): values[place, channel].numpy() for channel in wanted}
    make, std = Reconstruction(subject, one.top.cut), subject.preprocessing.std
    strongest = [(channel, *at) for channel in one.channels for at in one.chosen(channel)[:RECONSTRUCTED]]
    for start in range(0, len(strongest), BATCH):
        group = strongest[start : start + BATCH]
        images = np.stack([pixels[row] for _, row, _, _ in group])
        made = make(images, [channel for channel, *_ in group], [(y, x) for _, _, y, x in group])
        for (channel, *_), gradient in zip(group, made.numpy(), strict=True):
            one.reconstructions.setdefault(channel, []).append(drawn(gradient, std))
    return make.units > 0 or not strongest


def figure(
    one: Shown, channel: int, pixels: dict[int, np.ndarray], classes: tuple[str, ...], relevance: bool, seed: int
) -> Figure:
    """One channel's row."""
    name, values = one.top.cut.name, one.top.values[channel]
    made = picture(one.sees, channel, one.chosen(channel), pixels, one.maps, one.reconstructions.get(channel, []))
    words = one.top.selectivity(channel, seed).words(classes)
    strength = f"{'Relevance' if relevance else 'Activation'} {values[0]:.3g} in the first."
    return Figure(f"patches-{name}-{channel}", f"{name}, channel {channel}. {words} {strength}", made, name)


def remarks(one: Shown) -> list[str]:
    """What a cut's channels see, and how many never fire."""
    name, silent = one.top.cut.name, np.flatnonzero(one.top.silent)
    said = [f"{name} {one.sees.sentence()}."]
    if len(silent):
        listed = ", ".join(map(str, silent[:10])) + (" and more" if len(silent) > 10 else "")  # noqa: PLR2004
        fire = "fires (rises above 0)" if len(silent) == 1 else "fire (rise above 0)"
        said.append(
            f"{len(silent)} of {len(one.top.silent)} channels never {fire} at {name} on these images: {listed}."
        )
    if (one.top.rows < 0).all():
        said.append(f"None of these images fell into the half that chooses patches at {name}; give more images.")
    return said
