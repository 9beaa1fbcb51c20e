"""What all routes share: settings, runs, figures, templates."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.templating import Jinja2Templates

from regraft.progress.pace import time_in_words
from regraft.server.gate import Gate
from regraft.server.looks import Looks
from regraft.server.measured import Measured
from regraft.server.served import Opened, Runs, Served
from regraft.server.settings import Settings
from regraft.server.workshop import Workshop, workshop_for

HERE = Path(__file__).parent
STATIC, TEMPLATES = HERE / "static", HERE / "templates"


def some_threads() -> ThreadPoolExecutor:
    """Those that decode images."""
    return ThreadPoolExecutor(os.cpu_count() or 1, "read")


def some_templates() -> Jinja2Templates:
    """Those of the pages."""
    made = Jinja2Templates(TEMPLATES)
    made.env.filters["duration"] = time_in_words
    return made


@dataclass(frozen=True)
class Service:
    """One server's state. ``stopping`` is set as soon as it is to stop: streams that never end look at it."""

    settings: Settings
    runs: Runs
    gate: Gate
    measured: Measured
    workshop: Workshop
    looks: Looks = field(default_factory=Looks)
    templates: Jinja2Templates = field(default_factory=some_templates)
    stopping: threading.Event = field(default_factory=threading.Event)
    readers: ThreadPoolExecutor = field(default_factory=some_threads)

    async def opened(self, served: Served) -> Opened:
        """A run's network, loaded where that was not yet done."""
        made = served.made
        return made if made else await run_in_threadpool(served.opened)

    def close(self) -> None:
        """Answer what is in hand, and end all threads."""
        self.stopping.set()
        self.workshop.jobs.close()
        self.runs.close()
        self.readers.shutdown(cancel_futures=True)


def service_for(settings: Settings) -> Service:
    """A server's state; RunError where a run is not there."""
    measured = Measured()
    runs = Runs(settings, measured.batch)
    gate = Gate(settings.most_waiting, settings.most_bytes)
    measured.follow(gate)
    return Service(settings, runs, gate, measured, workshop_for(settings, runs))


async def service_of(request: Request) -> Service:
    """The state of the server that a request came to."""
    service: Service = request.app.state.service
    return service


Here = Annotated[Service, Depends(service_of)]  # what a route asks for
