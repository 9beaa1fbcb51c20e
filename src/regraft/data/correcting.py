"""Corrections applied to images that were read; who trains and who is tested stays as it was without them."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from regraft.data.content import Content, hash_of
from regraft.data.corrections import FILE, KEEP, LEAVE_OUT, NEW_CLASS, Correction, read_corrections, reviewed_run
from regraft.data.decoding import Undecodable
from regraft.data.identity import look_at
from regraft.data.image_files import Files
from regraft.data.images import KEPT, LEFT_OUT, Corrected, Fault, ImageFile, ImageSet
from regraft.errors import DataError
from regraft.recipe import Reading

KIND = "corrected"  # of fault
NAMED = 8  # classes that an error names


def corrected(images: ImageSet, reading: Reading) -> ImageSet:
    """The images as the table of ``reading`` corrects them; DataError where a row of it does not fit them."""
    if reading.corrections is None:
        return images.saying(word for word in word_of_table(images.root) if word not in images.notes)
    path = Path(reading.corrections)
    if images.corrected:
        if Path(images.corrected.file) == path.resolve():
            return images
        raise DataError(f"the images were corrected by {images.corrected.file} already; give one table alone")
    corrections = read_corrections(path)
    check_fit(corrections, images, path)
    return applied(corrections, images, path, reading.max_pixels)


def word_of_table(root: Path) -> Iterator[str]:
    """That corrections lie there which nobody asked for."""
    table = (root.parent if root.is_file() else root) / FILE
    if root.exists() and table != root and table.is_file():
        yield f"{table} is there and not applied; --corrections {table} applies it"


def check_fit(corrections: Sequence[Correction], images: ImageSet, path: Path) -> None:
    """Raise DataError for the first row that does not fit the images, with how many more there are."""
    by_name = defaultdict[str, list[ImageFile]](list)
    for file in images.files:
        by_name[file.name].append(file)
    misfits = [(one, why) for one in corrections if (why := misfit(one, by_name, images))]
    if misfits:
        one, why = misfits[0]
        more = f" ({len(misfits) - 1:,} more rows do not fit)" if len(misfits) > 1 else ""
        raise DataError(f"{path}, line {one.line} ({one.path}): {why}{more}")


def misfit(one: Correction, by_name: Mapping[str, Sequence[ImageFile]], images: ImageSet) -> str:
    """Why a row does not fit; "" where it does."""
    files = by_name.get(one.path, ())
    if not files:
        left = next((fault for fault in images.faults if fault.path == one.path), None)
        if left:
            return f"the image is left out ({left.kind}: {left.reason}); remove the row"
        base = one.path.replace("\\", "/").rpartition("/")[2]
        like = next((name for name in by_name if name.rpartition("/")[2] == base), None)
        hint = f"; there is '{like}'" if like else ""
        return f"there is no such image in {images.root}{hint}; mend the path or remove the row"
    if one.hash and one.hash != content_hash(files[0].content):
        return "it is another image than the one that was looked at; review it again"
    return unfit_label(one, {images.classes[file.label] for file in files}, images.classes)


def unfit_label(one: Correction, labels: set[str], classes: Sequence[str]) -> str:
    """Why the labels that a row names do not fit those that its image has; "" where they do."""
    if one.was and one.was not in labels:
        return f"its label is '{sorted(labels)[0]}' and not '{one.was}', as the row says; review it again"
    if one.label and one.action not in {NEW_CLASS, LEAVE_OUT} and one.label not in classes:
        near = get_close_matches(one.label, classes, n=1)
        known = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(classes[:NAMED])}."
        return f"'{one.label}' is no class of the data; {known} For a new one write the action '{NEW_CLASS}'"
    if one.action == KEEP and one.label and one.label not in labels:
        return f"its label is '{sorted(labels)[0]}', so '{one.label}' is not kept; write the action relabel"
    return ""


def content_hash(content: Content) -> str:
    """The hash of an image's bytes, or of its pixels where it was never encoded; "" where it cannot be read."""
    try:
        return hash_of(content.read())
    except Undecodable:
        return ""


def applied(corrections: Sequence[Correction], images: ImageSet, path: Path, max_pixels: int) -> ImageSet:
    """The images with other labels, and without those that are left out."""
    rows = {one.path: one for one in corrections}
    names: list[str] = []
    kept: list[ImageFile] = []
    removed: list[ImageFile] = []
    faults: list[Fault] = []
    for file in images.files:
        one, before = rows.get(file.name), images.classes[file.label]
        if one and one.action == LEAVE_OUT:
            removed.append(replace(file, was=before))
            faults.append(Fault(file.name, KIND, f"labelled '{before}', left out by {path.name}", LEFT_OUT))
            continue
        name = before if one is None or one.action == KEEP else one.label
        names.append(name)
        kept.append(file if one is None else replace(file, was=before))
        if name != before:
            faults.append(Fault(file.name, KIND, f"labelled '{before}', taken for '{name}'", KEPT))
    classes = classes_after(images.classes, names, path)
    ids = {name: label for label, name in enumerate(classes)}
    files = Files.of(replace(file, label=ids[name]) for file, name in zip(kept, names, strict=True))
    run = reviewed_run(tuple(corrections), path)
    done = Corrected(
        file=str(path.resolve()),
        relabelled=len(faults) - len(removed),
        kept=sum(file.was is not None for file in kept) - (len(faults) - len(removed)),
        removed=tuple(removed),
        classes=images.classes,
        run=str(run) if run else None,
        max_pixels=max_pixels,
    )
    gone = (
        [f"No image is left of {listed(set(images.classes) - set(classes))}"]
        if len(classes) < len(images.classes)
        else []
    )
    made = replace(images, classes=classes, files=files, corrected=done)
    return made.noting(faults).saying([done.in_words, *gone])


def listed(names: set[str]) -> str:
    """Names of classes, in order."""
    return ", ".join(f"'{name}'" for name in sorted(names))


def classes_after(before: Sequence[str], names: Sequence[str], path: Path) -> tuple[str, ...]:
    """The classes that have images, in the order that they had; new ones after them. DataError for fewer than two."""
    counts = Counter(names)
    classes = (*(name for name in before if counts[name]), *sorted(counts.keys() - set(before)))
    if len(classes) < min(2, len(before)):
        raise DataError(
            f"{path} leaves images of {len(classes)} class; a classifier needs two or more, so relabel fewer"
        )
    return classes


def as_it_was(images: ImageSet, pixels: Sequence[str]) -> tuple[ImageSet, list[str]]:
    """The images with the labels of the data, those that were left out at the end; and what all of them show."""
    done = images.corrected
    assert done, "there is something to undo"
    ids = {name: label for label, name in enumerate(done.classes)}
    seen = [(file, one) for file in done.removed if (one := identity(file, images, done.max_pixels))]
    files = (*images.files, *(file for file, _ in seen))
    labels = [ids[file.was if file.was is not None else images.classes[file.label]] for file in images.files]
    labels += [file.label for file, _ in seen]
    whole = Files.of(replace(file, label=label) for file, label in zip(files, labels, strict=True))
    return replace(images, classes=done.classes, files=whole, corrected=None), [*pixels, *(one for _, one in seen)]


def identity(file: ImageFile, images: ImageSet, max_pixels: int) -> str:
    """The hash of what an image shows; "" where it cannot be read, and so had no place without the corrections."""
    try:
        return look_at(file.content, max_pixels, images.rendering)[0].pixels
    except Undecodable:
        return ""
