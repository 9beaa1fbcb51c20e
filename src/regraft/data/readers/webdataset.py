"""WebDataset's shards: tars in which an image and its label bear one name."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from glob import glob
from pathlib import Path
from typing import Any

from regraft.data.address import without_secrets
from regraft.data.content import Content
from regraft.data.decoding import Undecodable
from regraft.data.gathered import Gathered
from regraft.data.images import FEWEST_CLASSES, IGNORED, KEPT, Fault, ImageSet, Labelled, collect, split_named
from regraft.data.labels import check_labels, is_missing
from regraft.data.readers.archive import tar_tree
from regraft.data.readers.class_folders import by_folder
from regraft.data.readers.folder import SHOWN, Tree, is_picture, kind_of
from regraft.errors import DataError, reason_of
from regraft.recipe import Reading
from regraft.strict_json import parse_json

LABELS = (".cls", ".json")  # files of a shard that carry a sample's label
JSON_LABELS = ("cls", "class")  # fields tried after the one that is asked for
MOST_SHARDS = 100_000  # that a pattern may name
RANGE = re.compile(r"\{(\d{1,9})\.\.(\d{1,9})\}")


def read_tar(path: Path, reading: Reading, fewest_classes: int = FEWEST_CLASSES) -> ImageSet:
    """The class folders in a tar, or its samples where it is a shard of WebDataset's."""
    return in_tar(path, tar_tree(path), reading, fewest_classes)


def in_tar(path: Path, tree: Tree, reading: Reading, fewest_classes: int) -> ImageSet:
    """The same of its members."""
    if is_shard(tree):
        samples = list(samples_of(path.name, tree, reading, []))
        if samples or not any("/" in name for name in tree.files):
            return read_shards(path, [path], reading, fewest_classes, lambda _: tree)
    return by_folder(path, tree, reading, fewest_classes)


def is_shard(tree: Tree) -> bool:
    """Whether labels lie beside images."""
    keys = {key_of(name)[0] for name in tree.files if is_picture(name)}
    return any(key_of(name)[0] in keys for name in tree.files if name.endswith(LABELS))


def shards_of(text: str) -> list[Path]:
    """The files that a pattern names: numbers in braces, {0000..0009}, and the wildcards of a shell.

    Raises DataError where it names none, or too many.
    """
    shards = [Path(name) for each in ranged(text) for name in matches(each)]
    if not shards:
        raise DataError(f"no shard is called {text[:SHOWN]}; give the name or pattern of shards that are there")
    return shards


def matches(name: str) -> list[str]:
    """The files that a name with a shell's wildcards stands for; a name without them stands for itself."""
    return sorted(glob(name)) if set("*?[") & set(name) else [name]  # noqa: PTH207 - the pattern may hold folders


def ranged(text: str) -> Iterator[str]:
    """Every name that the ranges in braces stand for; DataError where that is none, or too many."""
    counts = [int(last) - int(first) + 1 for first, last in RANGE.findall(text)]
    if any(count < 1 for count in counts) or math.prod(counts) > MOST_SHARDS:
        shown = without_secrets(text)[:SHOWN]
        raise DataError(f"{shown} names no shard, or over {MOST_SHARDS:,}; write a range as {{0000..0009}}")
    return expanded(text)


def expanded(text: str) -> Iterator[str]:
    """Every name that the ranges in braces stand for."""
    span = RANGE.search(text)
    if not span:
        yield text
        return
    for number in range(int(span[1]), int(span[2]) + 1):
        yield from expanded(f"{text[: span.start()]}{number:0{len(span[1])}d}{text[span.end() :]}")


def shard_tree(shard: Path) -> Tree:
    """The members of a shard on a disk; DataError where it is none."""
    if kind_of(shard) != "file":
        raise DataError(f"there is no shard {shard}; give shards that are there")
    return tar_tree(shard)


def read_shards(
    root: Path,
    shards: Sequence[Path],
    reading: Reading,
    fewest_classes: int = FEWEST_CLASSES,
    tree_of: Callable[[Path], Tree] = shard_tree,
) -> ImageSet:
    """WebDataset's samples: files of one name, an image and its .cls or .json (with the label column's field)."""
    reading.check_no_folders(str(root))
    items, faults = Gathered(), list[Fault]()
    alone = len({shard.name for shard in shards}) == len(shards)
    for shard in shards:
        tree = tree_of(shard)
        faults += tree.faults
        items.extend(samples_of(shard.name if alone else shard.as_posix(), tree, reading, faults))
    if not len(items):
        raise DataError(f"{root} holds no image with a .cls or .json beside it; pack samples as WebDataset does")
    word = check_labels(items.labels, str(root))
    if word:
        faults.append(Fault(root.name, "numbers as labels", word, KEPT, len(items)))
    return collect(root, items, faults, fewest_classes)


def samples_of(shard: str, tree: Tree, reading: Reading, faults: list[Fault]) -> Iterator[Labelled]:
    """The samples of one shard; images without a label go to ``faults``."""
    parts: dict[str, dict[str, tuple[str, Content]]] = {}
    for name, content in tree.files.items():
        key, suffix = key_of(name)
        parts.setdefault(key, {})[suffix] = (name, content)
    for sample in parts.values():
        images = [sample[suffix] for suffix in plain_first(sample) if is_picture(sample[suffix][0])]
        if not images:
            name = next(iter(sample.values()))[0]
            faults.append(Fault(f"{shard}/{name}", "not an image", "a sample without an image"))
            continue
        image, *others = images
        faults += [Fault(f"{shard}/{name}", "second image", f"beside {image[0]}", IGNORED) for name, _ in others]
        try:
            fields = fields_of({suffix: content for suffix, (_, content) in sample.items()}, reading)
        except (Undecodable, ValueError) as error:
            faults.append(Fault(f"{shard}/{image[0]}", "no label", reason_of(error)))
            continue
        name = f"{shard}/{image[0]}"
        yield Labelled(name, fields["label"], image[1], split_named(fields["split"], name), fields["group"])


def plain_first(suffixes: Iterable[str]) -> list[str]:
    """Suffixes in order, those of one part before .mask.png and its like."""
    return sorted(suffixes, key=lambda suffix: (suffix.count("."), suffix))


def fields_of(sample: dict[str, Content], reading: Reading) -> dict[str, Any]:
    """Label, split and group of a sample; ValueError where it has no label."""
    values: dict[str, Any] = {}
    if ".json" in sample:
        loaded = parse_json(bytes(sample[".json"].read()))  # type: ignore[arg-type]
        values = loaded if isinstance(loaded, dict) else {}
    named = (values.get(name) for name in (reading.label_column, *JSON_LABELS))
    label: Any = next((value for value in named if value is not None and value != ""), "")
    if ".cls" in sample:
        label = bytes(sample[".cls"].read()).decode().strip()  # type: ignore[arg-type]
    if isinstance(label, (dict, list)) or is_missing(str(label).strip()):
        raise ValueError(f"no .cls, and no field '{reading.label_column}' in a .json")
    group = values.get(reading.group_by or "group")
    return {
        "label": str(label).strip(),
        "split": values.get(reading.split_column),
        "group": None if group is None else str(group),
    }


def key_of(name: str) -> tuple[str, str]:
    """A sample's key and the rest, as WebDataset parts them: at the first dot of the file's name."""
    folder, _, base = name.rpartition("/")
    stem, _, rest = base.partition(".")
    return f"{folder}/{stem}", f".{rest.lower()}"
