"""The runs side by side: what each row of the table says."""

from dataclasses import dataclass

from regraft.errors import RegraftError
from regraft.progress.pace import time_in_words
from regraft.runs.facts import Facts, facts_of, object_in
from regraft.server.served import Served

WORDS = {"val": "validation"}
ACCURACY, BALANCED = "accuracy", "balanced_accuracy"


@dataclass(frozen=True)
class Row:
    """One run, in words and figures; ``fault``: why it says nothing."""

    name: str
    fault: str = ""
    data: str = ""
    figure: str = ""  # which one decides
    value: float = 0.0
    low: float = 0.0
    high: float = 0.0
    judged: str = ""  # on what
    case: str = ""
    strategy: str = ""
    classes: int = 0
    images: int = 0
    took: str = ""
    report: bool = False
    remarks: tuple[str, ...] = ()


def row_of(served: Served) -> Row:
    """A run's row; one that is damaged or gone says so."""
    try:
        served.check()
        facts = facts_of(served.folder)
        metrics = object_in(served.folder / "metrics.json")
    except (RegraftError, OSError) as error:
        return Row(served.name, str(error))
    name = BALANCED if metrics.get("uneven") is True else ACCURACY
    figures = facts.figures
    low, high = figures.intervals.get(name, (figures.accuracy, figures.accuracy))
    return Row(
        served.name,
        data=facts.images.name if facts.images else "",
        figure=name.replace("_", " "),
        value=getattr(figures, name),
        low=low,
        high=high,
        judged=f"{figures.images:,} {WORDS.get(figures.split, figures.split)} images",
        case=facts.plan.case.replace("-", ", ") if facts.plan else "",
        strategy=strategy_of(facts),
        classes=len(facts.classes),
        images=facts.images.total if facts.images else 0,
        took=took(metrics.get("seconds")),
        report=(served.folder / "report.html").is_file(),
        remarks=tuple(remark.text for remark in figures.remarks if remark.first),
    )


def strategy_of(facts: Facts) -> str:
    """What was carried out, with the epochs where the whole network was trained."""
    strategy = facts.config.strategy
    return f"{strategy}, {facts.epochs} epochs" if facts.epochs and strategy != "head" else strategy


def took(seconds: object) -> str:
    """How long it took, where the run says so."""
    total = seconds.get("total") if isinstance(seconds, dict) else None
    return time_in_words(total) if isinstance(total, int | float) else ""
