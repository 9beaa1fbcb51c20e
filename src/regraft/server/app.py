"""The application: its routes, and what stands before them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

import regraft
from regraft.errors import RegraftError
from regraft.server.answers import Json
from regraft.server.boundary import Boundary
from regraft.server.refused import Refused
from regraft.server.reviews import Reviews
from regraft.server.routes import data, insight, jobs, login, metrics, pages, predict, protocol, review
from regraft.server.security import Guard, Secured
from regraft.server.service import STATIC, Service, service_for
from regraft.server.settings import Settings
from regraft.visible import visible

ABOUT = "Predictions of trained runs. Send an image, get classes with calibrated probabilities."


def create_app(settings: Settings) -> FastAPI:
    """A server's application; RunError where a run is not there."""
    service = service_for(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = FastAPI(
        title="regraft",
        version=regraft.__version__,
        summary=ABOUT,
        docs_url=None,  # they load scripts from another host
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.service = service
    app.state.reviews = Reviews()
    app.state.guard = guard = Guard(settings)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.include_router(predict.router)
    app.include_router(protocol.router)
    app.include_router(metrics.router)
    app.include_router(login.router)
    app.include_router(pages.router)
    app.include_router(insight.router)
    app.include_router(data.router)
    app.include_router(jobs.router)
    app.include_router(review.router)
    app.add_exception_handler(RegraftError, refused)
    app.add_exception_handler(HTTPException, no_page)
    app.add_exception_handler(RequestValidationError, unfit)
    app.add_middleware(Secured, guard=guard)
    app.add_middleware(Boundary, measured=service.measured)
    return app


def refused(request: Request, error: Exception) -> Response:
    """A sentence and its status; what the user can mend of a run is 409."""
    own = isinstance(error, Refused)
    status, headers = (error.status, error.headers) if own else (409, {})  # type: ignore[attr-defined]
    return told(request, status, visible(str(error)), headers)


def no_page(request: Request, error: Exception) -> Response:
    """Nothing is there, or not by that method."""
    assert isinstance(error, HTTPException), "the handler is for these"
    why = {404: "there is no such page; / lists what there is", 405: "this page is not asked that way"}
    headers = dict(error.headers or {})
    return told(request, error.status_code, why.get(error.status_code, str(error.detail)), headers)


def unfit(request: Request, error: Exception) -> Response:
    """A parameter of another kind."""
    assert isinstance(error, RequestValidationError), "the handler is for these"
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or "the request"
    return Json({"error": visible(f"{where} cannot be used: {first['msg']}")}, 422)


def told(request: Request, status: int, sentence: str, headers: Mapping[str, str]) -> Response:
    """An error: as a page to a person who opens one, else as JSON."""
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        service: Service = request.app.state.service
        values = {"sentence": f"{sentence[:1].upper()}{sentence[1:]}."}
        return service.templates.TemplateResponse(request, "error.html", values, status, headers)
    return Json({"error": sentence}, status, headers)
