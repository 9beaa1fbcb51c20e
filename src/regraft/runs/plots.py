"""The pictures of the report, one by one, for notebooks and files."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from regraft.errors import RunError, reason_not_written
from regraft.metrics import Metrics
from regraft.planning.plan import Plan
from regraft.runs.charts import draw_confusion, draw_curves, draw_profile, draw_quadrant
from regraft.runs.four_cases import draw_cases, network_in
from regraft.runs.probability_charts import draw_reliability, draw_risk_coverage
from regraft.runs.roc import draw_roc
from regraft.runs.run import Run
from regraft.runs.svg import INK
from regraft.similarity.score import references

WORDS = ("phase", "best")  # columns of history.csv that are no numbers


@dataclass(frozen=True, repr=False)
class Picture:
    """A picture as SVG: notebooks show it, browsers open what ``save`` writes."""

    name: str
    svg: str

    def save(self, path: str | PathLike[str]) -> Path:
        """Write it as a file of its own, dark on white; RunError where that cannot be."""
        place = Path(path)
        try:
            place.write_text(self.on_white() + "\n", encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise RunError(f"{place} cannot be written: {reason_not_written(error)}; name another file") from None
        return place

    def on_white(self) -> str:
        """The picture with a ground of its own, to be seen on dark pages too."""
        return self.svg.replace('style="', f'style="background:#fff;color:{INK};', 1)

    def __repr__(self) -> str:
        """What it is of."""
        return f"picture '{self.name}': save it as .svg, or show it in a notebook"

    def _repr_html_(self) -> str:
        """The picture."""
        return self.on_white()


@runtime_checkable
class Plotted(Protocol):
    """A result that draws its own pictures."""

    def drawn(self) -> Mapping[str, str]:
        """SVG by name."""
        ...


def plots(result: Plan | Metrics | Run | Plotted) -> dict[str, Picture]:
    """The pictures of a result by name.

    Of a Plan: quadrant, surgery, profile. Of Metrics or an Evaluation: confusion, reliability, coverage, and roc where
    there are two classes. Of a Run: all of these, and training where layers were trained. Of a Comparison: strategies,
    sizes. Of a study of transferability: transferability.
    """
    if isinstance(result, Plan):
        drawn = dict(of_plan(result, result.cuts))
    elif isinstance(result, Metrics):
        drawn = dict(of_metrics(result))
    elif isinstance(result, Run):
        drawn = dict(of_plan(result.plan, result.cuts)) | dict(of_metrics(result.metrics))
        history = [] if result.frozen else history_of(result.folder)
        drawn |= {"training": draw_curves(history)} if len(history) > 1 else {}
    elif isinstance(result, Plotted):
        drawn = dict(result.drawn())
    else:
        raise RunError(f"a {type(result).__name__} has no pictures; give what plan, train, evaluate or compare gave")
    return {name: Picture(name, svg) for name, svg in drawn.items()}


def of_plan(plan: Plan, cuts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The case, the surgery and the depth profile; ``cuts``: whose features the head takes."""
    values = plan.as_dict()
    yield "quadrant", draw_quadrant(values, references())
    yield "surgery", draw_cases(network_in(values), values["early_cut"], values)
    yield "profile", draw_profile(values, cuts)


def of_metrics(metrics: Metrics) -> Iterator[tuple[str, str]]:
    """Mistakes, and what the probabilities are worth."""
    values = metrics.as_dict()
    yield "confusion", draw_confusion(values["confusion"], [row.name for row in metrics.per_class])
    worth = values["probabilities"]
    if worth["calibration"]:
        yield "reliability", draw_reliability(worth["calibration"]["bins"])
    yield "coverage", draw_risk_coverage(worth["risk_coverage"]["kept"])
    if "two_classes" in values:
        yield "roc", draw_roc(values["two_classes"])


def history_of(run: Path) -> list[dict[str, Any]]:
    """The epochs of a run; none where the file is gone."""
    with suppress(OSError, ValueError, csv.Error), (run / "history.csv").open(newline="", encoding="utf-8") as file:
        return [{name: value_of(name, cell) for name, cell in row.items()} for row in csv.DictReader(file)]
    return []


def value_of(name: str, cell: str) -> Any:
    """A cell as the training had it."""
    if name in WORDS:
        return cell == "True" if name == "best" else cell
    return float(cell) if cell else None
