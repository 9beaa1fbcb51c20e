"""The Open Inference Protocol, version 2, as KServe and Triton speak it."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

import regraft
from regraft.server.answers import Json
from regraft.server.service import Here

router = APIRouter(tags=["open inference protocol"])


@router.get("/v2", summary="What this server is")
def server() -> Response:
    """Name and version."""
    about: dict[str, Any] = {"name": "regraft", "version": regraft.__version__, "extensions": ["binary_tensor_data"]}
    return Json(about)


@router.get("/v2/health/live", summary="Whether the server answers")
async def live() -> Response:
    """It does."""
    return Json({"live": True})


@router.get("/v2/health/ready", summary="Whether the server takes images")
async def is_ready(service: Here) -> Response:
    """It does until it is told to stop."""
    stopping = service.stopping.is_set()
    return Json({"ready": not stopping}, 503 if stopping else 200)
