"""What a comparison says, in sentences."""

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

from regraft.evaluation.comparison.table import Table
from regraft.metrics.comparisons import EQUAL, Difference
from regraft.metrics.intervals import LEVEL

SURE = 0.95  # of a probability, to say that something is so
LIKELY = 0.8
LITTLE = 0.01
SMALLEST = 0.001


def points(difference: float) -> str:
    """A difference of shares, in percentage points."""
    return f"{100 * difference:+.1f} points".replace("-", "\N{MINUS SIGN}")


def ends(low: float, high: float) -> str:
    """The ends of an interval of differences."""
    return f"{100 * low:+.1f} to {100 * high:+.1f}".replace("-", "\N{MINUS SIGN}")


def headline(table: Table) -> str:
    """What the plan reaches."""
    plan = table.plan
    over = f"over {table.repeats} splits" if table.repeats > 1 else f"on one test set of {table.test_images:,} images"
    often = table.planned[table.usual]
    which = table.usual if often == table.repeats else f"{table.usual} in {often} of {table.repeats} splits"
    interval = f"95% interval {plan.low:.1%} to {plan.high:.1%}"
    if table.uneven:
        return (
            f"The plan ({which}) reaches a balanced accuracy of {plan.balanced_accuracy:.1%} {over}, accuracy"
            f" {plan.accuracy:.1%} ({interval})."
        )
    return f"The plan ({which}) reaches {plan.accuracy:.1%} {over} ({interval})."


def verdict_on(difference: Difference, mine: str, other: str, adjusted_p: float | None = None) -> str:
    """Which of two is better, as far as can be said; ``adjusted_p``: in place of the difference's own."""
    band = f"{100 * EQUAL:g} point"
    if difference.equal >= SURE:
        return f"equal within {band}"
    ahead = mine if difference.mean > 0 else other
    likely = max(difference.better, difference.worse)
    if may_be_chance(difference, adjusted_p):
        return f"{ahead} is ahead, but that may be chance" if likely >= LIKELY else "the difference may be chance"
    if likely >= LIKELY:
        return f"{ahead} is better" if likely >= SURE else f"{ahead} is probably better"
    return "not decided"


def may_be_chance(difference: Difference, adjusted_p: float | None = None) -> bool:
    """Whether the interval reaches over zero, or a difference as large comes by chance in one of twenty."""
    p = difference.p if adjusted_p is None else adjusted_p
    return difference.low <= 0 <= difference.high or p > 1 - LEVEL


def regret_in_words(table: Table) -> str:
    """What following the plan costs."""
    cost, low, high = table.regret
    interval = "" if low is None or high is None else f" (95% interval {ends(low, high)})"
    count = len(table.rows)
    if cost <= 0:
        return (
            f"Following the plan costs nothing: the best of {count} strategies by half of the test images scores"
            f" {points(cost)}{interval} against it on the other half."
        )
    return (
        f"Following the plan costs {100 * cost:.1f} points{interval} against choosing the best of {count} strategies"
        " by half of the test images, scored on the other half."
    )


def claim(table: Table, data: str) -> str:
    """What the figures hold for."""
    if table.repeats == 1:
        return (
            f"This holds for this test set of {table.test_images:,} images and these trained networks; McNemar's test"
            " compares two fitted networks, and another training may differ."
        )
    return (
        f"This holds for networks trained on about {table.training_images:,} images like those of {data}; the test is"
        " corrected for training parts that share images (Nadeau and Bengio, 2003)."
    )


def fairness(budgets: Sequence[str]) -> str | None:
    """What one kind of budget alone is unfair to."""
    timed = [any(word in budget for word in ("minute", "second")) for budget in budgets]
    if all(timed):
        return "Equal minutes are unfair to fine-tuning on a slow machine; --budget 10,5m compares equal epochs too."
    if not any(timed):
        return "Equal epochs are unfair to random weights; --budget 10,5m compares equal minutes too."
    return None


def curve_in_words(tables: Sequence[Table]) -> Iterator[str]:
    """Where small ends for this data, and what the plan did at each size."""
    sizes = [f"{table.training_images:,}" for table in tables]
    leads = [(size, table.lead) for size, table in zip(sizes, tables, strict=True) if table.lead]
    ahead = [lead.mean > EQUAL for _, lead in leads]
    behind = [lead.mean < -EQUAL for _, lead in leads]
    small = [size for place, (size, _) in enumerate(leads) if all(behind[: place + 1])]
    large = next((size for place, (size, _) in enumerate(leads) if all(ahead[place:])), None)
    if small:
        yield f"Up to {small[-1]} training images a frozen network is ahead: so far this data is small."
    if large:
        yield f"From {large} on training every layer is ahead: there small has ended for this data."
    if not small and not large:
        yield "Neither frozen networks nor training every layer stays ahead at one end of these sizes."
    for size, lead in leads:
        who = "training every layer" if lead.mean >= 0 else "the frozen network"
        verdict = verdict_on(lead, "training every layer", "the frozen network")
        yield f"{size} images: {who} is {100 * abs(lead.mean):.1f} points ahead; {verdict}."
    followed = [f"{table.usual} at {size}" for table, size in zip(tables, sizes, strict=True)]
    yield f"The plan took {', '.join(followed)}."


def interval(difference: Difference) -> str:
    """Its ends, where there are any."""
    return ends(difference.low, difference.high) if isfinite(difference.low) else "\N{EN DASH}"


def share(probability: float) -> str:
    """A probability as a whole percentage that is never surer than it is."""
    if not isfinite(probability):
        return "\N{EN DASH}"
    if 0 < probability < LITTLE or 1 - LITTLE < probability < 1:
        return "<1%" if probability < LITTLE else ">99%"
    return f"{probability:.0%}"


def with_words(table: Table) -> dict[str, Any]:
    """A table as plain data, with what is said of it."""
    shown = table.as_dict()
    for row, one in zip(shown["contrasts"], table.contrasts, strict=True):
        own = one.difference
        row["in_words"] = [
            points(own.mean).removesuffix(" points"),
            interval(own),
            *map(share, (own.better, own.equal, own.worse)),
        ]
        row["p_in_words"] = p_in_words(one.adjusted_p)
        row["verdict"] = verdict_on(own, "the plan", one.other, one.adjusted_p)
    return shown | {"headline": headline(table), "regret_in_words": regret_in_words(table)}


def p_in_words(p: float | None) -> str:
    """A p to three decimals; nothing where there is none."""
    return "" if p is None else "<0.001" if p < SMALLEST else f"{p:.3f}"
