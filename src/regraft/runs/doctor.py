"""What regraft runs on here, what is slow or missing, and what to do about it."""

import importlib.util
import os
import platform
import re
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

import numpy as np

from regraft.cache_folder import cache_folder, cache_limit
from regraft.features.cache import show
from regraft.network.engine import PYTORCH, best_engine, compile_pass, device_name, gpu_may_be_here, streams_of
from regraft.network.hub import HUGGING_FACE, TORCHVISION_HUB, reachable
from regraft.network.load import load
from regraft.recipe import EMBEDDED
from regraft.runs.environment import LIBRARIES, gpu_name
from regraft.runs.machine import Machine, Place, place, this_machine

BUSY = 1.5  # programs a processor, from which figures suffer
LITTLE_MEMORY, LITTLE_DISK = 2 * 10**9, 2 * 10**9  # bytes
MEASURED = 64  # images that time the network
SLOW = 50  # images a second


@dataclass(frozen=True)
class Advice:
    """Something slow or missing."""

    what: str
    do: str


@dataclass(frozen=True)
class Checkup:
    """Everything that was looked at."""

    versions: Mapping[str, str | None]  # None: not installed
    extras: Mapping[str, bool]  # whether all of an extra's libraries are there
    machine: Machine
    gpu: str | None
    device: str
    engine: str
    rate: float  # images a second through the embedded network
    size: int  # pixels a side of those images
    cache: Place
    cached: int  # bytes
    limit: int  # bytes that features may take
    hubs: Mapping[str, bool]  # whether they answer
    advice: tuple[Advice, ...]

    def as_dict(self) -> dict[str, Any]:
        """What ``doctor --json`` prints."""
        return asdict(self) | {"cache": asdict(self.cache) | {"folder": str(self.cache.folder)}}


def doctor() -> Checkup:
    """Look at everything; takes a few seconds, most of them asking the model hubs."""
    machine, device = this_machine(), device_name("auto")
    engine = best_engine(device)
    with ThreadPoolExecutor() as pool:
        asked = {url.split("/")[2]: pool.submit(reachable, url) for url in (HUGGING_FACE, TORCHVISION_HUB)}
        rate, size = rate_of(device, engine)
        hubs = {name: answer.result() for name, answer in asked.items()}
    known = Checkup(
        versions=versions(),
        extras=extras(),
        machine=machine,
        gpu=gpu_name(),
        device=device,
        engine=engine,
        rate=rate,
        size=size,
        cache=place(cache_folder()),
        cached=show().total,
        limit=cache_limit(),
        hubs=hubs,
        advice=(),
    )
    return Checkup(**{**vars(known), "advice": tuple(advice_on(known))})


