"""Which of several processes this is, as the environment says it."""

from collections.abc import Mapping
from dataclasses import dataclass

from regraft.errors import RecipeError

NAMES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")  # what torchrun sets


@dataclass(frozen=True)
class Place:
    """Which of several processes this is, as torchrun says it."""

    rank: int
    size: int
    local: int  # its number on its machine
    address: str  # of rank 0's machine
    port: int


def place_from(environment: Mapping[str, str]) -> Place | None:
    """The place that the environment gives this process; None where it is alone. RecipeError where that is no place."""
    if (environment.get("WORLD_SIZE") or "1") == "1":
        return None
    lacking = [name for name in NAMES if not environment.get(name)]
    seen = f"WORLD_SIZE is {environment['WORLD_SIZE']!r:.20} in the environment"
    if lacking:
        raise RecipeError(f"{seen}, but {' and '.join(lacking)} is not set; start with torchrun, or unset WORLD_SIZE")
    try:
        rank, size, local, port = (int(environment[name]) for name in NAMES if name != "MASTER_ADDR")
    except ValueError:
        raise RecipeError(f"{seen}, and not all of {', '.join(NAMES)} are numbers; start with torchrun") from None
    if not (0 <= rank < size and 0 <= local <= rank):
        raise RecipeError(f"{seen}, RANK is {rank} and LOCAL_RANK is {local}; start with torchrun")
    return Place(rank, size, local, environment["MASTER_ADDR"], port)
