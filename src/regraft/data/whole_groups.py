"""Groups so large that the split goes wrong: whole classes, and what leaves a class without a part."""

from collections import Counter
from collections.abc import Iterable, Iterator

from regraft.data.images import ImageSet
from regraft.data.split import Split
from regraft.progress import Progress

WHOLE = 0.9  # of a class's images in one group, from which the group is the class
WHAT_TO_DO = "give a --group-by that tells patients, videos or scenes apart"


def whole_classes(images: ImageSet) -> Iterator[str]:
    """A sentence where groups are whole classes, or nearly; given parts are not made by groups."""
    if images.splits or not any(images.files.groups.present()):
        return
    classes = Counter(images.labels.tolist())
    own = Counter(pair for pair in zip(images.labels.tolist(), images.files.groups, strict=True) if pair[1])
    whole = [
        (label, group) for (label, group), some in own.most_common() if some > 1 and some >= WHOLE * classes[label]
    ]
    if whole:
        label, group = whole[0]
        name, some, of = images.classes[label], own[label, group], classes[label]
        count = "One class lies" if len(whole) == 1 else f"{len(whole):,} of {len(classes):,} classes lie"
        yield (
            f"{count} in one group: '{group}' has {some:,} of the {of:,} images of '{name}'."
            f" A group is never parted, so such a class cannot be trained and tested on both; {WHAT_TO_DO}"
        )


def classes_without(images: ImageSet, split: Split) -> Iterator[str]:
    """A sentence where groups leave classes without images that train, or without any to report on."""
    if images.splits or not any(images.files.groups.present()):
        return
    labels, classes = images.labels, range(len(images.classes))
    for rows, what in ((split.train, "to train on"), (split.test, "to test on")):
        there = set(labels[rows].tolist())
        without = [images.classes[label] for label in classes if len(rows) and label not in there]
        if without:
            count = "a class has" if len(without) == 1 else f"{len(without):,} classes have"
            yield f"With these groups {count} no image {what}, as '{without[0]}'; {WHAT_TO_DO}"


def told(warnings: Iterable[str], progress: Progress) -> tuple[str, ...]:
    """The same, said at once too: before anything takes time."""
    said = tuple(warnings)
    for warning in said:
        progress.say(f"Warning: {warning}.")
    return said
