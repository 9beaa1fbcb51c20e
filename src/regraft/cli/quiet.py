"""What libraries think of the user's files stays off the screen; it is in the faults, in words."""

import ctypes
import logging
import warnings
from contextlib import suppress
from ctypes.util import find_library
from pathlib import Path

from regraft.visible import visible

HANDLERS = ("TIFFSetErrorHandler", "TIFFSetWarningHandler")


def quiet_pillow() -> None:
    """Keep Pillow's warnings and log to itself."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
    logger = logging.getLogger("PIL")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


class Shown(logging.Formatter):
    """A library's line as text."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with what a name in it would do written out."""
        return visible(super().format(record))


def quiet_logs() -> None:
    """Let libraries' lines be text, and keep those away that tell of OpenVINO's own files."""
    if logging.lastResort:
        logging.lastResort.setFormatter(Shown())
    root = logging.getLogger()
    if not root.filters:
        root.addFilter(lambda record: "openvino_telemetry" not in record.pathname)


def quiet_libtiff() -> None:
    """Let the libtiff that Pillow uses print nothing; where it cannot be found it is as it was."""
    import PIL

    folder = Path(PIL.__file__).parent
    bundled = [*folder.parent.glob("pillow.libs/libtiff*"), *folder.glob(".dylibs/libtiff*")]
    for name in map(str, bundled or filter(None, [find_library("tiff")])):
        with suppress(OSError, AttributeError):
            library = ctypes.CDLL(name)
            for handler in HANDLERS:
                set_handler = getattr(library, handler)
                set_handler.restype, set_handler.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
                set_handler(None)
