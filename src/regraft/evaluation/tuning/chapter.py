"""The chapter of a run's report on the search that led to it."""

from collections.abc import Sequence
from pathlib import Path

from regraft.errors import RunError
from regraft.evaluation.tuning.axis import Axis
from regraft.evaluation.tuning.book import HEAD, Entry
from regraft.evaluation.tuning.pictures import draw_settings, draw_trials, value_of
from regraft.evaluation.tuning.result import Result, figure_of
from regraft.progress.pace import time_in_words
from regraft.runs.report import as_read
from regraft.runs.run import Run

PLACE = "<!-- how it was tuned -->"  # in the report
BEST = 12  # trials in the table


def add_chapter(report: Path, result: Result, run: Run, entries: Sequence[Entry], axes: Sequence[Axis]) -> None:
    """Put the chapter into the report that was just written."""
    page = report.read_text(encoding="utf-8")
    if PLACE not in page:
        raise RunError(f"{report} has no place for how it was tuned; this is a fault of regraft's")
    made = page.replace(PLACE, chapter_of(result, run, entries, axes), 1)
    report.write_text(made, encoding="utf-8", errors="backslashreplace")


def chapter_of(result: Result, run: Run, entries: Sequence[Entry], axes: Sequence[Axis]) -> str:
    """The chapter as HTML."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("regraft.evaluation"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=as_read,
    )
    environment.filters |= {"duration": time_in_words, "percent": lambda value: f"{100 * value:.1f}%"}
    metrics = run.metrics
    networks = [one for one in entries if one.kind != HEAD]
    ended = [one for one in entries if one.complete]
    best = sorted(ended, key=lambda one: (one.number != result.winner.number, -value_of(one)))[:BEST]
    return environment.get_template("tuning.html").render(
        result=result,
        sentences=list(result.sentences(figure_of(run, result.figure), metrics.images, metrics.split)),
        trials=draw_trials(entries, result.winner.number, result.figure),
        settings=draw_settings(networks, axes, result.winner.number, result.figure),
        best=best,
    )
