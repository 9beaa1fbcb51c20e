"""Plans and trainings as processes of the same command line, a plan and a training at a time; the others wait.

A job is a folder: what was asked for, what it said, what it gave. So it outlives the page, and the server too: of a
server that died it is shown as ended, and can be gone on with.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from regraft.errors import RunError, reason_not_written
from regraft.runs.folder import holds_checkpoints, unfinished_of
from regraft.server.job import MOST_BYTES, OUTPUT, RESULT, Asked, Job, State, read_job
from regraft.server.store_lock import Lock

INTERRUPTED = 130  # the command line's exit code after Ctrl-C
SECRETS = ("REGRAFT_TOKEN",)  # of the server's environment, that no job needs
MOST_WAITING = 20
LONGEST_LINE = 1 << 16  # bytes
PATIENCE = 20.0  # seconds that a job has to stop when the server ends
PROGRAM = (sys.executable, "-m", "regraft")
Told = Callable[[Job], None]


class Jobs:
    """The jobs of a server, in ``folder``; ``at_once``: of each kind that run at a time."""

    def __init__(
        self, folder: Path, at_once: int = 1, on_end: Told = lambda job: None, program: Sequence[str] = PROGRAM
    ) -> None:
        self.folder, self.at_once, self.on_end, self.program = folder, at_once, on_end, program
        self.lock, self.ours = threading.RLock(), Lock(folder)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.all: dict[str, Job] = {}
        self.closed = False
        if folder.is_dir() and self.ours.take():
            self.read_earlier()

    def read_earlier(self) -> None:
        """The jobs of earlier servers; those that had not ended ended with theirs."""
        for place in sorted(self.folder.iterdir()):
            job = read_job(place) if place.is_dir() else None
            if job is None:
                continue
            self.all[job.id] = job
            if not job.state.ended:
                if job.process and is_ours(job.process, job.asked.out):
                    end(job.process, signal.SIGINT)
                job.state, job.ended = State.LOST, job.ended or time.time()
                job.keep()

    def listed(self) -> list[Job]:
        """All of them, the oldest first, as they are now."""
        with self.lock:
            return list(self.all.values())

    def submit(self, asked: Asked) -> Job:
        """Queue a job; RunError where too many wait, or its files cannot be written."""
        with self.lock:
            if sum(job.state is State.QUEUED for job in self.all.values()) >= MOST_WAITING:
                raise RunError(f"{MOST_WAITING} jobs wait already; let some end, or stop some")
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                if not self.ours.take():
                    raise RunError(
                        f"another server keeps its jobs in {self.folder}; start this one with another --store"
                    )
                job = self.make(asked)
                job.keep()
            except OSError as error:
                raise RunError(f"{self.folder} cannot be written: {reason_not_written(error)}; mend that") from None
            self.all[job.id] = job
            self.start_waiting()
            return job

    def make(self, asked: Asked) -> Job:
        """A new job in a folder of its own, named by the time."""
        now, number = time.time(), 1
        while True:
            name = f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(now))}-{number}"
            try:
                (self.folder / name).mkdir()
            except FileExistsError:
                number += 1
            else:
                return Job(name, self.folder / name, asked, now)

    def start_waiting(self) -> None:
        """Start what waits, where there is room."""
        with self.lock:
            running = Counter(job.asked.verb for job in self.all.values() if job.state is State.RUNNING)
            for job in self.all.values():
                if job.state is State.QUEUED and running[job.asked.verb] < self.at_once and not self.closed:
                    running[job.asked.verb] += 1
                    job.state, job.started, job.ended = State.RUNNING, time.time(), None
                    job.keep()
                    threading.Thread(target=self.run, args=(job,), name=f"job {job.id}", daemon=True).start()

    def run(self, job: Job) -> None:
        """Carry out a job, to its end."""
        try:
            code = self.carry_out(job)
        except OSError as error:
            code, job.message = 1, f"it could not be started: {reason_not_written(error)}"
        with self.lock:
            self.processes.pop(job.id, None)
            job.state = State.DONE if code == 0 else State.FAILED
            if code == INTERRUPTED or (code and job.stopping):
                job.state = State.STOPPED
            job.ended, job.process = time.time(), None
            with suppress(OSError):
                job.keep()
        with suppress(Exception):  # what is done with a run that ended changes nothing for those that wait
            self.on_end(job)
        self.start_waiting()

    def carry_out(self, job: Job) -> int:
        """Run the command, hear what it says, and return its exit code."""
        with (job.folder / RESULT).open("wb") as result, (job.folder / OUTPUT).open("ab") as output:
            process = subprocess.Popen(
                [*self.program, *job.asked.words],
                stdin=subprocess.DEVNULL, stdout=result, stderr=subprocess.PIPE, env=environment(),
                start_new_session=os.name != "nt",
            )  # fmt: skip
            assert process.stderr, "it is a pipe"
            with self.lock:
                self.processes[job.id], job.process = process, process.pid
                job.keep()
                if job.stopping:  # asked for while it started
                    end(process.pid, signal.SIGINT)
            with process.stderr as said:
                while line := said.readline(LONGEST_LINE):
                    if output.tell() < MOST_BYTES:
                        output.write(line)
                        output.flush()
                    with self.lock:
                        job.hear(line.decode(errors="replace").rstrip("\r\n"))
            return process.wait()

    def stop(self, job: Job, at_once: bool = False) -> None:
        """Stop a job as Ctrl-C does, which keeps what a training reached; ``at_once`` kills it."""
        with self.lock:
            if job.state is State.QUEUED:
                job.state, job.ended = State.STOPPED, time.time()
                job.keep()
            elif job.state is State.RUNNING:
                job.stopping, job.version = True, job.version + 1
                if job.id in self.processes:
                    end(self.processes[job.id].pid, KILL if at_once else signal.SIGINT)

    def resume(self, job: Job) -> None:
        """Go on with a job that was stopped, failed or lost: from its checkpoints where there are some."""
        with self.lock:
            if not job.state.ended or job.state is State.DONE:
                raise RunError(
                    f"this {job.asked.verb} is {job.state}; only one that was stopped or failed is gone on with"
                )
            words = tuple(word for word in job.asked.words if word not in {"--resume", "--overwrite"})
            out = Path(job.asked.out)
            if job.asked.verb == "train" and (holds_checkpoints(out) or holds_checkpoints(unfinished_of(out))):
                words = (*words, "--resume")
            elif out.exists():
                words = (*words, "--overwrite")
            job.asked = replace(job.asked, words=words)
            job.state, job.stopping, job.message, job.ended = State.QUEUED, False, "", None
            job.stages.clear()
            job.keep()
            self.start_waiting()

    def close(self) -> None:
        """Stop what runs, as Ctrl-C does, and wait a while for it."""
        with self.lock:
            self.closed, running = True, list(self.processes.values())
            for job in list(self.all.values()):
                self.stop(job)
        until = time.monotonic() + PATIENCE
        for process in running:
            try:
                process.wait(max(until - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                end(process.pid, KILL)
        while time.monotonic() < until and self.processes:  # their ends are noted by other threads
            time.sleep(0.02)
        self.ours.give_up()


KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


def end(process: int, number: int) -> None:
    """Send a signal to a process and all that it started."""
    with suppress(OSError):  # it has ended
        if sys.platform != "win32":
            os.killpg(process, number)
        else:
            os.kill(process, number)


def is_ours(process: int, out: str) -> bool:
    """Whether a process of that number still makes ``out``: numbers are given again. Only Linux tells."""
    with suppress(OSError):
        return out.encode() in Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    return False


def environment() -> dict[str, str]:
    """The server's own, without its secrets."""
    return {name: value for name, value in os.environ.items() if name not in SECRETS}
