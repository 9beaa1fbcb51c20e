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
<<<<<<< /tmp/tmpro36uvtf


def plain(tree: Any) -> Any:
    """The same arguments with bare numbers."""
    return pytree.tree_map(lambda one: one.reach if isinstance(one, Reach) else one, tree)


def joined(followed: Sequence[Reach]) -> dict[str, Any]:
    """The marks of something made of several."""
    lines = {one.line for one in followed if not one.gate}
    first = followed[0].line
    line = first if not lines else None if None in lines else Line.union(lines)  # type: ignore[arg-type]
    whole = frozenset[str]().union(*(one.whole for one in followed))
    return {"line": line, "gate": all(one.gate for one in followed), "whole": whole}


def wrapped(tree: Any, followed: Sequence[Reach], **changes: Any) -> Any:
    """Results of an operation with the marks of what it read; whole numbers and truths are left as they are."""
    marks = joined(followed) | changes

    def wrap(one: Any) -> Any:
        return followed[0].like(one, **marks) if isinstance(one, torch.Tensor) and one.is_floating_point() else one

    return pytree.tree_map(wrap, tree)


def everything(func: Any, args: Any, kwargs: Any, followed: Sequence[Reach]) -> Any:
    """An operation without a rule: each value sees all."""
    results = func(*plain(args), **plain(kwargs))
    filled = pytree.tree_map(
        lambda one: (
            torch.full_like(one, followed[0].full) if isinstance(one, torch.Tensor) and one.is_floating_point() else one
        ),
        results,
    )
    return wrapped(filled, followed, line=None)


def moved(func: Any, followed: Sequence[Reach], *args: Any, **kwargs: Any) -> Any:
    """Values go to other places: run as it is, with constants that see nothing."""
    args, kwargs = pytree.tree_map(
        lambda one: (
            torch.zeros_like(one)
            if isinstance(one, torch.Tensor) and not isinstance(one, Reach) and one.is_floating_point()
            else one
        ),
        (args, kwargs),
    )
    return wrapped(func(*plain(args), **plain(kwargs)), followed)


def reshaped(_func: Any, followed: Sequence[Reach], value: Reach, shape: Sequence[int]) -> Reach:
    """A view, which need not be one here."""
    return value.like(value.reach.reshape(shape))


def padded(_func: Any, followed: Sequence[Reach], value: Reach, pad: Sequence[int], _fill: float = 0) -> Reach:
    """Padding sees nothing."""
    line = value.line and value.line.padded(pad)
    return value.like(nn.functional.pad(value.reach, list(pad)), line=line)


def sliced(
    func: Any, followed: Sequence[Reach], value: Reach, dim: int = 0, start: Any = 0, end: Any = None, step: int = 1
) -> Reach:
    """Some of the positions."""
    reach = func(value.reach, dim, start, end, step)
    begin = start or 0
    begin = begin + value.shape[dim] if begin < 0 else begin
    line = value.line and value.line.sliced(dim - value.dim() if dim >= 0 else dim, begin, step)
    return value.like(reach, line=line)


def same(_func: Any, followed: Sequence[Reach], value: Reach, *_args: Any, **_kwargs: Any) -> Reach:
    """One value in, one value out, at the same place."""
    return value.like(value.reach.clone())


def first_of_three(func: Any, followed: Sequence[Reach], value: Reach, *args: Any, **kwargs: Any) -> Any:
    """Batch norm as it is in use: one value in, one out; and two things that nobody asks for."""
    return value.like(value.reach.clone()), value.reach.new_empty(0), value.reach.new_empty(0)


def constant(func: Any, followed: Sequence[Reach], *args: Any, **kwargs: Any) -> Any:
    """New tensors by the pattern of a value: they see nothing."""
    made = func(*plain(args), **plain(kwargs))
    return followed[0].like(torch.zeros_like(made), whole=frozenset()) if made.is_floating_point() else made


def elementwise(func: Any, followed: Sequence[Reach], *args: Any, **kwargs: Any) -> Any:
    """Values at one place together, broadcast. A summary of the whole image beside them is noted, not spread."""
    shape = torch.broadcast_shapes(*(one.shape for one in pytree.tree_leaves((args, kwargs)) if is_tensor(one)))
    count = torch.Size(shape).numel()
    gates = [one.gate or (one.numel() < count and bool(one.reach.amin() == one.full)) for one in followed]
    local = [one for one, gate in zip(followed, gates, strict=True) if not gate]
    reach = largest([one.reach for one in local or followed]).expand(shape).clone()
    marks = joined(local or followed)
    reasons = (one.whole | {MEAN} for one, gate in zip(followed, gates, strict=True) if gate and local)
    return followed[0].like(reach, **marks | {"whole": marks["whole"].union(*reasons)})


