"""The pages that a browser opens."""

import math
from collections.abc import Callable, Sequence

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from regraft.recipe import STRATEGIES
from regraft.server.job_view import view
from regraft.server.run_rows import Row, row_of
from regraft.server.service import Here, Service

router = APIRouter(include_in_schema=False)

MOST_JOBS = 50  # that the page lists


@router.get("/")
def index(request: Request, service: Here) -> Response:
    """Predict."""
    return page(request, service, "predict.html")


@router.get("/thresholds")
def thresholds(request: Request, service: Here) -> Response:
    """Choose a class's threshold."""
    folders = {name: str(served.folder) for name, served in service.runs.by_name.items()}
    return page(request, service, "thresholds.html", folders=folders)


@router.get("/runs")
async def runs(request: Request, service: Here) -> Response:
    """The runs side by side."""
    served = list(service.runs.by_name.values())
    rows = await run_in_threadpool(lambda: [row_of(one) for one in served])
    return page(request, service, "runs.html", rows=rows, place=places_of(rows))


@router.get("/train")
def train(request: Request, service: Here) -> Response:
    """Plan and train."""
    workshop = service.workshop
    jobs = [view(job, service) for job in reversed(workshop.jobs.listed()[-MOST_JOBS:])]
    values = {"strategies": STRATEGIES, "roots": workshop.roots.tops(), "most": workshop.uploads.most_bytes}
    return page(request, service, "train.html", jobs=jobs, **values)


@router.get("/jobs/{name}")
def job(request: Request, name: str, service: Here) -> Response:
    """One plan or training."""
    found = service.workshop.job(name)
    form = {"options": dict(found.asked.options), "strategies": STRATEGIES}
    return page(request, service, "job.html", job=view(found, service), data=found.asked.data, **form)


def places_of(rows: Sequence[Row]) -> Callable[[float], float]:
    """Where a share stands on a line from 0 to 100, that begins a little below the lowest of all."""
    lowest = min((row.low for row in rows if not row.fault), default=0.0)
    start = max(math.floor(10 * lowest - 0.5) / 10, 0.0)
    return lambda share: round(100 * (share - start) / (1 - start), 1)


def page(request: Request, service: Service, template: str, **values: object) -> Response:
    """A page, with the names of the runs that there are."""
    names = list(service.runs.by_name)
    return service.templates.TemplateResponse(request, template, {"names": names, **values})
