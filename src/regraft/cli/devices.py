"""Several processes for one training: those that torchrun started, or those that --devices starts here."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from regraft.errors import RecipeError
from regraft.training.place import Place, place_from

HERE = "127.0.0.1"
PATIENCE = 15.0  # seconds that the others get to end by themselves
STARTED: list["subprocess.Popen[bytes]"] = []  # by this process


@contextmanager
def processes(devices: int, nodes: int) -> Iterator[Place | None]:
    """This process's place among those that train together, which it may start; None where it is alone."""
    place, count = place_from(os.environ), devices * nodes
    if place is not None or count > 1:
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # a lost connection is no thirty lines; read on import
    if place is not None:
        if count not in {1, place.size}:
            raise RecipeError(
                f"--devices {devices} --nodes {nodes} are {count} processes, but torchrun started {place.size}; leave"
                " both out under torchrun"
            )
        yield place
    elif nodes > 1:
        raise RecipeError(
            f"--nodes {nodes} needs one start on each machine, by torchrun --nnodes {nodes} --nproc-per-node {devices};"
            " docs/scale.md has the whole line"
        )
    elif devices == 1:
        yield None
    else:
        with others(devices) as first:
            yield first


@contextmanager
def others(devices: int) -> Iterator[Place]:
    """Start the others with this one's own command; this one leads them."""
    port = free_port()
    common = {"WORLD_SIZE": devices, "LOCAL_WORLD_SIZE": devices, "MASTER_ADDR": HERE, "MASTER_PORT": port}
    os.environ["LOCAL_WORLD_SIZE"] = str(devices)
    try:
        for rank in range(1, devices):
            own = {name: str(value) for name, value in (common | {"RANK": rank, "LOCAL_RANK": rank}).items()}
            words = [sys.executable, "-m", "regraft", *sys.argv[1:]]
            nothing = subprocess.DEVNULL
            STARTED.append(subprocess.Popen(words, env=os.environ | own, stdin=nothing, stdout=nothing))
        yield Place(0, devices, 0, HERE, port)
    finally:
        end_all()
        del os.environ["LOCAL_WORLD_SIZE"]


def end_all() -> None:
    """Wait for what was started to end by itself, and end what does not."""
    for end in (None, subprocess.Popen.terminate, subprocess.Popen.kill):
        until = time.monotonic() + PATIENCE
        for process in STARTED:
            if end and process.poll() is None:
                end(process)
        for process in STARTED:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until - time.monotonic()))
    STARTED.clear()


def has_lost_one() -> bool:
    """Whether one of those that were started has ended otherwise than well."""
    return any(process.poll() for process in STARTED)


def kill_all() -> None:
    """End what was started at once."""
    for process in STARTED:
        process.kill()


def free_port() -> int:
    """A port of this machine that nothing listens at."""
    with socket.socket() as listener:
        listener.bind((HERE, 0))
        return int(listener.getsockname()[1])