def is_tensor(one: Any) -> bool:
    """Whether an argument has a shape."""
    return isinstance(one, torch.Tensor)


def largest(reaches: Iterable[torch.Tensor]) -> torch.Tensor:
    """The largest at each place, broadcast."""
    first, *others = reaches
    for other in others:
        first = torch.maximum(first, other)
    return first


def summary(reach: torch.Tensor, value: Reach) -> Reach:
    """A result that is without place where it sees all and what it was made of did not."""
    gate = value.gate or bool(reach.amin() == value.full and value.reach.amin() < value.full)
    return value.like(reach, gate=gate)


def reduced(func: Any, followed: Sequence[Reach], value: Reach, *args: Any, **kwargs: Any) -> Any:
    """A mean, sum, largest or spread over some dimensions: what any of the values sees."""
    if len(followed) > 1:  # the larger of two
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


def spread(_func: Any, followed: Sequence[Reach], value: Reach, dim: int, *_args: Any) -> Reach:
    """Each value hangs on all along a dimension, as in a softmax."""
    return value.like(value.reach.amax(dim, keepdim=True).expand_as(value.reach).clone())


def layer_norm(func: Any, followed: Sequence[Reach], value: Reach, shape: Sequence[int], *args: Any) -> Any:
    """Each value hangs on the mean over the last dimensions."""
    most = value.reach.amax(tuple(range(-len(shape), 0)), keepdim=True)
    return normed(value, most)


def group_norm(func: Any, followed: Sequence[Reach], value: Reach, *args: Any) -> Any:
    """Each value hangs on a mean over channels and space."""
    groups = args[-2]
    most = value.reach.reshape(len(value), groups, -1).amax(-1)
    times = value.shape[1] // groups
    return normed(value, most.repeat_interleave(times, 1).reshape(len(value), -1, *(1,) * (value.dim() - 2)))


def normed(value: Reach, most: torch.Tensor) -> Any:
    """A norm's three results: where it is taken over the whole image this is noted, and the field is the value's."""
    if summary(most, value).gate and not value.gate:
        made = value.like(value.reach.clone(), whole=value.whole | {NORM})
    else:
        made = value.like(most.expand_as(value.reach).clone())
    return made, value.reach.new_empty(0), value.reach.new_empty(0)


def convolution(func: Any, followed: Sequence[Reach], value: Any, weight: Any, _bias: Any, *geometry: Any) -> Any:
    """A convolution over two dimensions, or over one, which is taken for a row."""
    flat = value.dim() == FLAT
    if not isinstance(value, Reach) or isinstance(weight, Reach) or not (flat or value.dim() == FLAT + 1):
        return everything(func, (value, weight, _bias, *geometry), {}, followed)
    stride, pad, gap, backwards, more, groups = geometry
    row = (lambda values, fill: [fill, *values]) if flat else (lambda values, _fill: two(values))
    stride, pad, gap, more = row(stride, 1), row(pad, 0), row(gap, 1), row(more, 0)
    reach, shape = (value.reach.unsqueeze(2), weight.unsqueeze(2).shape) if flat else (value.reach, weight.shape)
    if backwards:
        made = transposed(reach, shape, stride, pad, gap, more, groups)
        return value.like(made.squeeze(2) if flat else made, line=None)
    made = convolved(reach, shape, stride, pad, gap, groups)
    line = value.line and value.line.through(shape[2:], stride, pad, gap)
    return value.like(made.squeeze(2) if flat else made, line=line)


def max_pool(
    func: Any, followed: Sequence[Reach], value: Reach, kernel: Any, stride: Any = (), *args: Any, **kwargs: Any
) -> Any:
    """Max pooling, whose second result is where the largest lay."""
    pad, gap = (two(args[place]) if len(args) > place else [place, place] for place in (0, 1))
    reach, places = func(value.reach, kernel, stride, *args, **kwargs)
    line = value.line and value.line.through(two(kernel), two(stride or kernel), pad, gap)
    return summary(reach, value) if reach[0, 0].numel() == 1 else value.like(reach, line=line), places


