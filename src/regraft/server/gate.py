"""How much is in hand at once: whoever comes when it is full is told to come again."""

from collections.abc import Iterator
from contextlib import contextmanager

from regraft.server.refused import AGAIN, Refused


class Gate:
    """Requests in hand and the bytes that they brought; all of it happens in the event loop's thread."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self.most, self.most_bytes = most, most_bytes
        self.requests = self.bytes = 0

    @contextmanager
    def entered(self) -> Iterator["Held"]:
        """One request more, as long as it takes; Refused where there are too many."""
        if self.requests >= self.most:
            raise Refused(429, f"{self.requests:,} requests are waiting already; come again in a second", AGAIN)
        self.requests += 1
        held = Held(self)
        try:
            yield held
        finally:
            self.requests -= 1
            self.bytes -= held.bytes


class Held:
    """What one request has brought."""

    def __init__(self, gate: Gate) -> None:
        self.gate, self.bytes = gate, 0

    def take(self, amount: int) -> None:
        """So many bytes more; Refused where all requests together have too many."""
        if self.gate.bytes + amount > self.gate.most_bytes:
            raise Refused(429, f"{self.gate.bytes:,} bytes are waiting already; come again in a second", AGAIN)
        self.gate.bytes += amount
        self.bytes += amount
