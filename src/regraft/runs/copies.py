"""What a run says about images that are on both sides of the split."""

from collections.abc import Iterator

from regraft.data.name_groups import KIND, proposed_for
from regraft.features.near_duplicates import SAME_SCENE
from regraft.planning.prepare import Job
from regraft.runs.overlap import Overlap
from regraft.runs.remarks import Remark

COPIES = "are copies of images that trained or chose"
MANY, RAISED = 0.05, 0.01  # share of the images reported on, and accuracy, from which copies flatter


def notes_of_copies(job: Job, overlap: Overlap, groups: Overlap) -> Iterator[str]:
    """How much copies and shared groups are worth, what to do about scenes, and which groups the names show."""
    pattern = None
    if groups.images:
        yield accuracies(groups, "are of groups that trained or chose too")
    if overlap.images and not flatters(overlap):
        yield accuracies(overlap, COPIES)
    if overlap.same_scene:
        scenes = [(pair.row, pair.other) for pair in job.near_duplicates if pair.kind == SAME_SCENE]
        pattern = proposed_for(job.images, scenes)
        yield advice(overlap, pattern, bool(job.images.splits))
    yield from (fault.reason for fault in job.images.faults if fault.kind == KIND and pattern is None)


def flattered(overlap: Overlap) -> Iterator[Remark]:
    """What the figure is without the copies, where these are many and it is lower."""
    if flatters(overlap):
        yield Remark(
            "copies flatter", f"{accuracies(overlap, COPIES)}. New images will be like the latter.", first=True
        )


def flatters(overlap: Overlap) -> bool:
    """Whether copies raise the accuracy by as much as must be said first."""
    without, many = overlap.accuracy_without, overlap.images >= MANY * overlap.of
    return without is not None and many and overlap.accuracy_with - without >= RAISED


def accuracies(overlap: Overlap, what: str) -> str:
    """The accuracy with such images and without."""
    without = overlap.accuracy_without
    rest = "no image is left without them" if without is None else f"without them it is {without:.1%}"
    those = f"{overlap.images:,} of the {overlap.of:,} images reported on {what}"
    return f"{those}: with them the accuracy is {overlap.accuracy_with:.1%}, {rest}"


def advice(overlap: Overlap, pattern: str | None, given: bool) -> str:
    """What to do about scenes on both sides; ``given``: the parts are the user's own."""
    those = f"{overlap.same_scene:,} of the {overlap.images:,} copies"
    seen = f"{those} share the scene (bursts, video frames, tiles), not the picture"
    how = f"--group-by '{pattern}'" if pattern else "--group-by and what names a scene"
    if given:
        return f"{seen}: put each scene into one part; where the parts are not given, {how} does so"
    return f"{seen}: keep each scene in one part with {how}"
