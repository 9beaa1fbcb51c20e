"""Which unlabelled images to label next."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from regraft.data.identity import IDENTITY
from regraft.data.image_files import Files
from regraft.data.images import LEFT_OUT, Fault, ImageFile, ImageSet
from regraft.data.readers.paths import Named, NoImage
from regraft.data.rendering import PLAIN
from regraft.errors import DataError, RecipeError, RegraftError, RunError, reason_not_written
from regraft.evaluation.classifier import Classifier, load
from regraft.evaluation.given import contents_of
from regraft.evaluation.sorting import Sorted
from regraft.features.extract import extract
from regraft.features.features import Features
from regraft.features.frozen_pass import wanted_of
from regraft.features.informative import margins_of, most_informative
from regraft.features.scale import scale_of
from regraft.metrics import softmax
from regraft.network.backbone import Backbone
from regraft.network.hub import is_at_hand
from regraft.network.load import load as load_backbone
from regraft.network.saved import Saved
from regraft.progress.shown import ShowProgress, shown
from regraft.recipe import FROZEN_STRATEGIES, MAX_PIXELS, Reading, Recipe, read_recipe
from regraft.runs.rows import write_rows
from regraft.runs.seen import images_of
from regraft.strict_json import Malformed
from regraft.visible import Shown

COUNT = 50
LINKS = "label"  # the only class of the folder of links, whose images have none


@dataclass(frozen=True)
class Suggested:
    """One image to label."""

    path: str
    label: str  # that the run holds likeliest
    probability: float
    second: str  # the next likeliest
    margin: float  # between the two


@dataclass(frozen=True, repr=False)
class Suggestions(Shown):
    """Images to label next, the ones that the run hesitates about most first."""

    run: Path
    images: tuple[Suggested, ...]
    pool: int  # images that they were chosen from
    labelled: int  # images that the run knows already, which are not suggested
    copies: int  # of others in the pool
    left_out: tuple[Fault, ...]  # files that cannot be read
    contents: dict[str, Any] = field(repr=False)  # by path

    def in_lines(self) -> Iterator[str]:
        """How many of how many."""
        yield f"{len(self.images):,} of {self.pool:,} images to label next"
        for name, count in (("known to the run", self.labelled), ("copies of others", self.copies)):
            if count:
                yield f"{count:,} were passed over: {name}"
        if self.left_out:
            yield f"{len(self.left_out):,} files cannot be used"

    def as_dict(self) -> dict[str, Any]:
        """What ``suggest --json`` prints."""
        return {
            "run": str(self.run),
            "images": [asdict(image) for image in self.images],
            "pool": self.pool,
            "labelled": self.labelled,
            "copies": self.copies,
            "left_out": [asdict(fault) for fault in self.left_out],
        }

    def write(self, path: Path) -> None:
        """Write the list as CSV; RunError where that cannot be."""
        try:
            write_rows(path, self.as_dict()["images"])
        except OSError as error:
            raise RunError(f"{path} cannot be written: {reason_not_written(error)}; name another file") from None

    def link_into(self, folder: str | os.PathLike[str]) -> None:
        """Links to the images in ``folder``, or copies where there can be none; nothing is moved or replaced."""
        links = Linked(Path(folder), (LINKS,))
        for image in self.images:
            links.add({"path": image.path, "error": None, "known": None, "class": LINKS}, self.contents[image.path])


class Linked(Sorted):
    """A folder that images are linked into, whatever their class."""

    option = "--link-into"

    def folder_of(self, row: Any) -> str:
        """The folder itself."""
        return "."


def suggest(
    run: str | os.PathLike[str],
    images: Any,
    count: int = COUNT,
    device: str = "auto",
    max_pixels: int = MAX_PIXELS,
    progress: ShowProgress = True,
) -> Suggestions:
    """Which of unlabelled ``images`` to label next, for a run to gain most.

    ``images``: as Classifier.predict takes them, a folder mostly. Those that the run trained on are not suggested, nor
    copies. Their features are kept, so that a training with them has less to do. Raises DataError where none is left.
    """
    if count < 1:
        raise RecipeError(f"{count} images were asked for; ask for one or more")
    classifier = load(run, device)
    saved = classifier.saved
    assert saved, "it was loaded from a folder"
    if len(classifier.classes) < 2:  # noqa: PLR2004
        raise RecipeError("the run tells no classes apart, so no image is better than another")
    contents = dict(contents_of(images, Reading(max_pixels=max_pixels)))
    with shown(progress) as shows:
        pool, faults = pool_of(list(contents.items()), classifier)
        recipe = Recipe(device=device, max_pixels=max_pixels)
        backbone = network_of(Path(run), saved)
        features = extract(pool, backbone, wanted_of(backbone, saved.config.pooling), recipe, shows)
        fresh, labelled, copies = new_rows(features, Path(run))
        if not len(fresh):
            raise DataError(f"all {len(features.pixels):,} images are known to {run} already; give others")
        shows("Choosing images", 0, 1)
        chosen = choose(features, backbone, saved, fresh, count)
        shows("Choosing images", 1, 1)
    left_out = (*faults, *features.images.faults)
    return Suggestions(Path(run), tuple(chosen), len(fresh), labelled, copies, left_out, contents)


def pool_of(contents: Sequence[Named], classifier: Classifier) -> tuple[ImageSet, list[Fault]]:
    """The images as a set without labels, and the files that are none."""
    faults = [item.fault for _, item in contents if isinstance(item, NoImage) and item.fault.action == LEFT_OUT]
    files = Files.of(ImageFile(name, 0, None, item) for name, item in contents if not isinstance(item, NoImage))
    if not files:
        raise DataError("there is no image among the files; give images, or a folder of them")
    return ImageSet(Path(), ("",), files, rendering=classifier.rendering or PLAIN), faults


def network_of(run: Path, saved: Saved) -> Backbone:
    """The network of a run, under the name that a training knows it by where it was left as it is."""
    own = saved.graft.backbone
    if saved.strategy in FROZEN_STRATEGIES:
        try:
            asked = read_recipe(run / "recipe.json").network
            if is_at_hand(asked.backbone, asked.weights):
                made = load_backbone(asked.backbone, asked.weights, asked.image_size, asked.weights_key)
                if made.preprocessing == saved.preprocessing and agrees(made, saved):
                    return made
        except (RegraftError, OSError):
            pass
    return own


def agrees(backbone: Backbone, saved: Saved) -> bool:
    """Whether the weights up to the run's last cut are those that the run keeps."""
    kept = saved.graft.body_state
    state = backbone.state_up_to(backbone.cut_of(saved.graft.last_cut.name))
    return kept.keys() == state.keys() and all(np.array_equal(kept[name], state[name]) for name in kept)


