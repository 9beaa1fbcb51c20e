"""The processes that train one network together, each of them a rank; rank 0 looks, plans, writes and shows."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from regraft.errors import RegraftError
from regraft.training.lost import Agreed
from regraft.training.watch import Watch, asked_to_end

if TYPE_CHECKING:
    import torch

Made = TypeVar("Made")


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together. Each method but ``part_of`` is called by all of them at once."""

    rank: int = 0
    size: int = 1
    device: "torch.device | None" = None  # this one's, where there are several
    watch: Watch | None = None
    group: Any = None  # of torch.distributed, that gradients go through

    @property
    def alone(self) -> bool:
        """Whether there is one process, as usually."""
        return self.size == 1

    @property
    def leads(self) -> bool:
        """Whether this one looks, plans, writes and shows."""
        return self.rank == 0

    def part_of(self, count: int) -> slice:
        """This rank's share of so many things in a row."""
        return slice(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def everywhere(self, value: Made) -> Made:
        """Rank 0's value, on every rank."""
        if self.alone:
            return value
        import torch.distributed as dist

        values = [value if self.leads else None]
        with self.heard():
            dist.broadcast_object_list(values, src=0)
        return values[0]  # type: ignore[return-value]

    def all_of(self, value: Made) -> list[Made]:
        """Every rank's value, by rank."""
        if self.alone:
            return [value]
        import torch.distributed as dist

        values: list[Any] = [None] * self.size
        with self.heard():
            dist.all_gather_object(values, value)
        return values

    def totals(self, *values: float) -> tuple[float, ...]:
        """The sum over the ranks of each value."""
        if self.alone:
            return values
        import torch

        numbers = torch.tensor(values, dtype=torch.float64)
        self.add(numbers)
        return tuple(numbers.tolist())

    def any_of(self, *flags: bool) -> tuple[bool, ...]:
        """Of each flag, whether it is set on some rank."""
        return tuple(total > 0 for total in self.totals(*map(float, flags)))

    def add(self, values: "torch.Tensor", group: Any = None) -> None:
        """Put the sum over the ranks into ``values``."""
        import torch.distributed as dist

        with self.heard():
            dist.all_reduce(values, group=group)

    def add_gradients(self, parameters: Sequence["torch.Tensor"]) -> None:
        """Put the sum over the ranks into the gradients, which go as one array of each kind of number."""
        if self.alone:
            return
        import torch

        kinds: dict[torch.dtype, list[torch.Tensor]] = {}
        for parameter in parameters:
            if parameter.grad is not None:
                kinds.setdefault(parameter.grad.dtype, []).append(parameter.grad)
        for gradients in kinds.values():
            flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
            self.add(flat, self.group)
            parts = torch.split(flat, [gradient.numel() for gradient in gradients])
            for gradient, part in zip(gradients, parts, strict=True):
                gradient.copy_(part.view(gradient.shape))

    def joined(self, own: "torch.Tensor", count: int) -> "torch.Tensor":
        """The rows (count, ...) of which every rank has its part, in order."""
        if self.alone:
            return own
        rows = own.new_zeros((count, *own.shape[1:]))
        rows[self.part_of(count)] = own
        self.add(rows)  # to zeros, which changes no number
        return rows

    def tell(self, message: Any) -> None:
        """Tell the others, which wait for it, what comes next."""
        if self.watch:
            self.watch.tell(message)

    def agreed(self, work: Callable[[], Made]) -> Made:
        """What ``work`` gives on this rank; Agreed on all where it fails on some with a RegraftError."""
        if self.alone:
            return work()
        try:
            made, problem = work(), ""
        except RegraftError as error:
            problem = str(error)
        problems = self.all_of(problem)
        for rank, text in enumerate(problems):
            if text:
                raise Agreed(text if rank == 0 else f"rank {rank}: {text}")
        return made

    @contextmanager
    def heard(self) -> Iterator[None]:
        """A word among the ranks; Lost where one does not answer."""
        try:
            yield
        except RuntimeError as error:  # gloo has no kind of its own
            assert self.watch, "there are several ranks"
            raise self.watch.lost() from error

    @contextmanager
    def heeding(self) -> Iterator[Callable[[], bool]]:
        """Let all ranks heed Ctrl-C together: whether this one has heard it; the second time it ends at once."""
        if self.alone:
            yield lambda: False
            return
        with asked_to_end(self.watch) as asked:
            yield asked


ALONE = Ranks()


def threads_each(processes: int) -> int:
    """Threads for each of so many processes on this machine."""
    return max(1, (os.cpu_count() or 1) // processes)
