"""The pictures of all methods as files, and as one self-contained page: the network, and a layer a click."""

import base64
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from regraft.inspection.chapter import Chapter, Figure
from regraft.inspection.subject import Subject
from regraft.network.cuts import Cut, pictured

PAGE, INDEX = "index.html", "look.json"
QUALITY = 88  # of pictures in the page; the files beside it are lossless
TALLEST, SHORTEST = 84, 22  # pixels: boxes of the largest and of the smallest resolution


@dataclass(frozen=True)
class Layer:
    """A cut as the page shows it."""

    cut: Cut
    word: str  # what such a layer is known for
    height: int  # pixels of its box
    figures: tuple[tuple[Chapter, tuple[Figure, ...]], ...]  # by chapter


def write_gallery(
    folder: Path, subject: Subject, data: str | None, chapters: Sequence[Chapter], notes: Sequence[str] = ()
) -> None:
    """A file for each picture, the page, and an index of both as JSON; ``folder`` is there and empty."""
    for chapter in chapters:
        for figure in chapter.figures:
            path = folder / file_of(chapter, figure)
            path.parent.mkdir(exist_ok=True)
            if isinstance(figure.picture, str):
                path.write_text(figure.picture, encoding="utf-8")
            else:
                figure.picture.save(path, optimize=True)
    (folder / PAGE).write_text(page_of(subject, data, chapters, notes), encoding="utf-8", errors="backslashreplace")
    (folder / INDEX).write_text(json.dumps(index_of(subject, data, chapters, notes), indent=2) + "\n")


def index_of(
    subject: Subject, data: str | None, chapters: Sequence[Chapter], notes: Sequence[str] = ()
) -> dict[str, Any]:
    """What was made, as plain data."""
    return {
        "network": subject.name,
        "data": data,
        "notes": [*subject.notes, *notes],
        "chapters": [
            {
                "key": chapter.key,
                "title": chapter.title,
                "notes": list(chapter.notes),
                "figures": [
                    {
                        "file": file_of(chapter, figure),
                        "cut": figure.cut,
                        "caption": figure.caption,
                        "warning": figure.warning,
                    }
                    for figure in chapter.figures
                ],
            }
            for chapter in chapters
        ],
    }


def file_of(chapter: Chapter, figure: Figure) -> str:
    """Where a picture is, from the folder on."""
    return f"{chapter.key}/{figure.name}.{'svg' if isinstance(figure.picture, str) else 'png'}"


def page_of(subject: Subject, data: str | None, chapters: Sequence[Chapter], notes: Sequence[str] = ()) -> str:
    """The page."""
    return page_from(
        "gallery.html",
        name=subject.folder.resolve().name if subject.folder else subject.name,
        data=data,
        strategy=subject.strategy,
        classes=subject.classes,
        notes=[*subject.notes, *notes],
        layers=list(layers_of(subject, chapters)),
        chapters=[chapter for chapter in chapters if not all(figure.cut for figure in chapter.figures)]
        + [chapter for chapter in chapters if not chapter.figures],
    )


def page_from(template: str, **values: Any) -> str:
    """A template of this room filled in."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("regraft.inspection"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["inline"] = inline
    return environment.get_template(template).render(**values)


def layers_of(subject: Subject, chapters: Sequence[Chapter]) -> Iterator[Layer]:
    """The network's layers from input to output, with the pictures that belong to each."""
    strides = [cut.stride for cut in subject.cuts if cut.stride] or [1]
    for cut in subject.cuts:
        share = min(strides) / cut.stride if cut.stride else 0
        own = [(chapter, tuple(one for one in chapter.figures if one.cut == cut.name)) for chapter in chapters]
        yield Layer(
            cut,
            pictured(cut, subject.cuts),
            round(SHORTEST + (TALLEST - SHORTEST) * share**0.5),
            tuple((chapter, figures) for chapter, figures in own if figures),
        )


def inline(picture: Image.Image) -> str:
    """A picture as a data URL."""
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "WEBP", quality=QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
