"""Results as a person reads them in a terminal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

MOST_ROWS = 40
ACTIONS = ("left out", "kept", "ignored")


def table(*columns: str) -> Table:
    """A plain table, numbers to the right of the first column."""
    made = Table(box=None, header_style="dim", pad_edge=False)
    for index, column in enumerate(columns):
        made.add_column(column, justify="left" if index == 0 else "right", overflow="fold")
    return made


def add(made: Table, *cells: str, style: str | None = None) -> None:
    """A row of cells as they are: what users call their files is no markup."""
    made.add_row(*(Text(plain(cell)) for cell in cells), style=style)


def plain(text: str) -> str:
    """Text that any terminal can show: control characters and broken letters are replaced."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def say(console: Console, text: str) -> None:
    """A line of text that may hold what users call their files."""
    console.print(plain(text), markup=False, emoji=False, soft_wrap=False)


def scan(result: dict[str, Any]) -> None:
    """Classes by split, and the faults."""
    console = Console()
    splits = list(result["counts"])
    made = table("class", *splits)
    for name in result["classes"]:
        add(made, name, *(f"{result['counts'][split][name]:,}" for split in splits))
    add(made, "total", *(f"{sum(result['counts'][split].values()):,}" for split in splits), style="bold")
    console.print(made)
    for line in result["rendering"]["said"]:
        say(console, line)
    show_notes(console, result["notes"])
    show_faults(console, result["faults"])


def show_notes(console: Console, notes: Sequence[str]) -> None:
    """What the user should know beside the figures, a line each."""
    for note in notes:
        say(console, f"Note: {note}.")


def show_faults(console: Console, faults: Sequence[dict[str, Any]]) -> None:
    """How many images have faults of each kind, and the first of each."""
    if not faults:
        console.print("No faults found.")
        return
    kinds: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for fault in faults:
        kinds.setdefault((fault["action"], fault["kind"]), []).append(fault)
    console.print()
    each = max(1, MOST_ROWS // len(kinds))
    made = Table(box=None, show_header=False, pad_edge=False)
    for (action, kind), alike in sorted(kinds.items(), key=lambda item: ACTIONS.index(item[0][0])):
        add(made, f"{kind} ({sum(fault['images'] for fault in alike):,}, {action})", style="bold")
        for fault in alike[:each]:
            add(made, "  " + fault["path"], fault["reason"])
        if len(alike) > each:
            add(made, f"  and {len(alike) - each} more (--json lists all)", style="dim")
    console.print(made)


def plan(result: dict[str, Any], verbose: bool) -> None:
    """The case and the reasons that decide; with ``verbose`` all that is known."""
    console = Console(highlight=False)
    console.print(f"Case [bold]{result['case']}[/], strategy [bold]{result['strategy']}[/]\n")
    for reason in result["reasons"]:
        say(console, reason)
    for note in result["notes"]:
        say(console, f"Note: {note}.")
    console.print()
    made = table("cut", "probe", "behind the last", "standard error")
    for point in result["similarity"]["profile"]:
        behind = f"{point['behind_last']:+.1%}", f"{point['standard_error']:.1%}"
        add(
            made,
            point["cut"],
            f"{point['accuracy']:.1%}",
            *behind,
            style="bold" if point["cut"] in result["cuts"] else None,
        )
    console.print(made)
    console.print()
    made = table("strategy", "trained parameters", "an image", "time, about", "memory, about")
    for row in result["strategies"]:
        seconds = "" if row["seconds"] is None else f"{row['seconds']:,.0f} s"
        figures = f"{row['trained_parameters']:,}", f"{row['trained_parameters_an_image']:,.1f}"
        memory = f"{row['memory_bytes'] / 1e6:,.0f} MB"
        add(made, row["strategy"], *figures, seconds, memory, style="bold" if row["chosen"] else None)
    console.print(made)
    console.print()
    if verbose:
        show_details(console, result)
    show_notes(console, result["notes"])
    counts: Counter[str] = Counter()
    for fault in result["faults"]:
        counts[fault["kind"]] += fault["images"]
    show_fault_kinds(console, counts, "--json lists them")
    if not verbose:
        console.print("--verbose shows all that is known.")


def show_details(console: Console, result: dict[str, Any]) -> None:
    """What else is known, the other strategies, and the settings."""
    for detail in result["details"]:
        say(console, detail)
    for row in result["strategies"]:
        if not row["chosen"]:
            say(console, f"Not {row['strategy']}: {row['why']}.")
    settings = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in result["settings"].items())
    say(console, f"Settings: {settings}.")