def new_rows(features: Features, run: Path) -> tuple[np.ndarray, int, int]:
    """The rows that the run does not know, one of each copy; and how many it knows, and are copies."""
    known: frozenset[str] = frozenset()
    try:
        seen = images_of(run)
        if seen.identity == IDENTITY:
            known = frozenset(file.pixels for file in seen.files)
    except (OSError, Malformed):
        pass
    labelled = [row for row, pixels in enumerate(features.pixels) if pixels in known]
    first: dict[str, int] = {}
    for row, pixels in enumerate(features.pixels):
        if pixels not in known:
            first.setdefault(pixels, row)
    fresh = np.array(list(first.values()), dtype=np.int64)
    return fresh, len(labelled), len(features.pixels) - len(labelled) - len(fresh)


def choose(features: Features, backbone: Backbone, saved: Saved, rows: np.ndarray, count: int) -> Iterator[Suggested]:
    """Those of ``rows`` to label, by the run's own head on the features."""
    cuts = [backbone.cut_of(name) for name in saved.config.cuts]
    x = features.pooled(cuts, rows, saved.config.pooling)
    probabilities = softmax(saved.graft.head.logits(x))
    margins = margins_of(probabilities)
    standard = scale_of(x).apply(x)
    standard /= np.maximum(np.linalg.norm(standard, axis=1, keepdims=True), 1e-12)
    for place in most_informative(standard, margins, count, 0).tolist():
        second, best = np.argsort(probabilities[place], kind="stable")[-2:].tolist()
        yield Suggested(
            path=features.images.files[int(rows[place])].name,
            label=saved.classes[best],
            probability=round(float(probabilities[place, best]), 6),
            second=saved.classes[second],
            margin=round(float(margins[place]), 6),
        )
