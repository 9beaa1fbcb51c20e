"""What can go wrong, for the user's eyes.

RegraftError            something the user can mend: one line, exit code 2
├── DataError           the images, their folders or labels
├── BackboneError       the pre-trained network, its weights or its cuts
├── RecipeError         a setting, or two settings that contradict each other
└── RunError            a run folder: missing, in the way, unwritable, incomplete

Every message says what was wrong, what was seen and what to do, in one line.
"""

import errno


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


FULL = (errno.ENOSPC, errno.EDQUOT)
FULL_WORDS = (  # of errors that are no OSErrors: safetensors', and those of torch's writer
    "no space left", "disk quota", "os error 28)", "os error 122)", "pytorchstreamwriter failed writing",
    "] . unexpected pos",
)  # fmt: skip


def disk_is_full(error: BaseException | None) -> bool:
    """Whether something failed for want of space on a disk; other libraries say so in words only."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        if any(words in str(error).lower() for words in FULL_WORDS):
            return True
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return False


def reason_not_written(error: BaseException) -> str:
    """Why something could not be written, in words."""
    if disk_is_full(error):
        return "No space left on device"
    return (isinstance(error, OSError) and error.strerror) or reason_of(error)


def reason_of(error: BaseException) -> str:
    """The first line of what another library's error says, or its kind where it says nothing."""
    return str(error).strip().split("\n")[0] or type(error).__name__
