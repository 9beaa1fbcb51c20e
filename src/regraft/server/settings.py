"""What a server is told when it starts."""

from dataclasses import dataclass, field
from pathlib import Path

from regraft.recipe import MAX_PIXELS

STORE = Path("regraft-serve")
HOST, PORT = "127.0.0.1", 8000
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Settings:
    """How a server listens, what it serves, and what it takes at most."""

    runs: tuple[Path, ...] = ()  # run folders; the first one answers /predict
    found: tuple[Path, ...] = ()  # further ones, which are loaded when they are first asked
    host: str = HOST
    port: int = PORT  # 0: any free one
    token: str | None = field(default=None, repr=False)  # that every request must bring; None: none
    names: tuple[str, ...] = ()  # further host names that browsers may call it by
    data_root: Path | None = None  # whose folders the page may train on
    store: Path = STORE  # where uploads and jobs are kept
    device: str = "auto"
    max_bytes: int = 32 * MEGABYTE  # of one request
    max_pixels: int = MAX_PIXELS  # of one image
    most_waiting: int = 256  # requests in hand; more are told to come again
    most_bytes: int = 512 * MEGABYTE  # of all requests in hand
    wait: float = 0.002  # seconds that a batch waits for images that are on their way
    read_within: float = 60.0  # seconds for a request's body
    stop_within: float = 10.0  # seconds for what is in hand when the server stops
