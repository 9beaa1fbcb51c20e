"""How far each value of a network sees in one direction: the network run with every sum as a maximum.

A ``Reach`` is a tensor whose numbers say how far its values see from one edge of the image: 0 nothing, ``full`` all.
It goes through a network in place of the images. Each operation's rule is the largest reach of what it reads, so
several paths, channels with other fields, windows and shifts come out exactly, whatever modules they are written in.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils import _pytree as pytree

from regraft.errors import BackboneError
from regraft.inspection.line import Line
from regraft.inspection.reach_marks import everything
from regraft.inspection.reach_rules import RULES


class Reach(torch.Tensor):
    """A tensor that stands for ``reach``, of the same shape."""

    reach: torch.Tensor
    full: int  # pixels to the image's other edge
    gate: bool  # whether it has no place: a summary of the whole image
    whole: frozenset[str]  # by what else it sees the whole image, in words
    line: Line | None  # how its edge goes with its position, were the image without end; None where not evenly

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(
        cls, reach: torch.Tensor, full: int, line: Line | None, gate: bool = False, whole: frozenset[str] = frozenset()
    ) -> "Reach":
        """Made of bare numbers."""
        made = torch.Tensor._make_wrapper_subclass(
            cls, reach.shape, strides=reach.stride(), dtype=reach.dtype, device=reach.device
        )
        made.reach, made.full, made.line, made.gate, made.whole = reach, full, line, gate, whole
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        """Follow one operation."""
        name = func.overloadpacket.__name__
        followed = [one for one in pytree.tree_leaves((args, kwargs)) if isinstance(one, Reach)]
        if name.endswith("_") and not name.startswith("_"):
            if not isinstance(args[0], Reach):
                raise BackboneError(f"this network writes into a tensor of its own ({name}), so its fields are unknown")
            made = answer(func, name.rstrip("_"), args, kwargs or {}, followed)
            args[0].reach.copy_(made.reach)
            args[0].gate, args[0].whole, args[0].line = made.gate, made.whole, made.line
            return args[0]
        return answer(func, name, args, kwargs or {}, followed)

    def like(self, reach: torch.Tensor, **changes: Any) -> "Reach":
        """The same marks on other values."""
        marks = {"line": self.line, "gate": self.gate, "whole": self.whole} | changes
        return Reach(reach, self.full, **marks)


def answer(func: Any, name: str, args: Sequence[Any], kwargs: dict[str, Any], followed: Sequence[Reach]) -> Any:
    """What an operation gives: by its rule, or everything that it could see where it has none."""
    rule = RULES.get(name)
    if rule is None:
        return everything(func, args, kwargs, followed)
    return rule(func, followed, *args, **kwargs)
