"""A job on several processes: rank 0 does it all, the others look at the same images and train with it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from regraft.data.address import without_secrets
from regraft.data.find import Data
from regraft.errors import DataError, RecipeError, RegraftError, RunError
from regraft.network.backbone import Backbone
from regraft.planning.defaults import batch_of
from regraft.planning.prepare import Job, look
from regraft.progress import Progress
from regraft.recipe import Recipe
from regraft.training.examples import Examples, rows_for_tuning
from regraft.training.lost import Agreed, Lost
from regraft.training.ranks import Ranks
from regraft.training.watch import ENDED, INTERRUPTED


@dataclass(frozen=True)
class Looked:
    """What rank 0 tells the others once it has looked."""

    images: str  # the fingerprint of their bytes, labels and parts


@dataclass(frozen=True)
class Done:
    """Nothing more is to be trained."""


def meet(job: Job, ranks: Ranks, progress: Progress, mend: Callable[[], str]) -> None:
    """Let the others look at the images too; Agreed where they have others, or are too many.

    ``mend``: what to do where one of them goes before all is trained.
    """
    if ranks.watch is None:
        return
    ranks.watch.mend = mend
    ranks.tell(Looked(job.features.fingerprint(job.split.part_of())))
    ranks.agreed(lambda: check_batch(job, ranks.size))
    kind = "GPUs" if ranks.device and ranks.device.type == "cuda" else "processors"
    shares = (
        "a head trains in one process; the others wait" if job.recipe.frozen else f"they share each batch, on {kind}"
    )
    progress.say(f"{ranks.size} processes: {shares}")


def check_batch(job: Job, ranks: int) -> None:
    """Raise RecipeError where some rank would have nothing of a batch."""
    batch = batch_of(job.recipe, len(rows_for_tuning(job.split)[0]))
    if ranks > batch and not job.recipe.frozen:
        raise RecipeError(
            f"{ranks} processes are more than the {batch} images of a batch; start at most {batch}, or give more"
            " images or a larger --batch-size"
        )


def part(ranks: Ranks) -> None:
    """Let the others go, since nothing more is to be trained; Lost where one has gone before."""
    if ranks.watch:
        ranks.watch.part(Done())
        leave()


def leave() -> None:
    """Give up the connections to the others."""
    import torch.distributed as dist

    if dist.is_initialized():
        dist.destroy_process_group()


def follow(ranks: Ranks, data: Data, recipe: Recipe) -> None:
    """Do what rank 0 tells until it is done; writes and shows nothing."""
    from regraft.training.full import Order, take_part

    assert ranks.watch, "there are several ranks"
    looked: tuple[Backbone, Examples] | None = None
    while True:
        told = ranks.watch.told()
        if isinstance(told, Looked):
            looked = ranks.agreed(lambda images=told.images: same_images(data, recipe, images))  # type: ignore[misc]
        elif isinstance(told, Order):
            assert looked, "rank 0 looks before it trains"
            try:
                take_part(*looked, told, ranks)
            except Agreed:
                continue  # rank 0 says it, and may try something else
        else:
            ranks.watch.go()
            return leave()


def same_images(data: Data, recipe: Recipe, images: str) -> tuple[Backbone, Examples]:
    """The network and the images as this rank has them; DataError where they are others than rank 0's."""
    looked = look(data, recipe, may_go_on=True)
    split, network = looked.split(), looked.backbone
    if looked.features.fingerprint(split.part_of()) != images:
        raise DataError(
            f"{without_secrets(str(data))} holds other images or labels there than on rank 0; give all the same"
        )
    return network, Examples(looked.features, split, network.preprocessing, False, looked.recipe.network.workers)


@contextmanager
def ending_together(ranks: Ranks) -> Iterator[None]:
    """Let all processes end where one fails, each with the same exit code, and one of them with a word."""
    watch = ranks.watch
    try:
        yield
    except BaseException as error:
        if watch is None or watch.done.is_set():
            raise
        if isinstance(error, Agreed) and not ranks.leads:
            watch.go(after=ENDED)
            raise SystemExit(code_of(error)) from None
        lost = error if isinstance(error, Lost) else watch.over
        code = lost.code if lost else code_of(error)
        watch.end(code)
        if code == INTERRUPTED and ranks.leads:
            raise KeyboardInterrupt from None
        if code == INTERRUPTED or (lost and not str(lost)):
            raise SystemExit(code) from None
        if lost:
            raise RunError(watch.in_words(lost)) from None
        raise


def code_of(error: BaseException) -> int:
    """The exit code that an error ends the process with."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return 2 if isinstance(error, RegraftError) else 1
