"""The command that lists what can be grafted."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from regraft.cli.app import app
from regraft.cli.commands import give
from regraft.cli.options import AsJson
from regraft.cli.screen import add, say, show, table

MOST_ROWS = 60  # more are listed by network, their weights beside it
MOST_ADDRESSES = 4


@app.command()
def backbones(
    name: Annotated[str, typer.Argument(help="Part of a name to look for, as convnext_tiny.")] = "",
    as_json: AsJson = False,
) -> None:
    """List what can be grafted, and what is on this machine. Of few it says size, input and speed too."""
    from regraft.features.store import rates
    from regraft.network.catalogue import known_backbones
    from regraft.network.hub import is_offline

    seen = rates()
    rows = [one.as_dict() | {"images_a_second": seen.get(one.name, {})} for one in known_backbones(name)]
    result = {"backbones": rows, "part": name, "offline": is_offline()}
    give(result, as_json, show_few if len(rows) <= MOST_ROWS else show_many)


def show_few(result: Mapping[str, Any]) -> None:
    """A row for each, with all that is known."""
    from regraft.planning.costs import short_number

    rows = result["backbones"]
    if not rows:
        say(f"No backbone's name holds '{result['part']}'. `regraft backbones` lists all.", whole=False)
        return
    made = table("backbone", "weights", "parameters", "MB", "input", *(["images/s here"] if any_speed(rows) else []))
    for row in rows:
        size = "" if row["megabytes"] is None else f"{row['megabytes']:,.0f}"
        parameters = "" if row["parameters"] is None else short_number(row["parameters"])
        side = "" if row["input_size"] is None else f"{row['input_size']}"
        speed = [speed_in_words(row["images_a_second"])] if any_speed(rows) else []
        add(made, row["name"], where(row), parameters, size, side, *speed)
    show(made)
    absent = [row for row in rows if row["url"]]
    if absent and result["offline"]:
        say("HF_HUB_OFFLINE is set, so that nothing is fetched. Unset it, or bring files by hand.", whole=False)
    if absent and len(absent) <= MOST_ADDRESSES:
        say("To bring weights by hand: fetch the file elsewhere, copy it here, and pass it with --weights FILE.")
        for row in absent:
            say(f"  {row['name']}: {row['url']}")


def show_many(result: Mapping[str, Any]) -> None:
    """A row for each network, its weights beside it."""
    rows = result["backbones"]
    networks: dict[str, list[str]] = {}
    for row in rows:
        network, _, tag = row["name"].partition(".")
        mark = " (here)" if row["here"] else ""
        networks.setdefault(network, []).append((tag or ("default" if row["pretrained"] else "none")) + mark)
    made = table("backbone", "weights", header=True)
    made.columns[1].justify = "left"
    for network, tags in networks.items():
        add(made, network, ", ".join(tags))
    show(made)
    say(f"{len(rows):,} names, as NETWORK.WEIGHTS; without WEIGHTS the first ones are taken.", whole=False)
    say("With part of a name: parameters, size and input, as in `regraft backbones resnet50.`", whole=False)
    say("(the dot leaves other networks out).")


def where(row: Mapping[str, Any]) -> str:
    """Where a backbone's weights are."""
    return "on this machine" if row["here"] else "to be fetched" if row["pretrained"] else "none"


def any_speed(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether one of them ran here before."""
    return any(row["images_a_second"] for row in rows)


def speed_in_words(rates: Mapping[int, float]) -> str:
    """Images a second, by pixels a side."""
    return ", ".join(f"{rate:,.0f} at {side}" for side, rate in sorted(rates.items()))
