"""The page on which a person looks at doubtful labels, and what it asks for."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from regraft.data.corrections import ACTIONS
from regraft.evaluation.review.review import Review
from regraft.server.answers import Json
from regraft.server.refused import Refused
from regraft.server.reviews import LARGE, SMALL, Reviews, decided, item_at, neighbours, picture, shown_items
from regraft.server.service import Here

router = APIRouter(prefix="/review/{name}", include_in_schema=False)
KEPT = {"Cache-Control": "private, max-age=3600"}  # pictures are asked for by what they show


class Decision(BaseModel):
    """What a person decided on one image."""

    model_config = ConfigDict(extra="forbid", strict=True)

    place: int = Field(ge=0)
    action: str = Field(max_length=20)
    label: str = Field(default="", max_length=500)


class Place(BaseModel):
    """One image of the list."""

    model_config = ConfigDict(extra="forbid", strict=True)

    place: int = Field(ge=0)


def review_of(request: Request, name: str, service: Here) -> Review:
    """The review that an address names."""
    reviews: Reviews = request.app.state.reviews
    return reviews.of(service.runs.named(name))


Made = Annotated[Review, Depends(review_of)]


@router.get("")
def page(request: Request, name: str, service: Here) -> Response:
    """The page; its list comes after it, since finding it takes seconds."""
    return service.templates.TemplateResponse(request, "review.html", {"name": service.runs.named(name).name})


@router.get("/items")
def items(made: Made) -> Response:
    """What to look at, in order."""
    return Json(
        {
            "classes": list(made.features.images.classes),
            "items": shown_items(made),
            "corrections": str(made.decisions.path),
            "reviewed": made.reviewed,
            "command": made.command,
            "quick": made.quick,
        }
    )


@router.get("/image/{place}")
def image(place: int, made: Made) -> Response:
    """One image, large."""
    return Response(picture(made, item_at(made, place).row, LARGE), media_type="image/jpeg", headers=KEPT)


@router.get("/near/{place}")
def near(place: int, made: Made) -> Response:
    """Images like it."""
    return Json({"images": neighbours(made, place)})


@router.get("/near/{place}/{number}")
def near_image(place: int, number: int, made: Made) -> Response:
    """One of those."""
    item_at(made, place)
    rows = made.nearest(place)
    if not 0 <= number < len(rows):
        raise Refused(404, f"there are {len(rows)} images like it")
    return Response(picture(made, rows[number], SMALL), media_type="image/jpeg", headers=KEPT)


@router.post("/decide")
def decide(wanted: Decision, made: Made) -> Response:
    """Write a decision at once."""
    if wanted.action not in ACTIONS:
        raise Refused(422, f"'{wanted.action}' is nothing that can be done; give {', '.join(ACTIONS)}")
    row = made.decisions.decide(item_at(made, wanted.place), wanted.action, wanted.label)
    return told(wanted.place, decided(row))


@router.post("/undo")
def undo(wanted: Place, made: Made) -> Response:
    """Take a decision back."""
    made.decisions.forget(item_at(made, wanted.place))
    return told(wanted.place, None)


def told(place: int, decision: dict[str, str] | None) -> Response:
    """What is kept now."""
    answer: dict[str, Any] = {"place": place, "decision": decision}
    return Json(answer)
