"""Figures of any shape as tables: those of metrics.json that have no place of their own in the model card."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from regraft.metrics.calibration import too_few_to_judge
from regraft.runs.markdown import Markdown, table

MOST_ROWS = 20
PAIR = 2
DEEPEST = 6  # figures inside figures
FEW = "too few images to judge"
DRAWN = ("curve", "bins")  # which are for pictures: the report has them


@dataclass(frozen=True)
class Further:
    """A table of figures."""

    title: str
    table: Markdown
    more: int = 0  # rows that are left to metrics.json


def further_figures(figures: Mapping[str, Any]) -> Iterator[Further]:
    """The tables of all figures, in the file's order."""
    single = ((name, value) for name, value in figures.items() if not isinstance(value, (dict, list)) or is_pair(value))
    alone = {name: value for name, value in single if value is not None}
    if alone:
        yield from of_fields("Others", alone)
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from of_fields(in_words(name), value)
        elif isinstance(value, list) and value and not is_pair(value):
            yield from of_list(in_words(name), value)


def of_fields(title: str, values: Mapping[str, Any]) -> Iterator[Further]:
    """One table of the single figures, those inside others too, and one for each list of objects."""
    rows, lists = list[tuple[str, str, str]](), list[tuple[str, list[Any]]]()
    collect("", values, rows, lists)
    if rows:
        with_ends = any(ends for _, _, ends in rows)
        cells = [row if with_ends else row[:2] for row in rows[:MOST_ROWS]]
        header = ("figure", "value", "interval") if with_ends else ("figure", "value")
        yield Further(title, table(header, cells), len(rows[MOST_ROWS:]))
    for name, items in lists:
        yield from of_list(f"{title}: {name}", items)


def collect(
    before: str,
    values: Mapping[str, Any],
    rows: list[tuple[str, str, str]],
    lists: list[tuple[str, list[Any]]],
    depth: int = 0,
) -> None:
    """Put the figures among ``values`` into ``rows`` (name, value, interval), and lists of objects into ``lists``."""
    ends = values.get("intervals")
    ends = ends if isinstance(ends, dict) else {}
    for name, value in values.items():
        if value is ends or name in DRAWN:
            continue
        words = f"{before}{in_words(name).lower()}"
        if name == "error" and isinstance(values.get("calibrated_most"), float):
            rows.append((f"{words} beyond chance", FEW if too_few_to_judge(values) else shown(value), ""))
            continue
        inner = isinstance(value, dict)
        if inner and "value" in value and is_pair(value.get("interval")):
            rows.append((words, shown(value["value"]), shown(value["interval"])))
        elif inner and depth < DEEPEST:
            collect(f"{words}, ", value, rows, lists, depth + 1)
        elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
            lists.append((words, value))
        elif not inner:
            rows.append((words, shown(value), shown(ends[name]) if is_pair(ends.get(name)) else ""))


def of_list(title: str, items: list[Any]) -> Iterator[Further]:
    """A row for each object of a list, a column for each of their single figures."""
    objects = [flat(item) for item in items if isinstance(item, dict)]
    columns = list(dict.fromkeys(name for item in objects for name in item))
    if not objects:
        yield Further(title, table(("figure", "value"), [(title.lower(), shown(items))]))
    elif columns:
        rows = [[shown(item.get(name)) for name in columns] for item in objects[:MOST_ROWS]]
        yield Further(title, table([in_words(name).lower() for name in columns], rows), len(objects[MOST_ROWS:]))


def flat(item: Mapping[str, Any]) -> dict[str, Any]:
    """An object's single figures; those one level further in by both names, intervals beside what they are of."""
    made = dict[str, Any]()
    for name, value in item.items():
        if isinstance(value, dict):
            inner = "interval" if name == "intervals" else name
            made |= {f"{inner} {own}": one for own, one in value.items() if not isinstance(one, dict)}
        else:
            made[name] = value
    return made


def is_pair(value: Any) -> bool:
    """Whether it is two numbers: an interval."""
    numbers = isinstance(value, list) and all(isinstance(end, (int, float)) for end in value)
    return numbers and len(value) == PAIR


def shown(value: Any) -> str:
    """A figure in words."""
    if value is None or isinstance(value, bool):
        return {None: "-", True: "yes", False: "no"}[value]
    if isinstance(value, (int, float)):
        return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
    if is_pair(value):
        return f"{shown(value[0])} to {shown(value[1])}"
    if isinstance(value, list):
        more = f" and {len(value) - MOST_ROWS:,} more" if len(value) > MOST_ROWS else ""
        return ", ".join(map(shown, value[:MOST_ROWS])) + more
    return f"{len(value):,} figures" if isinstance(value, dict) else str(value)


def in_words(name: str) -> str:
    """A field's name for people."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]
