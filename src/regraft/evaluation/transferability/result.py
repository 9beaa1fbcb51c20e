"""What a study of transferability gives, as data and as files."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regraft.evaluation.kept_folder import write_whole
from regraft.evaluation.transferability.figures import Contrast, Point
from regraft.evaluation.transferability.picture import draw
from regraft.evaluation.transferability.variants import BY_CUT, MEANS, SHORT, Variant
from regraft.runs.svg import INK
from regraft.visible import Shown

PAGE, PICTURE, INDEX = "index.html", "transferability.svg", "transferability.json"


@dataclass(frozen=True, repr=False)
class Transferability(Shown):
    """How well a network's layers transfer, by depth."""

    folder: Path
    data: str
    network: str
    teach: bool
    seeds: tuple[int, ...]
    classes: int  # that a network tells apart; of two halves those of the larger
    train_images: int  # that a network is trained on
    val_images: int  # that choose its epoch
    test_images: int  # that are reported on, by all networks of a seed together
    epochs: int
    image_size: int
    measure: str  # accuracy, or balanced accuracy
    chance: float
    guess: str  # what reaches chance
    own_is_clear: bool  # whether the own network is clearly better than that
    cuts: tuple[str, ...]  # of the network, from input to output: n = 1, 2, ...
    points: tuple[Point, ...]
    contrasts: tuple[Contrast, ...]
    reading: tuple[str, ...]
    notes: tuple[str, ...]
    trainings: int  # that the figures come from
    carried_out: int  # of those, in this call

    def in_lines(self) -> Iterator[str]:
        """What it says first, and where the rest is."""
        yield from self.reading[:2]
        yield str(self.page)

    def drawn(self) -> Mapping[str, str]:
        """Its picture, as SVG by name."""
        return {"transferability": self.picture}

    @property
    def page(self) -> Path:
        """The page with the picture, the table and the reading."""
        return self.folder / PAGE

    @property
    def picture(self) -> str:
        """The paper's picture, as SVG."""
        return draw(self.points, self.cuts, self.chance, self.guess, self.measure)

    def as_dict(self) -> dict[str, Any]:
        """What ``transferability --json`` prints."""
        return {
            "folder": str(self.folder),
            "page": str(self.page),
            "data": self.data,
            "network": self.network,
            "teach": self.teach,
            "seeds": list(self.seeds),
            "classes": self.classes,
            "images": {"train": self.train_images, "val": self.val_images, "test": self.test_images},
            "epochs": self.epochs,
            "image_size": self.image_size,
            "measure": self.measure,
            "interval_level": 0.95,
            "chance": self.chance,
            "chance_of": self.guess,
            "own_network_is_clear": self.own_is_clear,
            "cuts": list(self.cuts),
            "points": [point.as_dict() for point in self.points],
            "contrasts": [contrast.as_dict() for contrast in self.contrasts],
            "reading": list(self.reading),
            "notes": list(self.notes),
            "trainings": self.trainings,
            "carried_out": self.carried_out,
        }

    def cells(self) -> list[tuple[str, list[Point | None]]]:
        """The table: a row an n, a point a kind that has lines; None where it was not trained."""
        by_variant = {point.variant: point for point in self.points}
        layers = sorted({point.variant.layers for point in self.points} - {0})
        return [
            (f"{n}: {self.cuts[n - 1]}", [by_variant.get(Variant(kind, n)) for kind in self.kinds()]) for n in layers
        ]

    def kinds(self) -> list[str]:
        """The kinds that have a figure at each n."""
        return [kind for kind in BY_CUT if any(point.variant.kind == kind for point in self.points)]

    def others(self) -> list[tuple[str, Point]]:
        """The figures without an n, and those with fewer images, with what they are."""
        named = []
        for point in self.points:
            kind, share = point.variant.kind, point.variant.share
            if share < 1:
                images = round(self.train_images * share)
                at = f" at n = {point.variant.layers}" if point.variant.layers else ""
                named.append((f"{SHORT[kind]}{at}, {images:,} training images", point))
            elif not point.variant.layers:
                named.append((SHORT[kind], point))
        return named

    def write(self) -> None:
        """The page, the picture and the figures as JSON."""
        import jinja2

        environment = jinja2.Environment(
            loader=jinja2.PackageLoader("regraft.evaluation"), autoescape=True, undefined=jinja2.StrictUndefined
        )
        page = environment.get_template("transferability.html").render(study=self, means=MEANS, short=SHORT)
        for name, text in (
            (PAGE, page),
            (PICTURE, on_paper(self.picture) + "\n"),
            (INDEX, json.dumps(self.as_dict(), indent=2) + "\n"),
        ):
            write_whole(self.folder / name, text.encode(errors="backslashreplace"))


def on_paper(picture: str) -> str:
    """A picture that stands by itself: dark on white."""
    return picture.replace('style="', f'style="background:#fff;color:{INK};', 1)
