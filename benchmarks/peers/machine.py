"""The machine, named by what matters and by nothing that identifies it."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """Processor, memory, system."""

    processor: str
    cores: int
    memory: int  # bytes
    system: str

    def __str__(self) -> str:
        return f"{self.processor}, {self.cores} cores, {self.memory / 2**30:.0f} GiB of memory, {self.system}"


def this_machine() -> Machine:
    """What this process sees of the machine it runs on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(processor_name(), cores, memory, f"{platform.system()} {platform.machine()}")


def processor_name() -> str:
    """The processor's model, with family and bf16 where Linux says so."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    known = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines) if value.strip()}
    name = known.get("model name", platform.machine())
    if "cpu family" in known and "model" in known:
        name += f" (family {known['cpu family']}, model {known['model']})"
    extensions = [name for name in ("avx512_bf16", "amx_bf16") if name in known.get("flags", "").split()]
    return f"{name} with {' and '.join(extensions)}" if extensions else name
