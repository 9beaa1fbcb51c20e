"""Plans and trainings from the page: ask for one, follow it, stop it, go on with it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from regraft.server.answers import Json
from regraft.server.asking import asked_for
from regraft.server.job import Job, State
from regraft.server.job_view import view
from regraft.server.plan_pictures import pictures_of
from regraft.server.refused import Refused
from regraft.server.service import Here, Service
from regraft.server.uploads import body_of, object_in

router = APIRouter(include_in_schema=False)

EVERY = 0.25  # seconds between two looks at a job
ALIVE = 15.0  # seconds without news, after which a stream says that it is there
STREAMED = {"X-Accel-Buffering": "no"}


@router.post("/jobs")
async def ask(request: Request, service: Here) -> Response:
    """Queue a plan or a training."""
    with service.gate.entered() as held:
        values = object_in(await body_of(request, service.settings, held))
    job = await run_in_threadpool(submit, service, values)
    return Json(view(job, service), 201)


def submit(service: Service, values: Any) -> Job:
    """The same, in a thread: folders are looked at."""
    workshop = service.workshop
    return workshop.jobs.submit(asked_for(values, workshop, service.settings.device))


@router.post("/jobs/{name}/stop")
def stop(name: str, service: Here, at_once: bool = False) -> Response:
    """Stop a job as Ctrl-C does, or at once."""
    job = service.workshop.job(name)
    service.workshop.jobs.stop(job, at_once)
    return Json(view(job, service))


@router.post("/jobs/{name}/resume")
def resume(name: str, service: Here) -> Response:
    """Go on with a job that was stopped, failed, or ended with its server."""
    job = service.workshop.job(name)
    service.workshop.jobs.resume(job)
    return Json(view(job, service))


@router.get("/jobs/{name}/events")
def events(name: str, service: Here) -> Response:
    """The job as it is now, then whenever something new is heard of it."""
    job = service.workshop.job(name)
    return StreamingResponse(news(job, service), media_type="text/event-stream", headers=STREAMED)


async def news(job: Job, service: Service) -> AsyncIterator[str]:
    """A stream of server-sent events, until the job ends or the server does."""
    told, quiet = -1, 0.0
    while not service.stopping.is_set():
        version, ended = job.version, job.state.ended
        if version != told:
            told, quiet = version, 0.0
            yield f"id: {version}\nevent: job\ndata: {json.dumps(view(job, service))}\n\n"
        elif quiet >= ALIVE:
            quiet = 0.0
            yield ": still here\n\n"
        if ended:
            return
        await asyncio.sleep(EVERY)
        quiet += EVERY


@router.get("/jobs/{name}/plan")
def planned(request: Request, name: str, service: Here) -> Response:
    """A plan in words and with its picture, as a part of a page."""
    job = service.workshop.job(name)
    result = job.result()
    if job.asked.verb != "plan" or job.state is not State.DONE or result is None:
        raise Refused(404, "there is no plan yet; wait for it to end")
    values = {"plan": result, **pictures_of(result, Path(job.asked.out))}
    return service.templates.TemplateResponse(request, "plan.html", values)
