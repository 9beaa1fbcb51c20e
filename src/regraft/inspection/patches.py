"""Top patches: for each channel the images that excite it most, and which classes it answers to.

Natural examples tell people more than synthetic images (Borowski et al. 2020, arXiv 2010.12606). One stream of images
serves all cuts. Of the images, halved by what they show, one half chooses patches and nominates classes, the other
measures how selective the channels are.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch

from regraft.data.images import ImageFile
from regraft.data.prefetch import map_ahead
from regraft.errors import BackboneError, DataError, RecipeError
from regraft.inspection.leaders import Leaders
from regraft.inspection.pictures import Picture, in_batches, pictures
from regraft.inspection.selectivity import NOMINATED, Selectivity, selectivity_of, share_between
from regraft.inspection.subject import Subject, maps_of
from regraft.network.cuts import Cut
from regraft.network.engine import best_engine, compile_pass, device_name, streams_of

MOST = 9  # patches a channel
MEASURED = 4000  # images at most whose activations are kept to measure selectivity on
SILENT = 1e-6  # of a cut's strongest value: a channel that never gets above this never fires
Maps = list[tuple[np.ndarray, np.ndarray]]  # a cut: (n, channels, height, width) and means over space (n, channels)


@dataclass(frozen=True)
class TopPatches:
    """What excites the channels at one cut; the strongest image first."""

    cut: Cut
    shape: tuple[int, int]  # of its maps: height and width
    rows: np.ndarray  # (channels, most): images, as places among the files; -1 where there are no more
    values: np.ndarray  # (channels, most) float32: the activation, or relevance, that an image was chosen for
    places: np.ndarray  # (channels, most, 2): y and x of it in the map
    largest: np.ndarray  # (channels,): of all images
    chosen_by: np.ndarray  # (channels,): eta squared on the images that choose
    class_means: np.ndarray  # (classes, channels): mean activation on the images that choose; NaN for an empty class
    measured: np.ndarray  # (images, channels) float32: mean activations over space of images that choose nothing
    labels: np.ndarray  # (images,): of those

    @cached_property
    def silent(self) -> np.ndarray:
        """(channels,): whether a channel never fires on these images."""
        strongest = float(self.largest.max(initial=0))
        return self.largest <= SILENT * strongest

    def nominated(self, channel: int) -> tuple[int, ...]:
        """The classes that excite a channel most, on the images that choose."""
        means = np.nan_to_num(self.class_means[:, channel], nan=-np.inf)
        order = np.argsort(-means, kind="stable")[:NOMINATED]
        return tuple(int(one) for one in order if np.isfinite(means[one]))

    def selectivity(self, channel: int, seed: int = 0) -> Selectivity:
        """How a channel tells classes apart, on images that chose none of its patches."""
        values, classes = self.measured[:, channel], len(self.class_means)
        return selectivity_of(values, self.labels, self.nominated(channel), classes, seed)


@dataclass
class Tally:
    """What is kept of one cut while images stream by."""

    leaders: Leaders
    shape: tuple[int, int]  # of its maps
    sums: np.ndarray  # (classes, channels)
    squares: np.ndarray  # (channels,)
    counts: np.ndarray  # (classes,)
    measured: list[np.ndarray] = field(default_factory=list)

    def add(self, maps: np.ndarray, means: np.ndarray, batch: Sequence["Seen"]) -> None:
        """One batch."""
        choose = [one.chooses for one in batch]
        flat = maps.reshape(*maps.shape[:2], -1)
        self.leaders.offer(flat, means, [one.row for one in batch], [one.chooses and not one.again for one in batch])
        own, labels = means[choose].astype(np.float64), [one.label for one in batch if one.chooses]
        np.add.at(self.sums, labels, own)
        np.add.at(self.counts, labels, 1)
        self.squares += (own**2).sum(0)


@dataclass(frozen=True)
class Seen:
    """An image in the stream."""

    row: int
    label: int
    key: int  # a hash of its pixels, which halves the images
    again: bool  # whether the same pixels came before

    @property
    def chooses(self) -> bool:
        """Whether it chooses patches; else it measures."""
        return self.key % 2 == 0


def top_patches(
    subject: Subject,
    files: Iterable[ImageFile],
    classes: int,
    cuts: Sequence[Cut] | None = None,
    most: int = MOST,
    relevance_to: int | None = None,
    engine: str | None = None,
    seed: int = 0,
) -> tuple[TopPatches, ...]:
    """The patches at each cut (None: all with space), from one stream; ``classes`` is how many the labels tell apart.

    With ``relevance_to`` a class of the network patches are ranked by gradient times activation of its logit there,
    by a backward pass. ``engine`` is a name of network.engine (None: the fastest). Raises DataError without images.
    """
    cuts = tuple(cuts if cuts is not None else subject.spatial_cuts or subject.cuts)
    if relevance_to is None:
        maps, threads = maps_by_engine(subject, cuts, engine or best_engine(device_name("cpu")))
    else:
        maps, threads = maps_by_relevance(subject, cuts, relevance_to), 1
    tallies, kept = dict[Cut, Tally](), list[Seen]()
    for batch, values in stream(subject, files, maps, threads, seed):
        for cut, (value, means) in zip(cuts, values, strict=True):
            if not np.isfinite(means).all():
                raise not_finite(subject, cut)
            if cut not in tallies:
                tallies[cut] = new_tally(value, classes, most)
            tallies[cut].add(value, means, batch)
        kept = keep_measured(kept, batch, [means for _, means in values], list(tallies.values()))
    if not tallies:
        raise DataError("no image could be read, so there are no patches; regraft scan says what is wrong with them")
    kept = thinned(kept, list(tallies.values()))
    labels = np.array([one.label for one in kept], int)
    return tuple(finished(cut, tallies[cut], labels) for cut in cuts)


def not_finite(subject: Subject, cut: Cut) -> BackboneError:
    """The error for activations that are no numbers."""
    return BackboneError(
        f"{subject.name} has values that are not finite at {cut.name}, as weights of a training that broke down do;"
        " use other weights"
    )


def new_tally(maps: np.ndarray, classes: int, most: int) -> Tally:
    """Nothing seen yet, for a cut with maps (n, channels, height, width)."""
    _, channels, high, wide = maps.shape
    return Tally(
        Leaders(channels, most), (high, wide), np.zeros((classes, channels)), np.zeros(channels), np.zeros(classes, int)
    )


def stream(
    subject: Subject, files: Iterable[ImageFile], maps: Callable[[np.ndarray], Maps], threads: int, seed: int
) -> Iterator[tuple[list[Seen], Maps]]:
    """Batches of images with their maps at each cut."""
    before = set[int]()

    def look(group: tuple[Sequence[Picture], np.ndarray]) -> tuple[list[int], Maps]:
        return [key_of(one.pixels, seed) for one in group[0]], maps(group[1])

    for (group, _), (keys, values) in map_ahead(
        look, in_batches(pictures(subject, files), 8), threads, chunk=1, ahead=1
    ):
        batch = []
        for picture, key in zip(group, keys, strict=True):
            batch.append(Seen(picture.row, picture.label, key, key in before))
            before.add(key)
        yield batch, values


def key_of(pixels: np.ndarray, seed: int) -> int:
    """A number for what an image shows."""
    digest = hashlib.blake2b(pixels.tobytes(), digest_size=8, salt=seed.to_bytes(8, "little"))
    return int.from_bytes(digest.digest(), "little")


def keep_measured(
    kept: list[Seen], batch: Sequence[Seen], means: Sequence[np.ndarray], tallies: Sequence[Tally]
) -> list[Seen]:
    """Keep the mean activations of images that measure: of too many those with the smallest keys."""
    for place, one in enumerate(batch):
        if not one.chooses:
            kept.append(one)
            for tally, values in zip(tallies, means, strict=True):
                tally.measured.append(values[place].astype(np.float32))
    if len(kept) < 2 * MEASURED:
        return kept
    return thinned(kept, tallies)


def thinned(kept: list[Seen], tallies: Sequence[Tally]) -> list[Seen]:
    """No more than MEASURED, whatever the order that images came in."""
    order = sorted(range(len(kept)), key=lambda place: kept[place].key)[:MEASURED]
    for tally in tallies:
        tally.measured = [tally.measured[place] for place in order]
    return [kept[place] for place in order]


def finished(cut: Cut, tally: Tally, labels: np.ndarray) -> TopPatches:
    """What one cut's stream gave."""
    leaders, channels = tally.leaders, len(tally.squares)
    places = np.stack(np.divmod(leaders.places, tally.shape[1]), axis=-1)
    with np.errstate(invalid="ignore"):
        means = tally.sums / np.where(tally.counts, tally.counts, np.nan)[:, None]
    return TopPatches(
        cut,
        tally.shape,
        leaders.rows,
        leaders.values,
        places,
        leaders.largest,
        share_between(tally.sums, tally.counts, tally.squares),
        means,
        np.stack(tally.measured) if tally.measured else np.zeros((0, channels), np.float32),
        labels,
    )


