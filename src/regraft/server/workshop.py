"""What plans and trainings from the page need: the data that may be used, the jobs, and where runs are put."""

import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from regraft.errors import RegraftError
from regraft.runs.folder import RUNS, holds_checkpoints, unfinished_of
from regraft.server.data_root import DataRoots
from regraft.server.job import Job
from regraft.server.jobs import Jobs
from regraft.server.refused import Refused
from regraft.server.served import Runs
from regraft.server.settings import Settings
from regraft.server.uploaded import Uploads

UPLOADS, JOBS, PLANS = "uploads", "jobs", "plans"  # folders of the store


@dataclass(frozen=True)
class Workshop:
    """The data roots, the uploads and the jobs of a server."""

    runs: Runs
    store: Path
    roots: DataRoots
    uploads: Uploads
    jobs: Jobs = field(repr=False)

    def data(self, known_as: str) -> tuple[Path, str]:
        """Where data lies that the page knows by an id, and its name; Refused where there is none."""
        kind, _, name = known_as.partition(":")
        if kind == "upload" and (upload := self.uploads.get(name)):
            return upload.path.resolve(), upload.name
        if kind == "folder":
            try:
                entry = self.roots.get(name)
            except RegraftError as error:
                raise Refused(404, str(error)) from None
            return entry.path, entry.name
        raise Refused(404, "that data is not here any more; choose a folder, or upload a zip")

    def job(self, name: str) -> Job:
        """A job by its id; Refused where there is none."""
        job = self.jobs.all.get(name)
        if job is None:
            raise Refused(404, "there is no such job here; the page Train lists those there are")
        return job

    def free_run(self, name: str) -> Path:
        """A run folder that no run, no job and no served run has."""
        promised = {job.asked.out for job in self.jobs.listed()}
        return next(
            out
            for out in numbered(RUNS.absolute(), name)
            if str(out) not in promised and out.name not in self.runs.by_name and is_free(out)
        )

    def free_plan(self) -> Path:
        """A folder for a plan."""
        return (self.store / PLANS / secrets.token_hex(6)).absolute()


def workshop_for(settings: Settings, runs: Runs) -> Workshop:
    """A server's; a training that ended is served at once."""

    def ended(job: Job) -> None:
        if job.asked.verb == "train" and Path(job.asked.out).is_dir():
            runs.add(Path(job.asked.out), replace=True)

    store = settings.store
    roots = DataRoots((settings.data_root,) if settings.data_root else ())
    jobs = Jobs(store / JOBS, on_end=ended)
    for job in jobs.listed():  # what the page trained under earlier servers is served too
        if Path(job.asked.out).name not in runs.by_name:
            with suppress(RegraftError):  # it was deleted since
                ended(job)
    return Workshop(runs, store, roots, Uploads(store / UPLOADS), jobs)


def numbered(folder: Path, name: str) -> Iterator[Path]:
    """The names that a run may have."""
    return (folder / f"{name}-{number}" for number in count(1))


def is_free(out: Path) -> bool:
    """Whether neither a run nor checkpoints lie there."""
    return not out.exists() and not holds_checkpoints(unfinished_of(out))
