"""A home folder and a user's name for the libraries where a container's user has neither."""

import os
import stat
import tempfile
from pathlib import Path

NAMED = ("LOGNAME", "USER", "LNAME", "USERNAME")  # where Python looks for a user's name before it asks the system


def mend_home() -> None:
    """Set HOME to the user's own folder among the temporary ones, and USER to a number, where the system knows none.

    Without one, libraries would write into a folder called ~ where the command was given.
    """
    if os.name != "posix":
        return
    import pwd

    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        if not any(os.environ.get(name) for name in NAMED):
            os.environ["USER"] = f"user-{os.getuid()}"
        if not os.environ.get("HOME"):
            folder = own_temporary_folder()
            if folder:
                os.environ["HOME"] = str(folder)


def own_temporary_folder() -> Path | None:
    """The user's folder among the temporary ones, which nobody else may enter; None where there can be none."""
    try:
        folder = Path(tempfile.gettempdir(), f"regraft-{os.getuid()}")
        folder.mkdir(mode=stat.S_IRWXU, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return folder if own and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) else None
