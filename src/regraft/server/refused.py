"""What a request is told that cannot be answered: a status and one sentence."""

from collections.abc import Mapping

from regraft.errors import RegraftError

AGAIN = {"Retry-After": "1"}  # seconds


class Refused(RegraftError):
    """A request that gets an error: what was wrong, what was seen, what to do."""

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = dict(headers or {})
