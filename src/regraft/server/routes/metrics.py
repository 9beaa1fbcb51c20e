"""Figures for Prometheus."""

from fastapi import APIRouter
from starlette.responses import Response

from regraft.server.service import Here

router = APIRouter(tags=["metrics"])


@router.get("/metrics", summary="Figures as Prometheus reads them", response_class=Response)
def metrics(service: Here) -> Response:
    """All of them."""
    return Response(service.measured.text(), headers={"Content-Type": service.measured.kind})
