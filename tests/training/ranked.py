"""What a process of several does in the tests: trainings of a tiny network, or the command line, in float32.

Run with the places that torchrun gives in the environment.
"""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tiny import SIZE, Tiny, tiny_task
from torch import nn

import regraft.training.precision
from regraft.training.augmentation import mixing, training_view
from regraft.training.loop import Loop, run
from regraft.training.optimiser import make_optimiser
from regraft.training.place import place_from
from regraft.training.ranks import ALONE, Ranks
from regraft.training.task import Task


class Frozen(Tiny):
    def train(self, mode: bool = True) -> "Frozen":
        super().train(mode)
        self.layers[1].eval()
        return self


def task_of(name: str, folder: Path, ranks: Ranks) -> Task:
    """A training by the name of what is special about it; without dropout, which each rank draws by itself."""
    frozen, changes = not name.startswith("adapting"), {"ema": 0.9, "interpolate": "yes"}
    task = tiny_task(folder, **changes)
    torch.manual_seed(1)
    model = Frozen() if frozen else Tiny()
    model.layers[3] = nn.Identity()
    own = task.recipe.optimisation
    assert own.learning_rate is not None
    parts = list(model.head.parameters()), [list(model.layers.parameters())]
    task = replace(
        task,
        model=model,
        optimiser=make_optimiser("sgd", *parts, own.learning_rate, own.layer_decay, 0.01),
        ranks=ranks,
        device=ranks.device or task.device,
    )
    if name.endswith("mixed"):
        view = training_view("strong", SIZE, flip=True)
        task = replace(task, view=view, mix=mixing("both", 3), class_weights=torch.tensor([0.5, 1.0, 2.0]))
    if name.endswith("weighed"):
        task = replace(task, class_weights=torch.tensor([0.5, 1.0, 2.0]))
    if name.endswith("full") and ranks.rank == ranks.size - 1:
        short_of_memory(model, 8 // ranks.size // 2)
    return task


def short_of_memory(model: nn.Module, most: int) -> None:
    def forward(images: torch.Tensor, usual: Callable[[torch.Tensor], torch.Tensor] = model.forward) -> torch.Tensor:
        if model.training and len(images) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return usual(images)

    model.forward = forward  # type: ignore[method-assign]


def train(folder: Path, names: list[str]) -> None:
    ranks = ALONE
    if place := place_from(os.environ):
        from regraft.training.joining import join, settle

        ranks = settle(join(place), place, "cpu", {})
    for name in names:
        task = task_of(name, folder / name, ranks)
        state = run(task, resume=False)
        kept: dict[str, Any] = {"weights": task.model.state_dict(), "hits": state.hits, "parts": state.parts}
        torch.save(kept, folder / f"{name}-{ranks.rank}of{ranks.size}.pt")
    if ranks.watch:
        ranks.watch.done.set()


def at_epoch_one(act: Callable[[], None]) -> None:
    """Do something in the middle of the second epoch."""
    usual = Loop.set_rates

    def set_rates(loop: Loop, done: int) -> None:
        usual(loop, done)
        if done == loop.task.steps + 1:
            act()

    Loop.set_rates = set_rates  # type: ignore[method-assign]


def trainings() -> None:
    """Trainings by their names; the first argument is the folder."""
    regraft.training.precision.precision_of = lambda _device: "32-true"
    train(Path(sys.argv[1]), sys.argv[2:])


def command_line() -> None:
    """The command line, which RANKED_KILL and the like let one rank stop in."""
    regraft.training.precision.precision_of = lambda _device: "32-true"
    signals = {"RANKED_CTRL_C": signal.SIGINT, "RANKED_KILL": signal.SIGKILL, "RANKED_STOP": signal.SIGSTOP}
    for variable, number in signals.items():
        if os.environ.get(variable) == os.environ.get("RANK", "0"):
            at_epoch_one(lambda number=number: os.kill(os.getpid(), number))  # type: ignore[misc]
    from regraft.cli.main import main

    main()


def torchrun() -> None:
    from torch.distributed.run import main

    main()
