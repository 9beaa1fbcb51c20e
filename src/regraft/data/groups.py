"""Groups of images that stay in one split, from the images' paths, and images that are in none."""

import re
from dataclasses import replace

from regraft.data.image_files import Files
from regraft.data.images import KEPT, Fault, ImageSet
from regraft.errors import DataError


def grouped(images: ImageSet, pattern: str) -> ImageSet:
    """Groups from the images' paths: what ``pattern``, or its first bracketed part, matches.

    Raises DataError where it is no regular expression, matches nothing, or the same in every path.
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise DataError(f"--group-by '{pattern}' is no column and no regular expression: {error}; mend it") from None

    files = Files.of(replace(file, group=matched(expression, file.name)) for file in images.files)
    groups = set(files.groups.values)
    if not any(groups):
        raise DataError(
            f"--group-by '{pattern}' is no column and matches no path, as {files[0].name};"
            rf" {in_any_letters(pattern, images) or 'give one'}, or a regular expression as 'patient(\d+)'"
        )
    if len(groups) == 1:
        raise DataError(
            f"--group-by '{pattern}' is no column and matches '{files[0].group}' in every path, so all images are one"
            r" group; give a column, or put what differs in brackets, as in 'patient(\d+)'"
        )
    return with_loners(replace(images, files=files), in_any_letters(pattern, images))


def matched(expression: re.Pattern[str], name: str) -> str | None:
    """What an expression, or its first bracketed part, matches in a name; None where it does not."""
    match = expression.search(name)
    return next(iter(match.groups()), match[0]) if match else None


def with_loners(images: ImageSet, hint: str = "") -> ImageSet:
    """List how many images are in no group where others are in one; each of them counts by itself."""
    if not any(images.files.groups.present()):
        return images
    alone = [row for row, group in enumerate(images.files.groups) if not group]
    if not alone:
        return images
    why = f"{len(alone)} of {len(images.files)} images are in no group; each counts by itself"
    return images.noting(
        [Fault(images.files.names[alone[0]], "no group", f"{why}; {hint}" if hint else why, KEPT, len(alone))]
    )


def in_any_letters(pattern: str, images: ImageSet) -> str:
    """What to say where the pattern matches more paths without regard to capital letters, else nothing."""
    try:
        loose = re.compile(pattern, re.IGNORECASE)
    except re.error:
        return ""
    strict = re.compile(pattern)
    more = sum(bool(loose.search(name)) and not strict.search(name) for name in images.files.names)
    return f"'(?i){pattern}' matches {more} more, whatever the capital letters" if more else ""
