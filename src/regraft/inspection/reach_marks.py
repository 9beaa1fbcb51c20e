"""What results of operations bear beside their reach. ``Any`` stands for a Reach, or for a constant."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch.utils import _pytree as pytree

from regraft.inspection.line import Line

MEAN = "a mean over the whole image, as in squeeze and excite"


def is_followed(one: Any) -> bool:
    """Whether an argument is a Reach, not a constant."""
    return hasattr(one, "reach")


def plain(tree: Any) -> Any:
    """The same arguments with bare numbers."""
    return pytree.tree_map(lambda one: one.reach if is_followed(one) else one, tree)


def joined(followed: Sequence[Any]) -> dict[str, Any]:
    """The marks of something made of several."""
    lines = {one.line for one in followed if not one.gate}
    first = followed[0].line
    line = first if not lines else None if None in lines else Line.union(lines)
    whole = frozenset[str]().union(*(one.whole for one in followed))
    return {"line": line, "gate": all(one.gate for one in followed), "whole": whole}


def wrapped(tree: Any, followed: Sequence[Any], **changes: Any) -> Any:
    """Results of an operation with the marks of what it read; whole numbers and truths are left as they are."""
    marks = joined(followed) | changes

    def wrap(one: Any) -> Any:
        return followed[0].like(one, **marks) if isinstance(one, torch.Tensor) and one.is_floating_point() else one

    return pytree.tree_map(wrap, tree)


def everything(func: Any, args: Any, kwargs: Any, followed: Sequence[Any]) -> Any:
    """An operation without a rule: each value sees all."""
    results = func(*plain(args), **plain(kwargs))
    filled = pytree.tree_map(
        lambda one: (
            torch.full_like(one, followed[0].full) if isinstance(one, torch.Tensor) and one.is_floating_point() else one
        ),
        results,
    )
    whole = joined(followed)["whole"] | {f"{func.overloadpacket.__name__}, which may read everything"}
    return wrapped(filled, followed, line=None, whole=whole)


def is_tensor(one: Any) -> bool:
    """Whether an argument has a shape."""
    return isinstance(one, torch.Tensor)


def largest(reaches: Iterable[torch.Tensor]) -> torch.Tensor:
    """The largest at each place, broadcast."""
    first, *others = reaches
    for other in others:
        first = torch.maximum(first, other)
    return first


def summary(reach: torch.Tensor, value: Any) -> Any:
    """A result that is without place where it sees all and what it was made of did not."""
    gate = value.gate or bool(reach.amin() == value.full and value.reach.amin() < value.full)
    return value.like(reach, gate=gate)


def elementwise(func: Any, followed: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
    """Values at one place together, broadcast. A summary of the whole image beside them is noted, not spread."""
    shapes = [one.shape for one in pytree.tree_leaves((args, kwargs)) if is_tensor(one)]
    shape = torch.broadcast_shapes(*shapes)  # type: ignore[no-untyped-call]
    count = torch.Size(shape).numel()
    gates = [one.gate or (one.numel() < count and bool(one.reach.amin() == one.full)) for one in followed]
    local = [one for one, gate in zip(followed, gates, strict=True) if not gate]
    reach = largest([one.reach for one in local or followed]).expand(shape).clone()
    marks = joined(local or followed)
    reasons = (one.whole | {MEAN} for one, gate in zip(followed, gates, strict=True) if gate and local)
    return followed[0].like(reach, **marks | {"whole": marks["whole"].union(*reasons)})
