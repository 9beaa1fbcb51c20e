"""Plans and trainings as processes: a queue, stopping, going on, and what is left of a server that died."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from regraft.errors import RunError
from regraft.server.job import MOST_LINES, Asked, Job, State, read_job
from regraft.server.jobs import Jobs

SCRIPT = """
import json, os, sys, time
def say(**told): print(json.dumps(told), file=sys.stderr, flush=True)
say(stage="Training", done=1, total=2, said="1/2 steps", seconds=0.1)
say(strategy="fine-tune", epoch=1.0, epochs=2, val_accuracy=0.5, seconds=0.2)
print("regraft: a warning", file=sys.stderr, flush=True)
if "REGRAFT_TOKEN" in os.environ: sys.exit(9)
how = sys.argv[1]
if how == "fail": print("regraft: there is no such thing; name another", file=sys.stderr); sys.exit(2)
if how == "wait":
    try: time.sleep(60)
    except KeyboardInterrupt: sys.exit(130)
if how == "deaf":
    import signal
    signal.signal(signal.SIGINT, signal.SIG_IGN); say(line="deaf"); time.sleep(60)
if how == "many":
    for i in range(5000): say(line=f"line {i}")
print(json.dumps({"words": sys.argv[1:]}))
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Jobs]]:
    made: list[Jobs] = []

    def jobs(**options: object) -> Jobs:
        made.append(Jobs(tmp_path / "jobs", program=(sys.executable, "-c", SCRIPT), **options))  # type: ignore[arg-type]
        return made[-1]

    yield jobs
    for one in made:
        one.close()


def asked(tmp_path: Path, how: str, verb: str = "train") -> Asked:
    return Asked(verb, "pets", (how, "--json"), str(tmp_path / "runs" / how), "upload:1")


def until(wanted: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not wanted():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.02)


def ended(job: Job) -> None:
    until(lambda: job.state.ended)


def test_a_job_to_its_end(start: Callable[..., Jobs], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGRAFT_TOKEN", "secret")
    told: list[Job] = []
    jobs = start(on_end=told.append)
    job = jobs.submit(asked(tmp_path, "good"))
    ended(job)
    until(lambda: told == [job])
    assert job.state is State.DONE
    assert job.result() == {"words": ["good", "--json"]}
    assert job.stages["Training"]["done"] == 1
    assert [row["val_accuracy"] for row in job.epochs] == [0.5]
    assert (job.folder / "output.txt").read_text().count("\n") == 3
    again = read_job(job.folder)
    assert again
    assert again.record() == job.record()
    assert again.epochs == job.epochs


def test_what_fails_says_why(start: Callable[..., Jobs], tmp_path: Path) -> None:
    job = start().submit(asked(tmp_path, "fail"))
    ended(job)
    assert (job.state, job.message) == (State.FAILED, "there is no such thing; name another")
    assert job.result() is None


def test_one_at_a_time_of_each_kind(start: Callable[..., Jobs], tmp_path: Path) -> None:
    jobs = start()
    first, second = (jobs.submit(asked(tmp_path, "wait")) for _ in range(2))
    plan = jobs.submit(asked(tmp_path, "good", "plan"))
    ended(plan)  # it does not wait for trainings
    assert (first.state, second.state) == (State.RUNNING, State.QUEUED)
    third = jobs.submit(asked(tmp_path, "wait"))
    jobs.stop(third)
    assert third.state is State.STOPPED
    until(lambda: bool(first.epochs))
    jobs.stop(first)
    ended(first)
    assert first.state is State.STOPPED
    until(lambda: second.state is State.RUNNING)


def test_what_does_not_listen_is_killed(start: Callable[..., Jobs], tmp_path: Path) -> None:
    jobs = start()
    job = jobs.submit(asked(tmp_path, "deaf"))
    until(lambda: "deaf" in job.lines)
    jobs.stop(job)
    time.sleep(0.1)
    assert job.state is State.RUNNING
    jobs.stop(job, at_once=True)
    ended(job)
    assert job.state is State.STOPPED


def test_going_on(start: Callable[..., Jobs], tmp_path: Path) -> None:
    jobs = start()
    job = jobs.submit(asked(tmp_path, "good"))
    ended(job)
    with pytest.raises(RunError, match="only one that was stopped or failed"):
        jobs.resume(job)
    job = jobs.submit(asked(tmp_path, "fail"))
    ended(job)
    jobs.resume(job)
    assert "--resume" not in job.asked.words  # there is nothing to resume from
    ended(job)
    checkpoints = Path(job.asked.out).with_name(".fail.unfinished") / "checkpoints" / "fine-tune"
    checkpoints.mkdir(parents=True)
    (checkpoints / "last.pt").touch()
    jobs.resume(job)
    assert job.asked.words == ("fail", "--json", "--resume")
    ended(job)
    assert len(job.epochs) == 3  # the curve goes on


def test_output_is_kept_in_bounded_memory(start: Callable[..., Jobs], tmp_path: Path) -> None:
    job = start().submit(asked(tmp_path, "many"))
    ended(job)
    assert len(job.lines) == MOST_LINES
    assert job.lines[-1] == "line 4999"


def test_too_many_wait(start: Callable[..., Jobs], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regraft.server.jobs.MOST_WAITING", 1)
    jobs = start()
    for _ in range(2):
        jobs.submit(asked(tmp_path, "wait"))
    with pytest.raises(RunError, match="wait already"):
        jobs.submit(asked(tmp_path, "wait"))


def test_a_server_that_stops_stops_its_jobs(start: Callable[..., Jobs], tmp_path: Path) -> None:
    jobs = start()
    job = jobs.submit(asked(tmp_path, "wait"))
    until(lambda: bool(job.epochs))
    jobs.close()
    assert job.state is State.STOPPED


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose a process is")
def test_a_job_of_a_server_that_died_has_ended(start: Callable[..., Jobs], tmp_path: Path) -> None:
    server = subprocess.Popen(
        [
            sys.executable, "-c",
            "import sys, time; from pathlib import Path; from regraft.server.jobs import Jobs;"
            "from regraft.server.job import Asked;"
            f"jobs = Jobs(Path({str(tmp_path / 'jobs')!r}), program=(sys.executable, '-c', {SCRIPT!r}));"
            f"jobs.submit(Asked('train', 'pets', ('wait', {str(tmp_path / 'out')!r}), {str(tmp_path / 'out')!r}, ''));"
            "time.sleep(60)",
        ],
    )  # fmt: skip
    records = tmp_path / "jobs"
    until(lambda: any(json.loads(path.read_text())["process"] for path in records.glob("*/job.json")))
    until(lambda: any(path.stat().st_size for path in records.glob("*/output.txt")))
    other = start()
    assert not other.all  # a living server's jobs are its own
    with pytest.raises(RunError, match="another server keeps its jobs"):
        other.submit(asked(tmp_path, "good"))
    server.send_signal(signal.SIGKILL)
    server.wait()
    (job,) = start().all.values()
    assert job.state is State.LOST
    assert job.epochs
    assert job.process
    until(lambda: not alive(job.process or 0))  # what it left running was stopped


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:
        return False
    state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    return state != "Z"


def test_what_is_no_job_is_passed_over(start: Callable[..., Jobs], tmp_path: Path) -> None:
    (tmp_path / "jobs" / "x").mkdir(parents=True)
    (tmp_path / "jobs" / "x" / "job.json").write_text('{"id": 1')
    assert not start().all
