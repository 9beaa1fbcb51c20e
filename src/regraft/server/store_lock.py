"""One server at a time keeps its jobs in a folder; the lock ends with its process."""

import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl

NAME = ".lock"


class Lock:
    """The lock of a folder."""

    def __init__(self, folder: Path) -> None:
        self.path, self.file = folder / NAME, -1

    def take(self) -> bool:
        """Lock it; False where another server has it. Where the file system has no locks it is ours."""
        if self.file >= 0:
            return True
        file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        if sys.platform != "win32":
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                return False
            except OSError:
                pass
        self.file = file
        return True

    def give_up(self) -> None:
        """Let others have it."""
        if self.file >= 0:
            os.close(self.file)
            self.file = -1