def ranking(result: dict[str, Any]) -> None:
    """Backbones, the most accurate first, with what they cost."""
    made = table(
        "backbone", "probe", "behind the best", "error", "LogME", "cut", "similarity", "multiply-adds", "images/s"
    )
    for row in result["backbones"]:
        rate = "" if row["images_a_second"] is None else f"{row['images_a_second']:,.0f}"
        add(
            made,
            row["backbone"], f"{row['accuracy']:.1%}", f"{row['behind_best']:.1%}", f"{row['standard_error']:.1%}",
            f"{row['logme']:.3f}", row["cut"], f"{row['score']:.2f}", f"{row['multiply_adds'] / 1e6:,.0f} M", rate,
        )  # fmt: skip
    console = Console(highlight=False)
    console.print(made)
    for row in result["backbones"]:
        for note in row["notes"]:
            say(console, f"{row['backbone']}: {note}.")


def show_fault_kinds(console: Console, kinds: Mapping[str, int], where: str) -> None:
    """How many of each kind of fault there are."""
    if kinds:
        console.print(
            f"Odd about the images: {', '.join(f'{kind} ({count:,})' for kind, count in kinds.items())}; {where}"
        )


def reference(result: dict[str, Any]) -> None:
    """Where the statistics are, and of how many images."""
    Console(highlight=False).print(
        f"Statistics of {result['images']:,} images at {len(result['cuts'])} cuts: {plain(result['file'])}",
        markup=False,
        emoji=False,
        soft_wrap=True,
    )


def backbones(result: dict[str, Any]) -> None:
    """Names, and where the weights are."""
    made = table("backbone", "weights")
    for row in result["backbones"]:
        add(made, row["name"], "on this machine" if row["here"] else "to be fetched" if row["pretrained"] else "none")
    Console(highlight=False).print(made)


def cache(result: dict[str, Any], action: str) -> None:
    """What is in the cache, after what was done there."""
    console = Console(highlight=False)
    for damage in result["damaged"]:
        console.print(plain(f"Removed {damage['path']}: {damage['reason']}"), markup=False, emoji=False, soft_wrap=True)
    if action == "check":
        found = f"{len(result['damaged'])} damaged" if result["damaged"] else "all as they were written"
        console.print(f"Checked against the checksums: {found}.")
    if action == "clear":
        console.print(f"{bytes_text(result['freed'])} freed.")
    said = f"{bytes_text(result['total'])}; features may take {bytes_text(result['limit'])} (REGRAFT_CACHE_LIMIT)"
    console.print(plain(f"{result['folder']}: {said}"), markup=False, emoji=False, soft_wrap=True)
    if not result["entries"]:
        return
    made = table("kind", "name", "images", "size", "last used")
    for row in result["entries"]:
        images = "" if row["images"] is None else f"{row['images']:,}"
        used = row["used"][:16].replace("T", " ")
        add(made, row["kind"], row["name"], images, bytes_text(row["bytes"]), used)
    console.print(made)


def bytes_text(size: int) -> str:
    """A number of bytes as a person reads it."""
    for unit, least in (("GB", 10**9), ("MB", 10**6)):
        if size >= least:
            return f"{size / least:,.1f} {unit}"
    return f"{size / 1000:,.1f} kB"
