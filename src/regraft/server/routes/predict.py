"""One image in, its classes out."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from regraft.evaluation.prediction import Prediction
from regraft.server.answers import Json, answer_of, known_word, scores_of
from regraft.server.predicting import given, predicted
from regraft.server.served import Opened, Served
from regraft.server.service import Here, Service
from regraft.server.uploads import upload_of

router = APIRouter(tags=["predict"])

IMAGE = {
    "requestBody": {
        "required": True,
        "description": "An image: the file's bytes, a form with one file, or base64 in JSON.",
        "content": {
            "image/*": {"schema": {"type": "string", "format": "binary"}},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}, "top_k": {"type": "integer"}},
                }
            },
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["inputs"],
                    "properties": {
                        "inputs": {"type": "string", "format": "byte"},
                        "parameters": {"type": "object", "properties": {"top_k": {"type": "integer", "minimum": 1}}},
                    },
                }
            },
        },
    },
    "parameters": [{"name": "top_k", "in": "query", "schema": {"type": "integer", "minimum": 1}}],
}
SCORES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The classes, the likeliest first. X-Regraft-Known: whether the run was trained on its like.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"label": {"type": "string"}, "score": {"type": "number"}},
                    },
                }
            }
        },
    }
}


@router.post("/predict", responses=SCORES, openapi_extra=IMAGE, summary="Classes of an image, by the first run")
@router.post("/", include_in_schema=False)
async def predict(request: Request, service: Here) -> Response:
    """By the first run, which may be the only one."""
    return await scores(request, service, None)


@router.post("/models/{name}/predict", responses=SCORES, openapi_extra=IMAGE, summary="Classes of an image, by a run")
@router.post("/models/{name}", include_in_schema=False)
async def predict_by(request: Request, name: str, service: Here) -> Response:
    """By a run of that name."""
    return await scores(request, service, name)


@router.post("/models/{name}/answer", openapi_extra=IMAGE, summary="All that a run says of an image")
async def answer_by(request: Request, name: str, service: Here) -> Response:
    """Classes, whether the run was trained on its like, and the training images most like it."""
    served, opened, prediction, top_k = await asked(request, service, name)
    shown = service.looks.of(served.name, opened).training_images.places_of(prediction.neighbours)
    return Json(answer_of(served.name, prediction, top_k, opened.notes) | {"neighbour_images": shown})


async def scores(request: Request, service: Service, name: str | None) -> Response:
    """As Hugging Face's inference API answers."""
    _, _, prediction, top_k = await asked(request, service, name)
    return Json(scores_of(prediction, top_k), headers={"X-Regraft-Known": known_word(prediction) or "unknown"})


async def asked(request: Request, service: Service, name: str | None) -> tuple[Served, Opened, Prediction, int | None]:
    """What a run says of the image in a request."""
    with service.gate.entered() as held:
        served = service.runs.first() if name is None else service.runs.named(name)
        opened = await service.opened(served)
        upload = await upload_of(request, service.settings, held)
        (prediction,) = await predicted(opened, [given(upload.data)], service.readers, held)
        return served, opened, prediction, upload.top_k