def average_pool(
    _func: Any, followed: Sequence[Reach], value: Reach, kernel: Any, stride: Any = (), pad: Any = (0,), *args: Any
) -> Reach:
    """Average pooling."""
    kernel, stride, pad = two(kernel), two(stride or kernel), two(pad)
    ceiling = bool(args and args[0])
    reach = nn.functional.max_pool2d(value.reach, kernel, stride, pad, ceil_mode=ceiling)
    line = value.line and value.line.through(kernel, stride, pad, (1, 1))
    return summary(reach, value) if reach[0, 0].numel() == 1 else value.like(reach, line=line)


def adaptive_pool(_func: Any, followed: Sequence[Reach], value: Reach, size: Any) -> Any:
    """Pooling to a number of positions."""
    reach = nn.functional.adaptive_max_pool2d(value.reach, two(size))
    same_size = reach.shape == value.shape
    return value if same_size else summary(reach, value) if reach[0, 0].numel() == 1 else value.like(reach, line=None)


def adaptive_max(func: Any, followed: Sequence[Reach], value: Reach, size: Any) -> Any:
    """The same with where the largest lay."""
    return adaptive_pool(func, followed, value, size), func(value.reach, size)[1]


def upsampled(func: Any, followed: Sequence[Reach], value: Reach, *args: Any, **kwargs: Any) -> Reach:
    """A map made larger or smaller."""
    return value.like(enlarged(value.reach, lambda map_: func(map_, *args, **kwargs)), line=None)


def multiplied(func: Any, followed: Sequence[Reach], left: Any, right: Any) -> Any:
    """Matrices."""
    shape = (*left.shape[:-1], right.shape[-1])
    reaches = (one.reach if isinstance(one, Reach) else None for one in (left, right))
    return wrapped(product(*reaches, shape), followed)


def added_product(func: Any, followed: Sequence[Reach], _bias: Any, left: Any, right: Any, **_scales: Any) -> Any:
    """Matrices and what is added to them, which sees nothing where it is a constant."""
    made = multiplied(func, [one for one in (left, right) if isinstance(one, Reach)], left, right)
    return elementwise(func, [made, _bias], made, _bias) if isinstance(_bias, Reach) else made


def attention(func: Any, followed: Sequence[Reach], *args: Any, **kwargs: Any) -> Any:
    """Attention in one operation; what else it gives is for its backward pass."""
    if not all(isinstance(one, Reach) for one in args[:3]):
        return everything(func, args, kwargs, followed)
    query, keys, values = plain(args[:3])
    _, *others = func(*plain(args), **plain(kwargs))
    return wrapped((attended(query, keys, values), *others), followed)


FLAT = 3  # dimensions of (images, channels, length)
MOVES = (
    "alias cat channel_shuffle clone detach expand flip gather im2col index index_select lift_fresh native_channel_shuffle"
    " permute pixel_shuffle pixel_unshuffle reflection_pad2d repeat replication_pad2d roll select split"
    " split_with_sizes squeeze stack t transpose unbind unfold unsafe_split unsqueeze upsample_nearest2d contiguous copy"
    " _to_copy chunk as_strided tril triu masked_fill"
)
SAMES = (
    "abs celu clamp clamp_max clamp_min dropout elu erf exp gelu hardsigmoid hardswish hardtanh leaky_relu log log1p"
    " logit mish native_dropout neg prelu reciprocal relu relu6 rsqrt selu sigmoid silu softplus sqrt square tanh threshold"
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
    "convolution": convolution,
    "max_pool2d_with_indices": max_pool,
    "avg_pool2d": average_pool,
    "_adaptive_avg_pool2d": adaptive_pool,
    "adaptive_max_pool2d": adaptive_max,
    **dict.fromkeys(("mm", "bmm"), multiplied),
    **dict.fromkeys(("addmm", "baddbmm"), added_product),
    **dict.fromkeys(
        (f"{aa}upsample_{kind}2d{aa and '_aa'}" for aa in ("", "_") for kind in ("bilinear", "bicubic")), upsampled
    ),
    **dict.fromkeys(
        ("_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_efficient_attention"), attention
    ),
}
=======
>>>>>>> /tmp/tmpgv0_37km
