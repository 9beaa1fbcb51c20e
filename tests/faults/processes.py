"""The command line in processes of its own, which are killed or find the disk full at a chosen write."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

SERVER = Path(__file__).with_name("server.py")


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int  # negative: the signal's number
    printed: str
    writes: int  # 0 where it was killed


@dataclass
class Processes:
    """Starts them, each in ``folder`` with a cache of its own there."""

    folder: Path
    usual: tuple[object, ...]  # arguments of most of them
    server: subprocess.Popen[str] = field(init=False)

    def __enter__(self) -> "Processes":
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        self.server = subprocess.Popen(
            [sys.executable, str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self.ask(self.request(*self.usual, "--out", "first", cache=self.folder / "first cache")) == "ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        self.server.communicate()

    def run(self, *arguments: object, cache: Path, mode: str = "", at: int = 0) -> Ended:
        """Run the command line; ``mode``: kill, full or a signal's name, ``at`` its so many-th write."""
        return Ended(**json.loads(self.ask(self.request(*arguments, cache=cache, mode=mode, at=at))))

    def request(self, *arguments: object, cache: Path, mode: str = "", at: int = 0) -> str:
        """What the server is asked for."""
        return json.dumps(
            {
                "arguments": [str(argument) for argument in arguments],
                "environment": {"REGRAFT_CACHE": str(cache)},
                "folder": str(self.folder),
                "mode": mode,
                "at": at,
            }
        )

    def ask(self, request: str) -> str:
        """A line to the server, and its answer."""
        assert self.server.stdin
        assert self.server.stdout
        self.server.stdin.write(request + "\n")
        self.server.stdin.flush()
        return self.server.stdout.readline()