def maps_by_engine(subject: Subject, cuts: Sequence[Cut], name: str) -> tuple[Callable[[np.ndarray], Maps], int]:
    """A function from pixels to activations, and how many threads may call it."""
    engine = compile_pass(subject.backbone, cuts, ("whole", "mean"), logits=False, device="cpu", name=name)

    def maps(pixels: np.ndarray) -> Maps:
        outputs = engine.run(pixels)
        wholes = [maps_of(torch.from_numpy(value), cut).numpy() for value, cut in zip(outputs, cuts, strict=False)]
        return list(zip(wholes, outputs[len(cuts) :], strict=True))

    return maps, streams_of(engine.name)


def maps_by_relevance(subject: Subject, cuts: Sequence[Cut], label: int) -> Callable[[np.ndarray], Maps]:
    """A function from pixels to gradient times activation for a class's logit."""
    network = subject.tapped(cuts)

    def maps(pixels: np.ndarray) -> Maps:
        images = subject.input_of(pixels).requires_grad_(True)
        with torch.enable_grad():
            *values, logits = network(images)
            if not 0 <= label < logits.shape[1]:
                raise RecipeError(
                    f"there is no class {label} here; this network tells apart 0 to {logits.shape[1] - 1}"
                )
            gradients = torch.autograd.grad(logits[:, label].sum(), values)
        pairs = ((value.detach(), gradient, cut) for value, gradient, cut in zip(values, gradients, cuts, strict=True))
        return [(maps_of(v * g, cut).numpy(), maps_of(v, cut).mean((2, 3)).numpy()) for v, g, cut in pairs]

    return maps
