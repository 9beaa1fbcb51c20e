"""How a long piece of work says how far it is."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]  # what is under way, how many are done, of how many


def silent(_stage: str, _done: int, _total: int) -> None:
    """The progress that shows nothing."""
