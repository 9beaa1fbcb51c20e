"""How a process joins those that train with it: a store, a group, a device of its own."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from regraft.errors import RecipeError, RunError, reason_of
from regraft.training.lost import Agreed
from regraft.training.place import Place
from regraft.training.ranks import Ranks, threads_each
from regraft.training.watch import Watch

if TYPE_CHECKING:
    import torch

PATIENCE = timedelta(days=7)  # of the group; the watch is what notices that a process has gone
SHOWN = 3  # differences between two processes that are named


def join(place: Place, gone: Callable[[], bool] = lambda: False, at_end: Callable[[], None] = lambda: None) -> Ranks:
    """The ranks, which watch one another from now on.

    ``gone``: whether one that this process started has ended; ``at_end``: done before it ends waiting in vain.
    """
    import torch.distributed as dist
    from torch.distributed.distributed_c10d import PrefixStore

    restart = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    keeps = place.rank == 0 and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"
    stores = [connected(place, keeps), connected(place), connected(place)]
    group, own, apart = (PrefixStore(f"regraft/{restart}", store) for store in stores)
    watch = Watch(apart, own, place.rank, place.size, stores)
    watch.gone, watch.at_end = gone, at_end
    watch.start()
    ranks = Ranks(place.rank, place.size, watch=watch)
    with ranks.heard():
        dist.init_process_group("gloo", store=group, rank=place.rank, world_size=place.size, timeout=PATIENCE)
    return ranks


def connected(place: Place, keeps: bool = False) -> Any:
    """A connection to the store that all reach, which one of them ``keeps``; each waits for its own answers."""
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    try:
        return TCPStore(place.address, place.port, None, keeps, wait_for_workers=False)
    except RuntimeError as error:
        at = f"{place.address}:{place.port}"
        raise RunError(f"rank {place.rank} cannot reach rank 0 at {at}: {reason_of(error)[:100]}") from None


def settle(ranks: Ranks, place: Place, device: str, asked: dict[str, Any]) -> Ranks:
    """The ranks with a device each; ``device``: as --device names it; ``asked``: what all must have been asked for.

    Agreed where a rank was asked for something else, or has no device.
    """
    import torch
    import torch.distributed as dist

    check_alike(ranks.all_of(asked))
    own = ranks.agreed(lambda: device_for(device, place.local))
    kinds = ranks.all_of(own.type)
    if len(set(kinds)) > 1:
        raise Agreed(f"rank {kinds.index('cpu')} has no GPU, but others have; give all --device cpu, or a GPU each")
    group = None
    if own.type == "cuda":
        torch.cuda.set_device(own)
        group = dist.new_group(backend="nccl", timeout=PATIENCE)
    elif "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(threads_each(int(os.environ.get("LOCAL_WORLD_SIZE", place.size))))
    return replace(ranks, device=own, group=group)


def check_alike(asked: list[dict[str, Any]]) -> None:
    """Raise Agreed where a rank was asked for something else than rank 0."""
    first = asked[0]
    for rank, own in enumerate(asked):
        names = [name for name in {**first, **own} if first.get(name) != own.get(name)]
        if names:
            shown = ", ".join(f"{name} {own.get(name)} there, {first.get(name)} on rank 0" for name in names[:SHOWN])
            raise Agreed(f"rank {rank} was started with other options ({shown}); start all ranks with the same")


def device_for(name: str, local: int) -> "torch.device":
    """The device of a machine's process of that number; RecipeError where it is not there."""
    import torch

    if name not in {"auto", "cpu", "cuda"}:
        raise RecipeError(f"--device is '{name}', which is one; for several give auto, cuda or cpu")
    there = torch.cuda.device_count()
    if name == "cpu" or (name == "auto" and not there):
        return torch.device("cpu")
    if local >= there:
        raise RecipeError(
            f"GPU {local} is wanted, but there are {there}; start as many processes as GPUs, or give --device cpu"
        )
    return torch.device("cuda", local)
