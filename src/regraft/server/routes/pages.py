"""The pages that a browser opens."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from regraft.server.service import Here

router = APIRouter(include_in_schema=False)


@router.get("/")
def index(request: Request, service: Here) -> Response:
    """The runs that there are."""
    return service.templates.TemplateResponse(request, "index.html", {"runs": list(service.runs.by_name.values())})
