"""The page on which a person looks at doubtful labels, and what it asks for."""

from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from regraft.data.corrections import ACTIONS
from regraft.evaluation.review.review import Review
from regraft.runs.job import name_of
from regraft.server.answers import Json
from regraft.server.job import Asked
from regraft.server.refused import Refused
from regraft.server.reviews import LARGE, SMALL, Reviews, decided, item_at, neighbours, picture, shown_items
from regraft.server.service import Here, Service
from regraft.server.uploads import body_of, object_in

router = APIRouter(include_in_schema=False)
RUN = "/review/{name}"
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


Kind = TypeVar("Kind", bound=BaseModel)


async def asked(kind: type[Kind], request: Request, service: Service) -> Kind:
    """What a request's JSON says; Refused where it says something else."""
    with service.gate.entered() as held:
        values = object_in(await body_of(request, service.settings, held))
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the request"
        raise Refused(422, f"{where} cannot be used: {first['msg']}") from None


Made = Annotated[Review, Depends(review_of)]


@router.get("/review")
def choose(request: Request, service: Here) -> Response:
    """Whose labels to look at; where there is one run alone, its."""
    names = list(service.runs.by_name)
    if len(names) == 1:
        return RedirectResponse(f"/review/{quote(names[0])}")
    return service.templates.TemplateResponse(request, "reviews.html", {"names": names})


@router.get(RUN)
def page(request: Request, name: str, service: Here) -> Response:
    """The page; its list comes after it, since finding it takes seconds."""
    return service.templates.TemplateResponse(request, "review.html", {"name": service.runs.named(name).name})


@router.get(f"{RUN}/items")
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


@router.get(f"{RUN}/image/{{place}}")
def image(place: int, made: Made) -> Response:
    """One image, large."""
    return Response(picture(made, item_at(made, place).row, LARGE), media_type="image/jpeg", headers=KEPT)


@router.get(f"{RUN}/near/{{place}}")
def near(place: int, made: Made) -> Response:
    """Images like it."""
    return Json({"images": neighbours(made, place)})


@router.get(f"{RUN}/near/{{place}}/{{number}}")
def near_image(place: int, number: int, made: Made) -> Response:
    """One of those."""
    item_at(made, place)
    rows = made.nearest(place)
    if not 0 <= number < len(rows):
        raise Refused(404, f"there are {len(rows)} images like it")
    return Response(picture(made, rows[number], SMALL), media_type="image/jpeg", headers=KEPT)


@router.post(f"{RUN}/decide")
async def decide(request: Request, name: str, service: Here) -> Response:
    """Write a decision at once."""
    wanted = await asked(Decision, request, service)
    return await run_in_threadpool(lambda: decide_on(wanted, review_of(request, name, service)))


def decide_on(wanted: Decision, made: Review) -> Response:
    """The same, in a thread: a file is written."""
    if wanted.action not in ACTIONS:
        raise Refused(422, f"'{wanted.action}' is nothing that can be done; give {', '.join(ACTIONS)}")
    row = made.decisions.decide(item_at(made, wanted.place), wanted.action, wanted.label)
    return told(wanted.place, decided(row))


@router.post(f"{RUN}/undo")
async def undo(request: Request, name: str, service: Here) -> Response:
    """Take a decision back."""
    wanted = await asked(Place, request, service)
    return await run_in_threadpool(lambda: forget(wanted, review_of(request, name, service)))


def forget(wanted: Place, made: Review) -> Response:
    """The same, in a thread."""
    made.decisions.forget(item_at(made, wanted.place))
    return told(wanted.place, None)


@router.post(f"{RUN}/retrain")
def retrain(made: Made, service: Here) -> Response:
    """Queue a training with the decisions."""
    if not made.decisions.path.exists():
        raise Refused(409, "nothing is decided yet, so a training would give the same; look at an image first")
    name = name_of(made.data)
    out = service.workshop.free_run(name)
    words = (*made.words, "--out", str(out), "--json", "--progress", "json")
    earlier = (job.asked for job in service.workshop.jobs.listed() if Path(job.asked.out) == made.run.absolute())
    data = next((asked.data for asked in earlier), "corrected")  # an upload that a job needs is not deleted
    job = service.workshop.jobs.submit(Asked("train", f"{name}, corrected", words, str(out), data))
    return Json({"job": job.id}, 201)


def told(place: int, decision: dict[str, str] | None) -> Response:
    """What is kept now."""
    answer: dict[str, Any] = {"place": place, "decision": decision}
    return Json(answer)
