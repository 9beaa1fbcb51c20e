"""Why a tree of folders is not read, and what to do about it."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from regraft.data.content import OnDisk
from regraft.data.folder_words import BESIDE_WORDS, bears_split, words_of
from regraft.data.images import expected
from regraft.data.readers.folder import Tree
from regraft.data.readers.layout import CLASS, FOLD, SPLIT, Layout, layouts
from regraft.data.readers.levels import Levels
from regraft.data.readers.table import TABLES
from regraft.errors import DataError

NAMED = 4  # folders, classes or files in a message
NUMBERED = r"([^/]*?[^\W\d_])[ ._-]*\d+\.\w+$"  # a word, and a number after it: cat.12.jpg
ALIKE = 1.5  # of what repeated folders cost at most: in every class, or nearly
FEWEST_OF_A_NAME = 2  # images that share the word before their numbers
VEHICLE = "train"  # a split's name that classes have, too
ARCHIVES = {".zip", ".tar", ".rar", ".7z", ".gz", ".tgz", ".bz2", ".xz"}


def in_words(count: int, noun: str) -> str:
    """A number of things."""
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"{count:,} {noun if count == 1 else plural}"


def listed(names: Iterable[str]) -> str:
    """The first few names."""
    every = list(names)
    return ", ".join(every[:NAMED]) + (", ..." if len(every) > NAMED else "")


def is_archive(name: str) -> bool:
    """Whether a file's suffix is an archive's."""
    return PurePosixPath(name).suffix.lower() in ARCHIVES


def no_image(root: Path, tree: Tree) -> DataError:
    """There is no image at all."""
    if not tree.files:
        return DataError(f"there is no file in {root}; {expected(root)}")
    suffixes = Counter(PurePosixPath(name).suffix.lower() or "no suffix" for name in tree.files)
    seen = ", ".join(f"{suffix} ({count:,})" for suffix, count in suffixes.most_common(NAMED))
    if packed := sorted(filter(is_archive, tree.files)):
        return DataError(f"no image in {root}, but archives in it: {listed(packed)}; unpack each into a folder")
    return DataError(f"no class folders with images in {root}: its files are {seen}, no images; {expected(root)}")


def without_labels(root: Path, tree: Tree, images: Iterable[str], levels: Levels) -> DataError:
    """No folder of images is a class's, or there is but one."""
    hint = next(hints_of(root, tree, images), "")
    best = next(iter(layouts(levels)), None)
    if best is None:
        do = hint or "sort them into CLASS folders, or give a table of images and labels"
        return DataError(f"no class folders with images in {root}: they lie in it loosely; {do}")
    if len(best.classes) == 1 and not best.only_splits:
        others = sorted({place.label for place in best.places.values()} - {*best.classes})
        where = f"train in {root}, though other parts have {listed(others)}" if others else f"{root}"
        other = f"; or {hint}" if hint else ""
        return DataError(
            f"a classifier needs two classes or more, and there is only '{best.classes[0]}' in {where};"
            f" add images of another{other}"
        )
    folders = sorted({"/".join(folder) for folder in levels.images if folder})
    do = hint or "sort them into CLASS folders, or give a table of images and labels"
    asked = "; if these folders are the classes, say --layout CLASS" if len(levels.counted.keys() - {()}) > 1 else ""
    return DataError(f"{root} gives no labels: the images in {listed(folders)} lie in no class folders; {do}{asked}")


def hints_of(root: Path, tree: Tree, images: Iterable[str]) -> Iterator[str]:
    """Where the labels may be."""
    tables = [name for name in tree.files if PurePosixPath(name).suffix.lower() in TABLES]
    if tables:
        training = [name for name in tables if bears_split(PurePosixPath(name).stem) in {None, "train"}]
        likely = sorted(training or tables, key=lambda name: bears_split(PurePosixPath(name).stem) != "train")
        on_disk = isinstance(tree.files[likely[0]], OnDisk)
        do = "give that table in place of the folder" if on_disk else "unpack the archive and give that table"
        yield f"the labels may be in {root / likely[0]}: {do}"
    if packed := sorted(filter(is_archive, tree.files)):
        yield f"archives are not looked into beside images: unpack {listed(packed)}"
    words = Counter(match[1] for name in images if (match := re.search(NUMBERED, name)))
    usual = sorted(word for word, count in words.items() if count >= FEWEST_OF_A_NAME)
    if len(usual) > 1 and len(usual) == len(words):
        yield f"give a table, or --classes-from '{NUMBERED}' if the files' names hold the classes ({listed(usual)})"


def doubt_about(root: Path, layout: Layout) -> DataError | None:
    """What speaks against the best layout, where it cannot be taken."""
    levels, roles = layout.levels, layout.roles
    if FOLD in roles and SPLIT in roles:
        folds = sorted({names[roles.index(FOLD)] for names in layout.places})
        return DataError(
            f"the folds in {root} ({listed(folds)}) hold splits each, so that they share images;"
            f" give one of them: {root.joinpath(*levels.top, folds[0])}"
        )
    for name in layout.classes:
        if name in levels.splits and name.casefold() != VEHICLE:
            return DataError(
                f"'{name}' in {root} lies beside classes, but splits are called so; leave it out with"
                f" --ignore '{name}', or say --layout '{layout}' if it is a class"
            )
    if nested := layout.nested:
        path = next(
            folder[: folder.index(nested[0], len(levels.top)) + 1]
            for folder in levels.images
            if nested[0] in folder[len(levels.top) :]
        )
        return DataError(
            f"'{nested[0]}' in {root} holds {listed(nested[1:])}, which are classes beside it;"
            f" leave it out with --ignore '{'/'.join(path)}', or say --layout"
        )
    return None


def two_layouts(root: Path, possible: Sequence[Layout]) -> DataError | None:
    """Two layouts are as likely, or nearly."""
    if len(possible) < 2:  # noqa: PLR2004
        return None
    one, other = sorted(possible[:2], key=lambda layout: layout.roles.index(CLASS))
    same = ", which all hold the same folders" if one.repeated() > ALIKE else ""
    beside = sorted({name for name in (*one.classes, *other.classes) if BESIDE_WORDS.intersection(words_of(name))})
    leave = f", or leave one out with --ignore {beside[0]}" if beside else ""
    return DataError(
        f"{root} can be read in two ways, as {one} (classes {listed(one.classes)}{same}) or as {other}"
        f" (classes {listed(other.classes)}); say --layout '{one}' or --layout '{other}'{leave}"
    )


def table_or_folders(root: Path, table: str, layout: Layout) -> DataError:
    """A table and the folders name other classes."""
    return DataError(
        f"{root / table} lists the images with other labels than their folders ({listed(layout.classes)});"
        f" give that table to use it, or say --layout '{layout}' to use the folders"
    )


def no_such_layout(root: Path, levels: Levels, text: str, fewest_classes: int) -> DataError:
    """What --layout says is not there."""
    folders = listed(sorted("/".join(folder) or "." for folder in levels.images))
    return DataError(
        f"--layout '{text}' finds under {fewest_classes} classes in {root}, where images lie in {folders};"
        " name its levels from the top, as SPLIT/CLASS"
    )


def names_no_class(root: Path, pattern: str, example: str) -> DataError:
    """--classes-from matches nothing."""
    return DataError(
        f"--classes-from '{pattern}' matches no image's path in {root}, as {example};"
        " write a regular expression whose first bracketed part is the class"
    )