def versions() -> dict[str, str | None]:
    """Of Python and the libraries that matter."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in (*LIBRARIES, "openvino"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def extras() -> dict[str, bool]:
    """Whether the libraries of each extra are installed; ``all`` names no library of its own."""
    found: dict[str, bool] = {}
    for line in requires("regraft") or ():
        named = re.match(r"([\w.-]+).*extra == ['\"]([\w-]+)['\"]", line)
        if named and named[2] != "all":
            library, extra = named.groups()
            found[extra] = found.get(extra, True) and is_installed(library)
    return found


def is_installed(library: str) -> bool:
    """Whether a library of that name is there."""
    try:
        version(library)
    except PackageNotFoundError:
        return False
    return True


def rate_of(device: str, engine: str) -> tuple[float, int]:
    """Images a second through the embedded network, frozen, and their pixels a side; decoding not counted."""
    backbone = load(EMBEDDED)
    compiled = compile_pass(backbone, backbone.cuts[-1:], ("mean",), False, device, engine)
    size = backbone.preprocessing.size
    pixels = np.random.default_rng(0).integers(0, 256, (MEASURED, size, size, 3)).astype(np.uint8)
    parts = np.array_split(pixels, max(1, MEASURED // compiled.batch))
    with ThreadPoolExecutor(streams_of(compiled.name)) as pool:
        list(pool.map(compiled.run, parts))  # the first time is slower
        started = time.perf_counter()
        list(pool.map(compiled.run, parts))
    return MEASURED / (time.perf_counter() - started), size


def advice_on(known: Checkup) -> Iterator[Advice]:
    """What is slow or missing, what matters most first."""
    yield from advice_on_device(known)
    yield from advice_on_machine(known.machine)
    yield from advice_on_files(known)
    if known.versions["openvino"] is None and platform.machine() in {"x86_64", "AMD64"}:
        yield Advice("OpenVINO is not installed, so frozen networks run slower through PyTorch", "pip install openvino")
    if not any(known.hubs.values()):
        offline = "HF_HUB_OFFLINE is set" if os.environ.get("HF_HUB_OFFLINE", "0") not in {"", "0"} else "none answers"
        yield Advice(
            f"Model hubs: {offline}, so only networks on this machine can be used",
            "use the embedded network, or bring a file with --weights",
        )


def advice_on_device(known: Checkup) -> Iterator[Advice]:
    """A GPU that is not used, and what a processor alone means."""
    if known.device == "cpu" and gpu_may_be_here() and sys.platform == "linux":
        yield Advice(
            "There is a GPU that PyTorch cannot use",
            "install the PyTorch build for its driver (pytorch.org), and look whether nvidia-smi answers",
        )
    if known.device == "cpu" and known.rate < SLOW:
        yield Advice(
            f"The embedded network takes {known.rate:.0f} images a second", "use --fast, or a machine with a GPU"
        )
    if known.engine == PYTORCH and known.device == "cpu" and importlib.util.find_spec("openvino"):
        yield Advice("OpenVINO is installed and not used", "report it, with this page")


def advice_on_machine(machine: Machine) -> Iterator[Advice]:
    """Processors that are busy or shut out, threads that are limited, memory that is short."""
    if machine.load is not None and machine.load > BUSY * machine.usable:
        yield Advice(
            f"Other programs keep the processors busy: {machine.load:.1f} programs for {machine.usable:g} processors",
            "wait for them, or expect everything to take longer",
        )
    if machine.usable < machine.processors:
        yield Advice(
            f"{machine.usable:g} of {machine.processors} processors may be used",
            "give the container or job more of them",
        )
    limit = os.environ.get("OMP_NUM_THREADS", "")
    if limit.isdigit() and 0 < int(limit) < int(machine.usable):
        yield Advice(f"OMP_NUM_THREADS={limit} holds training to {limit} threads", "unset OMP_NUM_THREADS")
    if machine.available is not None and machine.available < LITTLE_MEMORY:
        yield Advice(
            f"{machine.available / 1e9:.1f} GB of memory are free",
            "close other programs, or use a smaller --batch-size",
        )


def advice_on_files(known: Checkup) -> Iterator[Advice]:
    """A cache that cannot be kept, or only slowly; starts that compile Python anew."""
    if not known.cache.writable:
        yield Advice(f"The cache {known.cache.folder} cannot be written", "name another folder with REGRAFT_CACHE")
    if known.cache.free < LITTLE_DISK:
        yield Advice(
            f"{known.cache.free / 1e9:.1f} GB are free where the cache lies", "free space, or set REGRAFT_CACHE"
        )
    if known.cache.remote:
        yield Advice("The cache lies behind a network, which is slow", "name a local folder with REGRAFT_CACHE")
    spec = importlib.util.find_spec("torch")
    if sys.dont_write_bytecode and spec and spec.cached and not os.path.exists(spec.cached):  # noqa: PTH110
        yield Advice(
            "Python compiles its libraries at every start, and keeps nothing (PYTHONDONTWRITEBYTECODE)",
            "uv sync --compile-bytecode, or python -m compileall on the environment once",
        )
