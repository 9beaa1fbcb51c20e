"""The Open Inference Protocol, version 2, as KServe's and Triton's clients speak it."""

from fastapi import APIRouter, Request
from starlette.responses import Response

import regraft
from regraft.server.answers import Json
from regraft.server.predicting import predicted
from regraft.server.refused import Refused
from regraft.server.served import Served
from regraft.server.service import Here
from regraft.server.tensors import HEADER_LENGTH, answer_of, inference_of, metadata_of
from regraft.server.uploads import body_of, parsed

router = APIRouter(tags=["Open Inference Protocol"])

VERSION = "1"  # each run has one alone


@router.get("/v2", summary="What this server is")
def about() -> Response:
    """Name, version, extensions."""
    extensions = ["binary_tensor_data", "classification", "model_repository"]
    return Json({"name": "regraft", "version": regraft.__version__, "extensions": extensions})


@router.get("/v2/health/live", summary="Whether the server answers")
async def live() -> Response:
    """It does."""
    return Json({"live": True})


@router.get("/v2/health/ready", summary="Whether the server takes images")
async def ready(service: Here) -> Response:
    """It does until it is told to stop."""
    stopping = service.stopping.is_set()
    return Json({"ready": not stopping}, 503 if stopping else 200)


@router.post("/v2/repository/index", summary="The runs that there are")
def index(service: Here) -> Response:
    """Their names."""
    return Json([{"name": name, "version": VERSION, "state": "READY"} for name in service.runs.by_name])


@router.get("/v2/models/{name}/ready", summary="Whether a run takes images")
@router.get("/v2/models/{name}/versions/{version}/ready", include_in_schema=False)
def model_ready(name: str, service: Here, version: str = VERSION) -> Response:
    """It does where it can be loaded."""
    served = of_version(service.runs.named(name), version)
    served.opened()
    return Json({"name": name, "ready": True})


@router.get("/v2/models/{name}", summary="What a run takes and gives")
@router.get("/v2/models/{name}/versions/{version}", include_in_schema=False)
def metadata(name: str, service: Here, version: str = VERSION) -> Response:
    """Its tensors and classes."""
    classifier = of_version(service.runs.named(name), version).opened().classifier
    return Json(metadata_of(name, classifier.classes, classifier.preprocessing.size))


@router.post("/v2/models/{name}/infer", openapi_extra={"requestBody": {"required": True, "content": {
    "application/json": {"schema": {"type": "object", "required": ["inputs"]}},
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
}}}, summary="Probabilities of images")  # fmt: skip
@router.post("/v2/models/{name}/versions/{version}/infer", include_in_schema=False)
async def infer(request: Request, name: str, service: Here, version: str = VERSION) -> Response:
    """Images as tensors in, probabilities as a tensor out."""
    with service.gate.entered() as held:
        opened = await service.opened(of_version(service.runs.named(name), version))
        body = await body_of(request, service.settings, held)
        inference = await parsed(inference_of, body, request.headers.get(HEADER_LENGTH))
        predictions = await predicted(opened, inference.contents, service.readers, held)
        answer, headers = answer_of(name, inference, predictions)
        return Response(answer, headers=headers)


def of_version(served: Served, version: str) -> Served:
    """The run, where it has that version."""
    if version != VERSION:
        raise Refused(404, f"the run '{served.name}' has no version of that name; leave it out, or ask for {VERSION}")
    return served
