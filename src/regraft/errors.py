"""What can go wrong, for the user's eyes.

RegraftError            something the user can mend: one line, exit code 2
├── DataError           the images, their folders or labels
├── BackboneError       the pre-trained network, its weights or its cuts
├── RecipeError         a setting, or two settings that contradict each other
└── RunError            a run folder: missing, in the way, unwritable, incomplete

Every message says what was wrong, what was seen and what to do, in one line.
"""

import errno
from collections.abc import Iterator


class RegraftError(Exception):
    """Something that the user can mend."""


class DataError(RegraftError):
    """The images, their folders or their labels cannot be used."""


class BackboneError(RegraftError):
    """The pre-trained network cannot be had, loaded or cut."""


class RecipeError(RegraftError):
    """A setting is out of range or contradicts another."""


class RunError(RegraftError):
    """A run folder is missing, in the way, unwritable or incomplete."""


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the last: a limit on the size of files
FULL_WORDS = (  # of errors that are no OSErrors: safetensors', and those of torch's writer
    "no space left", "disk quota", "os error 28)", "os error 122)", "pytorchstreamwriter failed writing",
    "] . unexpected pos",
)  # fmt: skip


def disk_is_full(error: BaseException) -> bool:
    """Whether something failed for want of space on a disk; other libraries say so in words only."""
    return any(lacks_space(cause) for cause in causes_of(error))


def lacks_space(error: BaseException) -> bool:
    """Whether this very error says so."""
    own = isinstance(error, OSError) and error.errno in FULL
    return own or any(words in str(error).lower() for words in FULL_WORDS)


def causes_of(error: BaseException | None) -> Iterator[BaseException]:
    """An error, what it was raised from, and so on."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def reason_not_written(error: BaseException) -> str:
    """Why something could not be written, in words."""
    full = next(filter(lacks_space, causes_of(error)), None)
    first = full or error
    if isinstance(first, OSError) and first.strerror:
        return first.strerror
    return "No space left on device" if full else reason_of(error)


def reason_of(error: BaseException) -> str:
    """The first line of what another library's error says, or its kind where it says nothing."""
    return str(error).strip().split("\n")[0] or type(error).__name__
