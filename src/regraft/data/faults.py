"""What is odd about images that can all be read: copies, contradicting labels, classes too small, sizes far off."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from regraft.data.identity import Look
from regraft.data.images import KEPT, SPLITS, Fault, ImageFile, ImageSet
from regraft.data.looks import Looks
from regraft.data.name_groups import unused_groups
from regraft.data.spelling import alike, composed

FEW = 5  # images of a class: one a fold of cross-validation
FAR_LARGER = 16.0  # times the median number of pixels
FEWEST_FOR_MEDIAN = 10


def odd_ones(images: ImageSet, looks: Looks) -> tuple[Fault, ...]:
    """Everything that one look at each image (in the order of the files) and the classes' counts give away."""
    of_groups = (*torn_groups(images), *unused_groups(images))
    return (*class_faults(images), *of_groups, *copies(images, looks), *far_larger(images, looks))


def class_faults(images: ImageSet) -> Iterator[Fault]:
    """Classes absent from a split, very small, or spelt alike but for capital letters or the form of a number."""
    for split, by_class in images.counts().items():
        for name, count in by_class.items():
            where = name if split == "all" else f"{split}/{name}"
            if not count:
                yield Fault(where, "class absent", f"no image of '{name}' in {split}", KEPT)
            elif split in {"all", "train"} and count < FEW:
                yield Fault(where, "small class", f"{count} images of '{name}'; bring {FEW} or more", KEPT, count)
    spelt: defaultdict[str, list[str]] = defaultdict(list)
    for name in images.classes:
        spelt[alike(name)].append(name)
    counts = Counter(images.classes[label] for label in images.labels.tolist())
    for first, *others in spelt.values():
        for other in others:
            why = f"'{first}' and '{other}' count as two classes"
            yield Fault(other, "class spelt twice", why, KEPT, counts[other])


def torn_groups(images: ImageSet) -> Iterator[Fault]:
    """Groups that the given splits tear apart, and groups that are spelt in several ways."""
    splits: defaultdict[str, Counter[str]] = defaultdict(Counter)
    if not any(images.files.groups.present()):
        return
    sizes = Counter(group for group in images.files.groups if group)
    spelt: defaultdict[str, list[str]] = defaultdict(list)
    for group, split in zip(images.files.groups, images.files.splits, strict=True):
        if group and split:
            splits[group][split] += 1
    for group, parts in splits.items():
        if len(parts) > 1:
            why = f"its images are in {' and '.join(sorted(parts))}"
            yield Fault(group, "group in two splits", why, KEPT, parts.total())
    for group in sorted(sizes):
        spelt[composed(group).casefold()].append(group)
    for first, *others in spelt.values():
        for other in others:
            yield Fault(other, "group spelt twice", f"'{first}' and '{other}' are two groups", KEPT, sizes[other])


@dataclass
class Earlier:
    """The images so far that show the same: their bytes' hashes, and the first row of each label and split."""

    first: int
    contents: set[str] = field(default_factory=set)
    labels: dict[int, int] = field(default_factory=dict)
    splits: dict[str | None, int] = field(default_factory=dict)


def copies(images: ImageSet, looks: Looks) -> Iterator[Fault]:
    """One fault for each image that shows what one before does: under another label, in another split, or once more."""
    seen: dict[str, Earlier] = {}
    first, which = looks.pixels.first_rows()
    times = np.bincount(which, minlength=len(first))
    rows = np.flatnonzero(times[which] > 1)
    for row, look, file in zip(rows.tolist(), looks.take(rows), images.files.take(rows), strict=True):
        if earlier := seen.get(look.pixels):
            yield copy_fault(images, look, file, earlier)
        else:
            earlier = seen[look.pixels] = Earlier(row)
        earlier.contents.add(look.content)
        earlier.labels.setdefault(file.label, row)
        earlier.splits.setdefault(file.split, row)


def copy_fault(images: ImageSet, look: Look, mine: ImageFile, earlier: Earlier) -> Fault:
    """What is worst about a copy of the ``earlier`` ones."""
    files = images.files
    same = "bytes" if look.content in earlier.contents else "pixels"
    other = next((first for label, first in earlier.labels.items() if label != mine.label), None)
    if other is not None:
        label = images.classes[files.labels[other]]
        reason = f"the same {same} are labelled '{label}' in {files.names[other]}, here '{images.classes[mine.label]}'"
        return Fault(mine.name, "two labels", reason, KEPT)
    other = next((first for split, first in earlier.splits.items() if split != mine.split), None)
    if other is not None:
        tested, trained = sorted((mine, files[other]), key=lambda file: SPLITS.index(file.split or "train"))[::-1]
        reason = f"the same {same} as {trained.name}, in {trained.split}"
        return Fault(tested.name, "duplicate across splits", reason, KEPT)
    return Fault(mine.name, "duplicate", f"the same {same} as {files.names[earlier.first]}", KEPT)


def far_larger(images: ImageSet, looks: Looks) -> Iterator[Fault]:
    """Images of very many more pixels than the median one."""
    if len(looks) < FEWEST_FOR_MEDIAN:
        return
    pixels = looks.widths.astype(np.float64) * looks.heights
    median = float(np.median(pixels))
    for row in np.flatnonzero(pixels > FAR_LARGER * median).tolist():
        look = looks[row]
        times = pixels[row] / median
        yield Fault(
            images.files[row].name, "far larger", f"{look.width} x {look.height}, {times:.0f} times the median", KEPT
        )
