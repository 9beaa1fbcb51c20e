"""Where a network's weights come from, and under which licence, as far as whoever published them says."""

from dataclasses import dataclass, replace
from pathlib import Path

from regraft.strict_json import Malformed, build, read_json

ENVIRONMENT = "environment.json"  # of a run, which says it of the run's weights
NOT_SAID = {"", "unknown", "none"}  # what publishers write where they say nothing


@dataclass(frozen=True)
class Origin:
    """Where weights come from. What is not known is None: it is never guessed."""

    weights: str | None = None  # whose they are, in words
    licence: str | None = None  # its identifier or address
    said_by: str | None = None  # whose word the licence is
    hub: str | None = None  # their repository at Hugging Face


NOT_KNOWN = Origin()


def published(weights: str, licence: str | None, said_by: str, hub: str | None = None) -> Origin:
    """The origin of weights that somebody published, with the licence where their metadata names one."""
    known = licence and licence.strip().lower() not in NOT_SAID
    return Origin(weights, licence.strip() if licence and known else None, said_by if known else None, hub)


def of_file(weights: str) -> Origin:
    """The origin of weights from a file: nothing says under which licence they are."""
    return Origin(f"the file {Path(weights).name}")


def origin_of_run(run: Path) -> Origin:
    """Where the weights of a finished run come from: followed to those that it started from."""
    try:
        first = build(Origin, read_json(run / ENVIRONMENT)["origin"])
    except (
        OSError,
        Malformed,
        LookupError,
        TypeError,
    ):  # a run of before, or moved without its files: then nothing is known
        first = NOT_KNOWN
    start = f", which started from {first.weights}" if first.weights else ""
    return replace(first, weights=f"an earlier run{start}")
