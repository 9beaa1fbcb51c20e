"""One face for all the ways to look at a network."""

import difflib
import shutil
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

from regraft.data.find import Data
from regraft.errors import BackboneError, RecipeError, RegraftError, RunError, reason_not_written
from regraft.inspection.answers import class_of
from regraft.inspection.chapter import Chapter
from regraft.inspection.gallery import INDEX, PAGE, index_of, write_gallery
from regraft.inspection.images import MOST, images_for
from regraft.inspection.methods import METHODS, Wish
from regraft.inspection.subject import Subject, subject_of
from regraft.network.cuts import Cut
from regraft.progress.shown import ShowProgress, shown
from regraft.recipe import Reading
from regraft.runs.writing import replace as replace_folder
from regraft.visible import Shown


@dataclass(frozen=True, repr=False)
class Look(Shown):
    """What was seen: pictures by method."""

    subject: Subject
    data: str | None  # where the images lie
    chapters: tuple[Chapter, ...]
    notes: tuple[str, ...] = ()  # on the images; methods that do not work here, and why

    def in_lines(self) -> Iterator[str]:
        """What was looked at, and how."""
        yield f"What {self.subject.name} sees{f' of {self.data}' if self.data else ''}; write() makes a page of it"
        yield "; ".join(chapter.title for chapter in self.chapters) or "nothing"

    def write(self, folder: str | PathLike[str], overwrite: bool = False) -> Path:
        """A file for each picture and a page that has them all; the page's path. RunError where it cannot be."""
        folder = Path(folder)
        check_folder(folder, overwrite)
        place = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
        try:
            place.mkdir(parents=True)
            write_gallery(place, self.subject, self.data, self.chapters, self.notes)
            replace_folder(place, folder)
        except OSError as error:
            raise RunError(f"{folder} cannot be written: {reason_not_written(error)}; name another --out") from None
        finally:
            shutil.rmtree(place, ignore_errors=True)
        return folder / PAGE

    def as_dict(self) -> dict[str, Any]:
        """What ``look --json`` prints."""
        return index_of(self.subject, self.data, self.chapters, self.notes)


def look(
    network: str | PathLike[str],
    data: Data | None = None,
    only: Sequence[str] = (),
    cut: str | None = None,
    channel: int | None = None,
    image: str | PathLike[str] | None = None,
    kernel: str | None = None,
    stride: int = 1,
    padding: int | None = None,
    pooling: int = 2,
    label: str | int | None = None,
    weights: str | None = None,
    weights_key: str | None = None,
    image_size: int | None = None,
    reading: Reading = Reading(),
    most: int = MOST,
    seed: int = 0,
    progress: ShowProgress = True,
) -> Look:
    """Look at a run folder, or at a backbone by name, with the images of the run or those of ``data``.

    ``only``: some of METHODS (none: all that work here). ``cut``, ``channel``: one layer, one channel of it. ``image``:
    a file for maps, DeepDream and the own filter, which is ``kernel`` with ``stride``, ``padding`` (None: the size
    stays) and ``pooling``. ``label``: a class that patches are ranked by and dreams are about. ``most``: images that
    are looked at; of more a sample is taken. Raises RegraftError for what the user can mend.
    """
    check_methods(only)
    subject = subject_of(network, weights, image_size, weights_key)
    wanted = list(only) or usual_methods(subject, kernel)
    place = checked_cut(subject, cut, channel)
    given = images_for(subject, data, reading, most, seed)
    if given:
        subject = replace(subject, rendering=given.images.rendering, max_pixels=reading.max_pixels)
    chosen = None if label is None else class_of(subject, label)
    named = Path(image) if image else None
    wish = Wish(subject, given, place, channel, named, kernel, stride, padding, pooling, chosen, seed)
    chapters, left_out = list[Chapter](), list[str]()
    with shown(progress) as shows:
        for done, name in enumerate(wanted, 1):
            shows("Looking at the layers", done - 1, len(wanted), "methods")
            try:
                chapters.append(METHODS[name](wish))
            except RegraftError as error:
                if name in only:
                    raise
                left_out.append(f"{name}: {error}")
            shows("Looking at the layers", done, len(wanted), "methods")
    notes = given.notes if given else ()
    return Look(subject, given.name if given else None, tuple(chapters), (*notes, *left_out))


def check_methods(only: Sequence[str]) -> None:
    """Raise RecipeError for a method that is not known."""
    for name in only:
        if name not in METHODS:
            near = difflib.get_close_matches(name, METHODS, 1)
            raise RecipeError(f"--only {name} is nothing; {f'did you mean {near[0]}? ' if near else ''}{known()}")


def usual_methods(subject: Subject, kernel: str | None) -> list[str]:
    """All that make sense for a network: a filter of one's own needs one, and what training changed a run."""
    without = {*(() if kernel else ("own-filter",)), *(() if subject.graft else ("change",))}
    return [name for name in METHODS if name not in without]


def known() -> str:
    """The methods in words."""
    return f"there are {', '.join(METHODS)}"


def checked_cut(subject: Subject, cut: str | None, channel: int | None) -> Cut | None:
    """The layer that is asked for; BackboneError where it, or its channel, is not there."""
    if cut is None:
        if channel is not None:
            raise RecipeError(f"--channel {channel} is a channel of a layer; name that with --cut")
        return None
    place = subject.cut_of(cut)
    if channel is not None and not 0 <= channel < place.channels:
        raise BackboneError(f"{cut} has no channel {channel}; it has 0 to {place.channels - 1}")
    return place


def check_folder(folder: Path, overwrite: bool) -> None:
    """Raise RunError where something lies there that is not to be replaced."""
    if not folder.exists():
        return
    if not (folder / INDEX).exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder} holds something else than pictures of a network; name another --out")
    if not overwrite:
        raise RunError(f"{folder} exists already; name another --out, or replace it with --overwrite")


def default_folder(network: str) -> Path:
    """Where the pictures go: into the run, or beside where the command was given."""
    run = Path(network)
    return run / "look" if run.is_dir() else Path(f"look-{run.name}")
