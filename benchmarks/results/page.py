"""docs/results.md from the results."""


def page(rows: list[dict[str, object]]) -> str:
    """The page."""
    return str(len(rows))
