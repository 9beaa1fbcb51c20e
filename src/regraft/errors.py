"""What can go wrong, for the user's eyes.

RegraftError            something the user can mend: one line, exit code 2
├── DataError           the images, their folders or labels
├── BackboneError       the pre-trained network, its weights or its cuts
├── RecipeError         a setting, or two settings that contradict each other
└── RunError            a run folder: missing, in the way, unwritable, incomplete

Every message says what was wrong, what was seen and what to do, in one line.
"""


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


def reason_of(error: BaseException) -> str:
    """The first line of what another library's error says, or its kind where it says nothing."""
    return str(error).strip().split("\n")[0] or type(error).__name__
