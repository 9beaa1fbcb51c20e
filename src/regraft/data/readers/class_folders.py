"""Files in a tree of folders -> labelled images: by their folders, by their names, or by a table beside them."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from regraft.data.content import Content
from regraft.data.folder_words import UNLABELLED
from regraft.data.groups import matched
from regraft.data.images import FEWEST_CLASSES, IGNORED, SPLITS, Fault, ImageSet, Labelled, collect
from regraft.data.readers.folder import Tree, has_suffix, is_image, numbers_beside
from regraft.data.readers.layout import ANY, CLASS, FOLD, GROUP, SPLIT, Layout, asked, rivals
from regraft.data.readers.levels import Folder, Levels, folder_of, levels_of
from regraft.data.readers.refusals import (
    doubt_about,
    in_words,
    is_archive,
    listed,
    names_no_class,
    no_image,
    no_such_layout,
    table_or_folders,
    two_layouts,
    without_labels,
)
from regraft.data.readers.tables_beside import contradicts, read_tables, tables_in
from regraft.data.signature import starts_as_image
from regraft.recipe import Reading

MOST_NAMED = 4  # folders in a note
Images = Mapping[str, Content]


def by_folder(root: Path, tree: Tree, reading: Reading = Reading(), fewest_classes: int = FEWEST_CLASSES) -> ImageSet:
    """Label the files of ``tree`` as the settings say, else as its folders' names make it likely.

    Raises DataError where no folder names a class, where there are fewer classes than ``fewest_classes``, and where
    the tree can be read in two ways.
    """
    tree = tree.without(root, reading.ignore)
    for name in sorted(numbers_beside(tree.files)):
        del tree.files[name]
        tree.faults.append(
            Fault(name, "not an image", "numbers beside pictures in one folder; move them if they are some")
        )
    images = images_of(tree)
    if not images:
        raise no_image(root, tree)
    levels = levels_of(Counter(map(folder_of, images)))
    if reading.classes_from:
        return by_name(root, tree, images, levels, reading.classes_from, fewest_classes)
    if reading.layout:
        layout = asked(levels, reading.layout, fewest_classes)
        if layout is None:
            raise no_such_layout(root, levels, reading.layout, fewest_classes)
        return by_layout(root, tree, images, layout, fewest_classes)
    possible, tables = rivals(levels, fewest_classes), tables_in(tree)
    if not possible or (possible[0].only_splits and len(possible) == 1):
        if tables:
            return read_tables(root, tree, images, levels, tables, reading, fewest_classes)
        raise without_labels(root, tree, images, levels)
    if doubt := doubt_about(root, possible[0]) or two_layouts(root, possible):
        raise doubt
    found = by_layout(root, tree, images, possible[0], fewest_classes)
    labels = {file.name: found.classes[file.label] for file in found.files}
    if other := next((table for table in tables if contradicts(table, tree, labels)), None):
        raise table_or_folders(root, other, possible[0])
    return found.saying(f"{table} is not used: the folders name the classes" for table in tables)


def images_of(tree: Tree) -> dict[str, Content]:
    """The files that are images by their suffix, or where they have none, by their first bytes."""
    return {
        name: content
        for name, content in tree.files.items()
        if is_image(name) or (not has_suffix(name) and starts_as_image(content))
    }


def by_name(root: Path, tree: Tree, images: Images, levels: Levels, pattern: str, fewest_classes: int) -> ImageSet:
    """The class from what ``pattern`` matches in an image's path; the split from a folder of a split's name."""
    expression = re.compile(pattern)
    items: list[Labelled] = []
    faults: list[Fault] = []
    for name, content in images.items():
        label = matched(expression, name)
        if not label:
            faults.append(Fault(name, "no label", "--classes-from matches nothing in its path"))
            continue
        splits = (levels.splits.get(part) for part in folder_of(name))
        split = next((split for split in splits if split not in {None, UNLABELLED}), None)
        items.append(Labelled(name, label, content, split))
    if not items:
        raise names_no_class(root, pattern, next(iter(images)))
    found = collect(root, in_order(items), [*tree.faults, *faults], fewest_classes)
    return found.saying([f"Classes read from the images' paths: {in_words(len(found.classes), 'class')}"])


def by_layout(root: Path, tree: Tree, images: Images, layout: Layout, fewest_classes: int) -> ImageSet:
    """The images with what their folders say; what names no class is left out and listed."""
    items: list[Labelled] = []
    astray: list[str] = []
    places = {folder: layout.of(folder) for folder in layout.levels.images}
    for name, content in images.items():
        if place := places[folder_of(name)]:
            items.append(Labelled(name, place.label, content, place.split, place.group))
        else:
            astray.append(name)
    filled = folders_above(item.name for item in items)
    counts = other_folders(astray, filled)
    others = {folder: (count, why_other(folder, count, layout)) for folder, count in counts.items()}
    faults = [
        *loose_files(astray, filled),
        *(Fault(folder, "other folder", reason, images=count) for folder, (count, reason) in others.items()),
        *other_files(tree, images, layout, filled),
    ]
    found = collect(root, in_order(items), [*tree.faults, *faults], fewest_classes)
    return found.saying([*notes_of(layout), *notes_of_others(others), *packed(tree)])


def in_order(items: list[Labelled]) -> list[Labelled]:
    """By name."""
    return sorted(items, key=lambda item: item.name)


def folders_above(names: Iterable[str]) -> set[Folder]:
    """The folders that files lie in, at any depth."""
    folders = set(map(folder_of, names))
    return {folder[:depth] for folder in folders for depth in range(len(folder) + 1)}


def other_folders(astray: list[str], filled: set[Folder]) -> dict[str, int]:
    """The outermost folders in which no image has a class, and how many images lie in each."""
    counts: defaultdict[str, int] = defaultdict(int)
    for name in astray:
        if outermost := outermost_of(folder_of(name), filled):
            counts["/".join(outermost)] += 1
    return dict(sorted(counts.items()))


def outermost_of(folder: Folder, filled: set[Folder]) -> Folder:
    """The outermost folder around ``folder`` that is not in ``filled``; none where all are."""
    return next((folder[:depth] for depth in range(1, len(folder) + 1) if folder[:depth] not in filled), ())


def loose_files(astray: list[str], filled: set[Folder]) -> Iterator[Fault]:
    """The images beside class folders."""
    for name in sorted(astray):
        if not outermost_of(folder_of(name), filled):
            yield Fault(name, "loose file", "it lies in no class folder")


def why_other(folder: str, count: int, layout: Layout) -> str:
    """Why the images of a folder without classes are left out."""
    is_split = folder.rpartition("/")[2] in layout.levels.splits
    why = "has no class folders" if is_split else f"does not fit {layout}"
    return f"it {why}: its {in_words(count, 'image')} are kept out of training"


def packed(tree: Tree) -> Iterator[str]:
    """Archives beside the images, which are not looked into."""
    archives = [name for name in sorted(tree.files) if is_archive(name)]
    if archives:
        yield f"{listed(archives)} not looked into; unpack what is to be used"


def other_files(tree: Tree, images: Images, layout: Layout, filled: set[Folder]) -> Iterator[Fault]:
    """Files in class folders that are no images, and class folders without an image."""
    levels, roles = layout.levels, layout.roles
    class_folders = {folder for folder in filled if len(levels.of(folder)) == len(roles)}
    for name in tree.files:
        folder = folder_of(name)
        if name not in images and any(folder[:depth] in class_folders for depth in range(1, len(folder) + 1)):
            yield Fault(name, "not an image", f"'{Path(name).suffix or Path(name).name}' is no image suffix")
    holding, depth = folders_above(images), roles.index(CLASS) + 1
    for path in sorted(tree.every_folder()):
        folder = tuple(path.split("/"))
        names = levels.of(folder)
        below_top = folder[: len(levels.top)] == levels.top
        if folder in holding or folder[:-1] not in filled or len(names) != depth or not below_top:
            continue
        if all(role != SPLIT or name in levels.splits for role, name in zip(roles, names, strict=False)):
            yield Fault(path, "empty folder", "a class folder without an image", IGNORED)


def notes_of(layout: Layout) -> Iterator[str]:
    """How the tree was read."""
    yield f"Folders read as {layout}: {', '.join(parts_of(layout))}"
    for name in layout.classes:
        if name in layout.levels.splits:
            yield f"'{name}' is read as a class, though splits are called so"


def notes_of_others(others: Mapping[str, tuple[int, str]]) -> Iterator[str]:
    """What was kept out of training."""
    for folder, (_, reason) in [*others.items()][:MOST_NAMED]:
        yield folder + reason.removeprefix("it")
    if len(others) > MOST_NAMED:
        yield f"{len(others) - MOST_NAMED} more folders that do not fit are kept out of training"


def parts_of(layout: Layout) -> Iterator[str]:
    """What the levels of a layout hold."""
    yield in_words(len(layout.classes), "class")
    names = {role: sorted({place[level] for place in layout.places}) for level, role in enumerate(layout.roles)}
    if SPLIT in names:
        yield f"splits {listed(in_splits(names[SPLIT], layout.levels.splits))}"
    if GROUP in names:
        yield f"each of {listed(names[GROUP])} kept in one split"
    for role in (FOLD, ANY):
        if len(names.get(role, ())) > 1:
            whole = str(layout).replace(role, GROUP, 1)
            yield f"{listed(names[role])} taken together (--layout '{whole}' keeps each in one split)"
    if layout.levels.top:
        yield f"all in {'/'.join(layout.levels.top)}"


def in_splits(names: Iterable[str], splits: Mapping[str, str]) -> list[str]:
    """Folders in the order of their splits, each with its split where it is called otherwise."""
    ordered = sorted(names, key=lambda name: (SPLITS.index(splits[name]), name))
    return [name if name == splits[name] else f"{name} ({splits[name]})" for name in ordered]
