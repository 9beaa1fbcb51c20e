"""A comparison as one self-contained page."""

from regraft.evaluation.comparison import words
from regraft.evaluation.comparison.pictures import draw_curves, draw_strategies
from regraft.evaluation.comparison.result import Comparison
from regraft.evaluation.comparison.table import Table
from regraft.progress.pace import time_in_words
from regraft.runs.report import as_read


def page_of(comparison: Comparison) -> str:
    """The page."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("regraft.evaluation"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=as_read,
    )
    environment.filters |= {"duration": time_in_words, "percent": lambda value: f"{value:.1%}"}
    return environment.get_template("compare.html").render(
        comparison=comparison,
        words=words,
        pictures=[draw_strategies(intervals_of(table), table.usual) for table in comparison.tables],
        curves=[
            (tables[0].budget, draw_curves(tables), list(words.curve_in_words(tables))) for tables in comparison.curves
        ],
    )


def intervals_of(table: Table) -> list[tuple[str, float, float, float]]:
    """Each strategy's accuracy with its interval."""
    return [(row.strategy, row.accuracy, row.low, row.high) for row in table.rows]
