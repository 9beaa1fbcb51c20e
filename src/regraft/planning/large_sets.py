"""Large sets: the plan is made on a sample, and all images are looked at for the cuts alone that it leads to.

Features of every cut of every image would fill the disk, and most of them nobody asks for again. The sample does not
hang on the machine, so that parts that are computed elsewhere are computed for the same cuts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regraft.data.images import ImageSet
from regraft.data.sampling import sample_of
from regraft.data.split import TEST_SHARE, Split
from regraft.features.features import Features
from regraft.features.label_issues import narrow_and_late
from regraft.features.near_duplicates import halfway
from regraft.network.cuts import Cut
from regraft.planning.joins import promising_runs
from regraft.planning.size import Size, size_of
from regraft.progress import Progress
from regraft.recipe import Recipe
from regraft.similarity.measure import Similarity

ALL_CUTS_UP_TO = 50_000  # images: so many take minutes at every cut, and under a gigabyte of most networks
SAMPLED = 20_000  # images: five times what the depth profile is made of


def is_large(images: ImageSet) -> bool:
    """Whether a sample makes the plan."""
    return len(images.files) > ALL_CUTS_UP_TO


def sampled_rows(images: ImageSet) -> np.ndarray:
    """The images that make the plan."""
    return sample_of(images, SAMPLED)


@dataclass(frozen=True)
class Sampled:
    """A sample of a large set as the network saw it, and what it tells."""

    of: ImageSet  # all images, as they were listed
    features: Features  # at every cut
    split: Split
    similarity: Similarity

    @property
    def in_words(self) -> str:
        """On how many images the plan was made."""
        images = f"{len(self.features.looks):,} of the {len(self.of.files):,} images"
        return f"The plan was made on {images}, drawn from every class and part in proportion"

    def cuts(self, recipe: Recipe, also: Sequence[str], progress: Progress) -> tuple[Cut, ...]:
        """The cuts that anything behind the plan may ask for, in the network's order.

        The last and the best early one, the best joined ones, those that wrong labels and copies are looked for at, and
        those that ``recipe`` and ``also`` name. Which strategy the plan takes makes no difference.
        """
        cuts, planning = self.features.network_cuts, recipe.planning
        joined = promising_runs(self.features, self.split, cuts, progress)[:1] if len(cuts) > 1 else []
        nodes = {cut.node for run in (*joined, narrow_and_late(cuts), [halfway(cuts), cuts[-1]]) for cut in run}
        names = {self.similarity.best_early_cut, planning.cut, *planning.cuts, *also}
        return tuple(cut for cut in cuts if cut.node in nodes or cut.name in names)

    def size_for(self, large_from: int) -> Size:
        """How much training data there is, before all images were looked at; copies as far as the sample tells."""
        labels, train, classes = self.of.labels, self.split.train, len(self.of.classes)
        if self.of.splits:
            labels = labels[self.of.files.splits.rows_of("train")]
        else:
            counts = np.bincount(labels, minlength=classes)
            labels = np.repeat(np.arange(classes), counts - np.round(TEST_SHARE * counts).astype(np.int64))
        distinct = len(self.features.pixels.take(train).first_rows()[0]) / len(train)
        return size_of(labels, classes, large_from, round(distinct * len(labels)))
