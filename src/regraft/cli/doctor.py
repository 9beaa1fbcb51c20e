"""The command that says what regraft runs on here, and what is slow."""

from typing import Any

from regraft.cli.app import app
from regraft.cli.commands import give
from regraft.cli.options import AsJson
from regraft.cli.screen import add, say, show, table


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what regraft runs on here, what is slow, and why."""
    from regraft.runs.doctor import doctor as look_at_all

    give(look_at_all().as_dict(), as_json, show_checkup)


def show_checkup(result: dict[str, Any]) -> None:
    """What there is, then what to do."""
    from regraft.cli.tables import bytes_text

    machine, cache = result["machine"], result["cache"]
    made = table("", "", header=False)
    add(made, "Versions", ", ".join(f"{name} {number or 'missing'}" for name, number in result["versions"].items()))
    there = [name for name, is_there in result["extras"].items() if is_there]
    missing = [name for name, is_there in result["extras"].items() if not is_there]
    extras = [f"installed: {', '.join(there)}"] * bool(there) + [f"missing: {', '.join(missing)}"] * bool(missing)
    add(made, "Extras", "; ".join(extras))
    add(made, "Processors", f"{machine['usable']:g} of {machine['processors']}{load(machine['load'])}")
    if machine["memory"]:
        add(made, "Memory", f"{bytes_text(machine['available'])} free of {bytes_text(machine['memory'])}")
    add(made, "GPU", result["gpu"] or "none")
    speed = f"{result['rate']:,.0f} images a second at {result['size']} pixels (embedded network, frozen)"
    add(made, "Speed", f"{speed}, {result['engine']} on {result['device']}")
    add(made, "Cache", f"{bytes_text(result['cached'])} in {cache['folder']}; {bytes_text(cache['free'])} free there")
    hubs = [f"{name} {'answers' if answers else 'does not answer'}" for name, answers in result["hubs"].items()]
    add(made, "Model hubs", ", ".join(hubs))
    show(made)
    for one in result["advice"]:
        say((f"{one['what']}.", "bold"), f" To do: {one['do']}.", whole=False)
    if not result["advice"]:
        say("Nothing here is slow or missing.")


def load(programs: float | None) -> str:
    """How busy the processors are."""
    return "" if programs is None else f", {programs:.1f} programs want one"
