"""The frozen pass on a Ray cluster: a worker on each node takes one part after another.

The parts are those of one machine, and so is what a worker does with one: nothing is lost where one dies, and what is
in the cache, which all nodes must share, is not computed again.
"""

import importlib.util
import logging
import time
from dataclasses import replace
from typing import Any

from regraft.cache_folder import cache_folder
from regraft.data.find import Data
from regraft.errors import RecipeError, RegraftError, RunError, reason_of
from regraft.planning.pass_over import Computed, Part, computed, found_for_pass
from regraft.progress import Progress, silent
from regraft.recipe import Recipe

PARTS_A_NODE = 4  # so that a slow node keeps no other waiting for long


class Worker:
    """One node's: it lists the images once."""

    def __init__(self, data: Data, recipe: Recipe) -> None:
        self.found = found_for_pass(data, recipe, silent, parted=True)

    def compute(self, part: Part) -> Computed:
        """One part."""
        return computed(self.found, part, silent)


def compute_on_ray(data: Data, recipe: Recipe, progress: Progress = silent) -> Computed:
    """All parts, spread over the nodes of the cluster that RAY_ADDRESS names, or over this machine.

    RecipeError where Ray is missing; an error of a part is raised as it is.
    """
    if importlib.util.find_spec("ray") is None:
        raise RecipeError('--engine ray needs ray, which is not installed; pip install "regraft[ray]"')
    ray: Any = importlib.import_module("ray")
    pool_of = importlib.import_module("ray.util").ActorPool
    started = time.perf_counter()
    found = found_for_pass(data, recipe, progress, parted=True)  # what is wrong is said before a worker starts
    if not ray.is_initialized():
        ray.init(logging_level=logging.ERROR, include_dashboard=False, log_to_driver=False)
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    place: dict[str, Any] = {
        "num_cpus": min(node.get("CPU", 1) for node in nodes),
        "num_gpus": 1 if all(node.get("GPU", 0) for node in nodes) else 0,
        "runtime_env": {"env_vars": {"REGRAFT_CACHE": str(cache_folder().absolute())}},
        "scheduling_strategy": "SPREAD",  # no two on a large node, which would share its processors
        "max_restarts": 2,
        "max_task_retries": 2,
    }
    workers = [ray.remote(**place)(Worker).remote(data, recipe) for _ in nodes]
    count = min(PARTS_A_NODE * len(nodes), len(found.images.files))
    parts = [Part(number, count) for number in range(1, count + 1)]
    done: list[Computed] = []
    try:
        for one in pool_of(workers).map_unordered(lambda worker, part: worker.compute.remote(part), parts):
            done.append(one)
            progress("Looking at every image once", len(done), len(parts), "parts")
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        raise cause if isinstance(cause, RegraftError) else error from None
    except ray.exceptions.RayActorError as error:
        raise RunError(
            f"a worker of Ray's ended and could not be started again: {reason_of(error)[:200]}; what is finished is in"
            " the cache, so run the command again"
        ) from None
    finally:
        for worker in workers:
            ray.kill(worker)
    sampled = found.known.passed if found.known else 0
    return replace(together(done), seconds=time.perf_counter() - started, sampled=sampled)


def together(done: list[Computed]) -> Computed:
    """What all parts did."""
    return replace(
        done[0],
        part=None,
        images=sum(one.images for one in done),
        passed=sum(one.passed for one in done),
        unreadable=sum(one.unreadable for one in done),
    )
