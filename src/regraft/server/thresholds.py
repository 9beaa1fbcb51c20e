"""What a class's threshold gives on the images that a run held out: recall, precision, and the command."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from regraft.errors import RegraftError
from regraft.runs.held_out import Judged, read_held_out
from regraft.server.refused import Refused

ANY = "any"  # in place of a class: the likeliest one, whichever it is
LACKS = "this run keeps no held-out probabilities to choose thresholds on; train it again"


def held_out(run: Path, classes: Sequence[str]) -> Judged | None:
    """A run's held-out images; None where it has none, Refused where they are damaged."""
    try:
        judged = read_held_out(run, len(classes))
    except RegraftError as error:
        raise Refused(409, str(error)) from None
    return judged


def overview(judged: Judged | None, classes: Sequence[str]) -> dict[str, Any]:
    """How many images of each class were held out; where none were, why there are no thresholds."""
    if judged is None:
        return {"images": 0, "classes": [], "says": LACKS}
    counts = np.bincount(judged.labels, minlength=len(classes)).tolist()
    return {
        "images": len(judged.labels),
        "classes": [{"name": name, "images": count} for name, count in zip(classes, counts, strict=True)],
    }


def scores(judged: Judged | None, classes: Sequence[str], place: str) -> dict[str, Any]:
    """The probabilities of a class on all held-out images, the highest first, and which are right."""
    if judged is None:
        raise Refused(404, LACKS)
    probabilities = judged.probabilities
    if place == ANY:
        own, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == judged.labels
    elif place.isascii() and place.isdecimal() and len(place) < 7 and int(place) < len(classes):  # noqa: PLR2004
        own, right = probabilities[:, int(place)], judged.labels == int(place)
    else:
        raise Refused(404, f"there is no class {place[:20]}; the run has {len(classes)}, numbered from 0")
    order = np.argsort(-own, kind="stable")
    return {"scores": own[order].tolist(), "right": right[order].astype(int).tolist()}
