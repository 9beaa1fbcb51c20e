"""The chapter of the map of the images."""

from collections.abc import Sequence

import numpy as np

from regraft.data.images import ImageFile
from regraft.inspection.chapter import Chapter, Figure
from regraft.inspection.chapters.scatter import draw_map
from regraft.inspection.image_map import MOST, SEED, THUMBNAILS, ImageMap, Places, image_map
from regraft.inspection.subject import Subject

KEY, TITLE = "images", "The map of the images"
LEAD = (
    "Each point is an image; those that the network finds alike lie together. Point at one to see it."
    " Islands of one colour are classes that it tells apart. Distances between islands mean little."
)


def chapter_of(
    subject: Subject,
    files: Sequence[ImageFile],
    classes: Sequence[str],
    cut: str | None = None,
    most: int = MOST,
    seed: int = SEED,
) -> Chapter:
    """The images at ``cut`` (None: the last one), before and after training where there are both.

    ``classes``: the names that the files' labels stand for.
    """
    thumbnails = THUMBNAILS // (1 if subject.before is None else 2)
    layout = image_map(subject, files, subject.cut_of(cut) if cut else None, most, seed, thumbnails)
    figures = [figure_of(layout, layout.map, classes, "after" if layout.before else "")]
    if layout.before:
        figures.insert(0, figure_of(layout, layout.before, classes, "before"))
    notes = []
    if layout.images > len(layout.names):
        notes.append(f"{len(layout.names):,} of {layout.images:,} images are shown, drawn by seed {seed}.")
    if layout.before:
        notes.append("The map after training starts from the one before and is turned to fit it.")
    return Chapter(KEY, TITLE, LEAD, tuple(figures), tuple(notes))


def figure_of(layout: ImageMap, places: Places, classes: Sequence[str], when: str) -> Figure:
    """One map."""
    names = {"before": "Before training", "after": "After training", "": "The map"}
    caption = (
        f"{names[when]}: {len(layout.names):,} images at {layout.cut}. Of each image's {layout.neighbours} nearest by"
        f" the features {places.preserved:.0%} are among its {layout.neighbours} nearest here;"
        f" by chance {layout.chance:.1%} would be (t-SNE, perplexity {layout.perplexity:.3g})."
    )
    frame = np.concatenate([one.points for one in (layout.map, layout.before) if one])  # both on one scale
    picture = draw_map(
        f"m{when[:1]}", places.points, layout.labels, classes, layout.names, layout.thumbnails, names[when], frame
    )
    return Figure(f"map-{when}".rstrip("-"), caption, picture, layout.cut)
