"""A rule for each kind of operation: what its results see. ``Any`` stands for a Reach, or for a constant."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from regraft.inspection.reach_marks import elementwise, is_followed, is_tensor, plain, summary, wrapped
from regraft.inspection.windows import WINDOWS

NORM = "a norm over the whole image"
Rule = Callable[..., Any]


def moved(func: Any, followed: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
    """Values go to other places: run as it is, with constants that see nothing."""
    args, kwargs = pytree.tree_map(
        lambda one: (
            torch.zeros_like(one)
            if isinstance(one, torch.Tensor) and not is_followed(one) and one.is_floating_point()
            else one
        ),
        (args, kwargs),
    )
    return wrapped(func(*plain(args), **plain(kwargs)), followed)


def reshaped(_func: Any, followed: Sequence[Any], value: Any, shape: Sequence[int]) -> Any:
    """A view, which need not be one here."""
    return value.like(value.reach.reshape(shape))


def padded(_func: Any, followed: Sequence[Any], value: Any, pad: Sequence[int], _fill: float = 0) -> Any:
    """Padding sees nothing."""
    line = value.line and value.line.padded(pad)
    return value.like(nn.functional.pad(value.reach, list(pad)), line=line)


def sliced(
    func: Any, followed: Sequence[Any], value: Any, dim: int = 0, start: Any = 0, end: Any = None, step: int = 1
) -> Any:
    """Some of the positions."""
    reach = func(value.reach, dim, start, end, step)
    begin = start or 0
    begin = begin + value.shape[dim] if begin < 0 else begin
    line = value.line and value.line.sliced(dim - value.dim() if dim >= 0 else dim, begin, step)
    return value.like(reach, line=line)


def same(_func: Any, followed: Sequence[Any], value: Any, *_args: Any, **_kwargs: Any) -> Any:
    """One value in, one value out, at the same place."""
    return value.like(value.reach.clone())


def first_of_three(func: Any, followed: Sequence[Any], value: Any, *args: Any, **kwargs: Any) -> Any:
    """Batch norm as it is in use: one value in, one out; and two things that nobody asks for."""
    return value.like(value.reach.clone()), value.reach.new_empty(0), value.reach.new_empty(0)


def constant(func: Any, followed: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
    """New tensors by the pattern of a value: they see nothing."""
    made = func(*plain(args), **plain(kwargs))
    return followed[0].like(torch.zeros_like(made), whole=frozenset()) if made.is_floating_point() else made


def reduced(func: Any, followed: Sequence[Any], value: Any, *args: Any, **kwargs: Any) -> Any:
    """A mean, sum, largest or spread over some dimensions: what any of the values sees."""
    if not is_followed(value) or any(is_tensor(one) for one in args):  # the larger of two
        return elementwise(func, followed, value, *args, **kwargs)
    shapes = func(*plain((value, *args)), **plain(kwargs))
    listed = [one for one in args if isinstance(one, list | tuple)] + [one for one in args if isinstance(one, int)]
    dims = kwargs.get("dim", listed[0] if listed else None)
    every = tuple(range(value.dim())) if dims in (None, [], ()) else dims
    most = value.reach.amax(every, keepdim=True)
    return pytree.tree_map(
        lambda one: summary(most.reshape(one.shape), value) if is_tensor(one) and one.is_floating_point() else one,
        shapes,
    )


def spread(_func: Any, followed: Sequence[Any], value: Any, dim: int, *_args: Any) -> Any:
    """Each value hangs on all along a dimension, as in a softmax."""
    return value.like(value.reach.amax(dim, keepdim=True).expand_as(value.reach).clone())


def layer_norm(func: Any, followed: Sequence[Any], value: Any, shape: Sequence[int], *args: Any) -> Any:
    """Each value hangs on the mean over the last dimensions."""
    most = value.reach.amax(tuple(range(-len(shape), 0)), keepdim=True)
    return normed(value, most)


def group_norm(func: Any, followed: Sequence[Any], value: Any, *args: Any) -> Any:
    """Each value hangs on a mean over channels and space."""
    groups = args[-2]
    most = value.reach.reshape(len(value), groups, -1).amax(-1)
    times = value.shape[1] // groups
    return normed(value, most.repeat_interleave(times, 1).reshape(len(value), -1, *(1,) * (value.dim() - 2)))


def normed(value: Any, most: torch.Tensor) -> Any:
    """A norm's three results: where it is taken over the whole image this is noted, and the field is the value's."""
    if summary(most, value).gate and not value.gate:
        made = value.like(value.reach.clone(), whole=value.whole | {NORM})
    else:
        made = value.like(most.expand_as(value.reach).clone())
    return made, value.reach.new_empty(0), value.reach.new_empty(0)


MOVES = (
    "alias cat channel_shuffle clone detach expand flip gather im2col index index_select lift_fresh"
    " native_channel_shuffle permute pixel_shuffle pixel_unshuffle reflection_pad2d repeat replication_pad2d roll"
    " select split split_with_sizes squeeze stack t transpose unbind unfold unsafe_split unsqueeze upsample_nearest2d"
    " contiguous copy _to_copy chunk as_strided tril triu masked_fill"
)
SAMES = (
    "abs celu clamp clamp_max clamp_min dropout elu erf exp gelu hardsigmoid hardswish hardtanh leaky_relu log log1p"
    " logit mish neg prelu reciprocal relu relu6 rsqrt selu sigmoid silu softplus sqrt square tanh threshold"
)
ELEMENTWISE = "add addcdiv addcmul div lerp maximum minimum mul pow remainder rsub sub where"
REDUCTIONS = "amax amin linalg_vector_norm logsumexp max mean min norm prod std std_mean sum var var_mean"
CONSTANTS = (
    "empty_like full_like new_empty new_full new_ones new_zeros ones_like rand_like zeros_like new_empty_strided"
)
SPREADS = "_log_softmax _softmax cumprod cumsum"
NORMS = "_native_batch_norm_legit_no_training cudnn_batch_norm native_batch_norm _batch_norm_no_update"

RULES: dict[str, Rule] = {
    **dict.fromkeys(MOVES.split(), moved),
    **dict.fromkeys(("view", "_unsafe_view", "_reshape_alias", "reshape"), reshaped),
    **dict.fromkeys(SAMES.split(), same),
    **dict.fromkeys(ELEMENTWISE.split(), elementwise),
    **dict.fromkeys(REDUCTIONS.split(), reduced),
    **dict.fromkeys(CONSTANTS.split(), constant),
    **dict.fromkeys(SPREADS.split(), spread),
    **dict.fromkeys(NORMS.split(), first_of_three),
    "constant_pad_nd": padded,
    "slice": sliced,
    "native_layer_norm": layer_norm,
    "native_group_norm": group_norm,
    **WINDOWS,
}
