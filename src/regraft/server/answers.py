"""Predictions as they are sent."""

import json
from collections.abc import Sequence
from typing import Any

from starlette.responses import JSONResponse

from regraft.evaluation.prediction import NO, YES, Prediction

DIGITS = 6  # of a probability, as `regraft predict` gives it


class Json(JSONResponse):
    """JSON in ASCII, so that any name can be sent."""

    def render(self, content: Any) -> bytes:
        """The text."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def scores_of(prediction: Prediction, most: int | None = None) -> list[dict[str, Any]]:
    """Classes with their probabilities, the likeliest first, as Hugging Face's inference API gives them."""
    assert prediction.probabilities is not None, "an image with a fault is refused before"
    probabilities: list[float] = prediction.probabilities.tolist()
    order = sorted(range(len(probabilities)), key=probabilities.__getitem__, reverse=True)[:most]
    return [{"label": prediction.classes[place], "score": round(probabilities[place], DIGITS)} for place in order]


def answer_of(model: str, prediction: Prediction, most: int | None, notes: Sequence[str] = ()) -> dict[str, Any]:
    """All that is known of an image."""
    probability = prediction.probability
    return {
        "model": model,
        "class": prediction.label,
        "class_number": int(prediction.probabilities.argmax()) if prediction.probabilities is not None else None,
        "probability": None if probability is None else round(probability, DIGITS),
        "known": prediction.known,
        "scores": scores_of(prediction, most),
        "neighbours": list(prediction.neighbours),
        "notes": list(notes),
    }


def known_word(prediction: Prediction) -> str:
    """Whether the run was trained on anything like it, in the word that a CSV of predictions has."""
    return "" if prediction.known is None else YES if prediction.known else NO
