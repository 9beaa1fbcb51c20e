"""Results as a person reads them in a terminal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from regraft.cli.screen import add, say, show, table
from regraft.network.cuts import word_for
from regraft.planning.costs import chance

MOST_ROWS = 40
NOT_LOOKED_FOR = "`regraft plan` also looks for copies that are not exact, and for doubtful labels."
ACTIONS = ("left out", "kept", "ignored")


def scan(result: dict[str, Any]) -> None:
    """Classes by split, and the faults."""
    splits = list(result["counts"])
    made = table("class", *splits)
    for name in result["classes"]:
        add(made, name, *(f"{result['counts'][split][name]:,}" for split in splits))
    add(made, "total", *(f"{sum(result['counts'][split].values()):,}" for split in splits), style="bold")
    show(made)
    for line in result["rendering"]["said"]:
        say(line, whole=False)
    if groups := result["groups"]:
        say(groups["said"], whole=False)
    show_notes(result["notes"])
    show_faults(result["faults"])
    say(NOT_LOOKED_FOR, whole=False)


def show_notes(notes: Sequence[str]) -> None:
    """What the user should know beside the figures, a line each."""
    for note in notes:
        say(f"Note: {note}.", whole=False)


def show_faults(faults: Sequence[dict[str, Any]]) -> None:
    """How many images have faults of each kind, and the first of each."""
    if not faults:
        say("No faults found.")
        return
    kinds: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for fault in faults:
        kinds.setdefault((fault["action"], fault["kind"]), []).append(fault)
    say()
    each = max(1, MOST_ROWS // len(kinds))
    made = table("", "", header=False)
    for (action, kind), alike in sorted(kinds.items(), key=lambda item: ACTIONS.index(item[0][0])):
        add(made, f"{kind} ({sum(fault['images'] for fault in alike):,}, {action})", style="bold")
        for fault in alike[:each]:
            add(made, "  " + fault["path"], fault["reason"])
        if len(alike) > each:
            add(made, f"  and {len(alike) - each} more (--json lists all)", style="dim")
    show(made)


def plan(result: dict[str, Any], verbose: bool) -> None:
    """The verdict and the reasons that decide; with ``verbose`` all that is known."""
    say((result["headline"], "bold"), whole=False)
    for reason in result["reasons"]:
        say(reason, whole=False)
    show_notes(result["notes"])
    counts: Counter[str] = Counter()
    for fault in result["faults"]:
        counts[fault["kind"]] += fault["images"]
    show_fault_kinds(counts, "--json lists them")
    if verbose:
        say()
        show_profile(result)
        say()
        show_costs(result)
        say()
        show_details(result)
    else:
        say("--verbose shows the layers, the other strategies and their costs.")


def show_profile(result: dict[str, Any]) -> None:
    """A simple classifier at each cut, the last one compared."""
    points = result["similarity"]["profile"]
    made = table("after the layer", "accuracy", "points to the last", "")
    for place, point in enumerate(points):
        named = f"{word_for(place, len(points))} ({point['cut']})"
        behind, error = point["behind_last"], point["standard_error"]
        apart = f"{round(-100 * behind, 1) + 0:+.1f}" if place < len(points) - 1 else ""
        doubt = chance(behind, error) if apart else ""
        style = "bold" if point["cut"] in result["cuts"] else None
        add(made, named, f"{point['accuracy']:.1%}", apart, doubt, style=style)
    show(made)


def show_costs(result: dict[str, Any]) -> None:
    """What each strategy would take."""
    made = table("strategy", "trained weights", "for an image", "time, about", "memory, about")
    for row in result["strategies"]:
        seconds = "" if row["seconds"] is None else f"{row['seconds']:,.0f} s"
        figures = f"{row['trained_parameters']:,}", f"{row['trained_parameters_an_image']:,.1f}"
        memory = f"{row['memory_bytes'] / 1e6:,.0f} MB"
        named = row["strategy"] + (f", {row['epochs']} epochs" if row["epochs"] else "")
        add(made, named, *figures, seconds, memory, style="bold" if row["chosen"] else None)
    show(made)


def show_details(result: dict[str, Any]) -> None:
    """What else is known, the other strategies, and the settings."""
    for detail in result["details"]:
        say(detail, whole=False)
    for row in result["strategies"]:
        if not row["chosen"]:
            tried = result["competing_epochs"] if row["strategy"] == "fine-tune" else None
            beside = f" It is tried all the same, for {tried} epochs." if tried else ""
            say(f"Not {row['strategy']}: {row['why']}.{beside}", whole=False)
    settings = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in result["settings"].items())
    say(f"Settings: {settings}.", whole=False)


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
    show(made)
    for row in result["backbones"]:
        for note in row["notes"]:
            say(f"{row['backbone']}: {note}.", whole=False)


def show_fault_kinds(kinds: Mapping[str, int], where: str) -> None:
    """How many of each kind of fault there are."""
    if kinds:
        listed = ", ".join(f"{kind} ({count:,})" for kind, count in kinds.items())
        say(f"Odd about the images: {listed}; {where}", whole=False)


def reference(result: dict[str, Any]) -> None:
    """Where the statistics are, and of how many images."""
    say(f"Statistics of {result['images']:,} images at {len(result['cuts'])} cuts: {result['file']}")


def cache(result: dict[str, Any], action: str) -> None:
    """What is in the cache, after what was done there."""
    for damage in result["damaged"]:
        say(f"Removed {damage['path']}: {damage['reason']}")
    if action == "check":
        found = f"{len(result['damaged'])} damaged" if result["damaged"] else "all as they were written"
        say(f"Checked against the checksums: {found}.")
    if action == "clear":
        say(f"{bytes_text(result['freed'])} freed.")
    said = f"{bytes_text(result['total'])}; features may take {bytes_text(result['limit'])} (REGRAFT_CACHE_LIMIT)"
    say(f"{result['folder']}: {said}")
    if not result["entries"]:
        return
    made = table("kind", "name", "images", "size", "last used")
    for row in result["entries"]:
        images = "" if row["images"] is None else f"{row['images']:,}"
        used = row["used"][:16].replace("T", " ")
        add(made, row["kind"], row["name"], images, bytes_text(row["bytes"]), used)
    show(made)


def bytes_text(size: int) -> str:
    """A number of bytes as a person reads it."""
    for unit, least in (("GB", 10**9), ("MB", 10**6)):
        if size >= least:
            return f"{size / least:,.1f} {unit}"
    return f"{size / 1000:,.1f} kB"
