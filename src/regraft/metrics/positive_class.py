"""Which of two classes is the positive one: the finding, not the absence of one."""

import re
from collections.abc import Sequence

NEGATIVE = frozenset((
    "0", "absent", "background", "benign", "clean", "control", "controls", "false", "good", "healthy", "intact",
    "negative", "neg", "no", "nofinding", "none", "nonevent", "normal", "ok", "pass", "uninfected",
))  # fmt: skip
POSITIVE = frozenset((
    "1", "abnormal", "anomalous", "anomaly", "bad", "broken", "cancer", "cancerous", "damaged", "defect", "defective",
    "defects", "disease", "diseased", "fail", "faulty", "infected", "malignant", "ng", "nok", "pos", "positive",
    "present", "sick", "true", "tumor", "tumour", "yes",
))  # fmt: skip
NOT = ("no", "non", "not", "un", "in", "without")  # before the other class's name


def positive_of(classes: Sequence[str], images: Sequence[int]) -> int:
    """The id of the positive one of two classes: by its name where that is plain, else the rarer one.

    ``images``: of each class.
    """
    names = [re.sub(r"[\W_]+", "", name.casefold()) for name in classes]
    denied = [name in NEGATIVE or is_denial(name, names[1 - place]) for place, name in enumerate(names)]
    claimed = [name in POSITIVE or is_denial(names[1 - place], name) for place, name in enumerate(names)]
    plain = [
        place for place in (0, 1) if (claimed[place] or denied[1 - place]) and not (denied[place] or claimed[1 - place])
    ]
    return plain[0] if plain else int(images[1] <= images[0])


def is_denial(name: str, other: str) -> bool:
    """Whether a name says that the other is not there: 'no mask' beside 'mask'."""
    return bool(other) and any(name == f"{prefix}{other}" for prefix in NOT)
