"""The runs that a server knows, by name; each is loaded once, when it is first asked."""

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from regraft.data.content import FileState
from regraft.errors import RegraftError, RunError
from regraft.evaluation.classifier import load
from regraft.evaluation.ready import Ready, ready
from regraft.network.saved import CONFIG, MODEL
from regraft.server.batching import Batcher
from regraft.server.refused import Refused
from regraft.server.settings import Settings

FRESH = 0.02  # seconds that a look at a run's files holds
SHOWN = 20  # names in a message
Hears = Callable[[str, int], None]  # a model and how many images went through it together


class Served:
    """One run: its folder, and its network once that is loaded."""

    def __init__(self, folder: Path, settings: Settings, hears: Hears) -> None:
        self.folder, self.settings, self.hears = folder.absolute(), settings, hears
        self.name = folder.resolve().name if folder.name in {"", ".."} else folder.name
        self.state, self.looked = state_of(folder), 0.0
        self.lock = threading.Lock()
        self.made: Opened | None = None

    def check(self) -> None:
        """Raise Refused where the run is no longer what it was; under load that is looked at some times a second."""
        if (now := time.monotonic()) < self.looked + FRESH:
            return
        try:
            state = state_of(self.folder)
        except RunError:
            raise Refused(
                404, f"the run '{self.name}' was deleted while it was served; train it again, or ask another one"
            ) from None
        if state != self.state:
            raise Refused(409, f"the run '{self.name}' was changed while it was served; start the server again")
        self.looked = now

    def opened(self) -> "Opened":
        """Its network; loading it takes a second or so."""
        if self.made is None:
            with self.lock:
                if self.made is None:
                    self.made = Opened(self)
        return self.made

    def close(self) -> None:
        """Answer what is there, and end."""
        if self.made:
            self.made.batcher.close()


class Opened:
    """A run's network, and the threads that own it."""

    def __init__(self, served: Served) -> None:
        settings = served.settings
        self.ready: Ready = ready(load(served.folder, settings.device), settings.max_pixels)
        self.classifier = self.ready.classifier
        self.bytes = 3 * self.classifier.preprocessing.size**2  # of one image as the network takes it
        self.notes = tuple(filter(None, [self.ready.familiarity.note]))
        self.batcher = Batcher(
            self.ready.answer,
            self.ready.streams,
            self.ready.engine.batch,
            settings.wait,
            lambda images: served.hears(served.name, images),
        )


class Runs:
    """All of them, by the names of their folders."""

    def __init__(self, settings: Settings, hears: Hears = lambda name, images: None) -> None:
        self.settings, self.hears = settings, hears
        self.by_name: dict[str, Served] = {}
        for folder in (*settings.runs, *settings.found):
            self.add(folder)

    def add(self, folder: Path, replace: bool = False) -> Served:
        """Serve a run; one of the same name must make room for it with ``replace``. RunError where there is none."""
        one = Served(folder, self.settings, self.hears)
        other = self.by_name.get(one.name)
        if other and not replace and other.folder == one.folder:
            raise RunError(f"the run {one.folder} is named twice; name it once")
        if other and not replace:
            raise RunError(
                f"two runs are called '{one.name}': {other.folder} and {one.folder}; rename one of the folders"
            )
        self.by_name[one.name] = one
        if other:
            other.close()
        return one

    def named(self, name: str) -> Served:
        """The run of that name, as it was when it was added; Refused where there is none."""
        one = self.by_name.get(name)
        if one is None:
            raise Refused(404, f"there is no run '{name[: SHOWN * 5]}' here; {self.there()}")
        one.check()
        return one

    def first(self) -> Served:
        """The run that is meant where none is named."""
        if not self.by_name:
            raise Refused(404, f"no run is asked; {self.there()}")
        return self.named(next(iter(self.by_name)))

    def there(self) -> str:
        """The names, in words."""
        names = list(self.by_name)
        if not names:
            return "no run is served yet"
        more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
        return f"there are {', '.join(names[:SHOWN])}{more}"

    def open(self) -> None:
        """Load those that were named, and the first; RegraftError where one of the named is damaged."""
        ready = len(self.settings.runs)
        for place, one in enumerate(list(self.by_name.values())[: max(1, ready)]):
            with suppress(*([RegraftError] if place >= ready else [])):
                one.opened()

    def close(self) -> None:
        """Answer what is there, and end."""
        for one in list(self.by_name.values()):
            one.close()


def state_of(folder: Path) -> tuple[FileState, ...]:
    """What is another once the run in a folder is; RunError where no finished run lies there."""
    try:
        model = folder / "model" if (folder / "model").is_dir() else folder
        return tuple(state_of_file(model / name) for name in (CONFIG, MODEL))
    except OSError:
        if not folder.is_dir():
            raise RunError(f"there is no run folder {folder}; give one that `regraft train` made") from None
        raise RunError(f"{folder} holds no finished run; train one first") from None


def state_of_file(path: Path) -> FileState:
    """As data.content tells files apart, but for what changes where a file is linked or its rights are set."""
    found = path.stat()
    return FileState(found.st_size, found.st_mtime_ns, 0, found.st_ino)


def finished_runs(folder: Path) -> tuple[Path, ...]:
    """The finished runs in a folder of runs, the newest first."""

    def made(run: Path) -> float:
        return (run / "model" / CONFIG).stat().st_mtime

    def whole(runs: Iterable[Path]) -> Iterable[Path]:
        for run in runs:
            try:
                state_of(run)
            except RegraftError:
                continue
            yield run

    there = folder.iterdir() if folder.is_dir() else ()
    runs = whole(run for run in there if (run / "model").is_dir() and not run.name.startswith("."))
    return tuple(sorted(runs, key=made, reverse=True))
