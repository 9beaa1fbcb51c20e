"""What in an image excites a value: a reconstruction by the ReLU rule.

Guided backpropagation (Springenberg et al. 2014, arXiv 1412.6806) and the deconvolution of Zeiler and Fergus (2014,
arXiv 1311.2901): the gradient, where each rectifying unit hands back what is positive alone. The rule is put on the
operations, not on modules of one kind, so that every ReLU-like unit follows it however it is written.
It is a reconstruction and no explanation: it hardly hangs on the weights (Adebayo et al. 2018, arXiv 1810.03292).
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import permutations
from typing import Any

import torch
from torch import fx
from torch.overrides import TorchFunctionMode

from regraft.errors import RecipeError
from regraft.inspection.subject import Subject, maps_of
from regraft.network.cuts import Cut

GUIDED, DECONVOLUTION = "guided", "deconvolution"
FAR = 20.0  # a unit's input at which it is surely on, or surely off
LONGEST = 6  # operations that make a gate
MOST = 0.5  # of what a unit gives at FAR: the most that it may give at -FAR
ACTIVATIONS = frozenset((
    "celu", "celu_", "clamp", "clamp_", "clamp_min", "clamp_min_", "elu", "elu_", "gelu", "hardswish", "hardtanh",
    "hardtanh_", "leaky_relu", "leaky_relu_", "mish", "prelu", "relu", "relu6", "relu_", "rrelu", "rrelu_", "selu",
    "selu_", "silu", "threshold", "threshold_",
))  # fmt: skip
Call = Callable[..., Any]


class HandsBack(torch.autograd.Function):
    """A unit that hands back what is positive: guided only where it was on itself, else everywhere."""

    @staticmethod
    def forward(ctx: Any, value: torch.Tensor, result: torch.Tensor, guided: bool) -> torch.Tensor:
        """The unit's result."""
        ctx.on = value > 0 if guided else None
        return result.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        """The rule."""
        positive = gradients[0].clamp_min(0)
        return positive if ctx.on is None else positive * ctx.on, None, None


class Rectified(TorchFunctionMode):
    """While it is on, ReLU-like operations follow the rule."""

    def __init__(self, rule: str) -> None:
        super().__init__()
        self.guided, self.units = rule == GUIDED, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in ACTIVATIONS and args and rectifies(lambda value: func(value, *settings(args[1:]), **kwargs)):
            return self.handed(args[0], func, args, kwargs)
        return func(*args, **kwargs)

    def handed(self, value: torch.Tensor, func: Call, args: Sequence[Any], kwargs: dict[str, Any]) -> torch.Tensor:
        """A unit's result, with the rule for its backward pass; one in place is written as it would be."""
        self.units += 1
        with torch.no_grad():
            result = func(value.clone(), *args[1:], **kwargs)
        handed: torch.Tensor = HandsBack.apply(value, result, self.guided)
        in_place = func.__name__.endswith("_") or kwargs.get("inplace")
        return value.copy_(handed) if in_place and not value.is_leaf else handed


def settings(args: Sequence[Any]) -> list[Any]:
    """A unit's other arguments; of slopes by channel one stands for all."""
    return [one.detach().flatten()[:1] if isinstance(one, torch.Tensor) else one for one in args]


def rectifies(activation: Call) -> bool:
    """Whether a function of single values is like a ReLU: off below zero, on above, nothing at zero.

    So are ReLU6, SiLU, GELU, Hardswish, leaky ones and clamps at zero; sigmoids, tanh and gates are not.
    """
    with torch.no_grad(), torch._C.DisableTorchFunction():
        below, zero, above = activation(torch.tensor([-FAR, 0.0, FAR])).tolist()
    return bool(zero == 0 and above > 0 and abs(below) <= MOST * above)


def written_out(network: fx.GraphModule, rule: str) -> int:
    """Make one unit of each activation that is a product of a value and a gate of it, as x * sigmoid(x); how many."""
    units = 0
    for node in list(network.graph.nodes):
        for source, gate in permutations(node.all_input_nodes, 2):
            chain = chain_between(source, gate)
            like = False
            with suppress(Exception):  # a chain that takes no single values: then it is no such function
                like = bool(chain) and rectifies(function_of(network, source, [*chain, node]))
            if like:
                with network.graph.inserting_after(node):
                    unit = network.graph.call_function(handed_back, (source, node, rule == GUIDED))
                node.replace_all_uses_with(unit, lambda user, unit=unit: user is not unit)
                units += 1
                break
    network.recompile()
    return units


def handed_back(value: torch.Tensor, result: torch.Tensor, guided: bool) -> torch.Tensor:
    """A unit's result with the rule for its backward pass."""
    handed: torch.Tensor = HandsBack.apply(value, result.detach(), guided)
    return handed


def chain_between(source: fx.Node, gate: fx.Node) -> list[fx.Node]:
    """The operations, each of one value, that make ``gate`` of ``source``; [] where it is not made so."""
    chain, node = list[fx.Node](), gate
    while node is not source:
        if len(node.all_input_nodes) != 1 or len(chain) == LONGEST:
            return []
        chain.insert(0, node)
        node = node.all_input_nodes[0]
    return chain


def function_of(network: fx.GraphModule, source: fx.Node, nodes: Sequence[fx.Node]) -> Call:
    """Some operations as a function of the value before them."""
    graph = fx.Graph()
    copies = {source: graph.placeholder("value")}
    for node in nodes:
        copies[node] = graph.node_copy(node, lambda old: copies[old])
    graph.output(copies[nodes[-1]])
    return fx.GraphModule(network, graph)


class Reconstruction:
    """Values at a cut -> what in the images excites them."""

    def __init__(self, subject: Subject, cut: Cut, rule: str = GUIDED) -> None:
        if rule not in {GUIDED, DECONVOLUTION}:
            raise RecipeError(f"no rule '{rule}'; there are {GUIDED} and {DECONVOLUTION}")
        self.subject, self.cut, self.rule = subject, cut, rule
        self.network = subject.tapped([cut])
        self.written_out = written_out(self.network, rule)
        self.units = 0  # that followed the rule, the last time; with none it is the plain gradient

    def __call__(self, pixels: Any, channels: Sequence[int], places: Sequence[tuple[int, int]]) -> torch.Tensor:
        """Images (n, size, size, 3) uint8, a channel and a place (y, x) of each -> (n, 3, size, size) float32."""
        images = self.subject.input_of(pixels).requires_grad_(True)
        with torch.enable_grad(), Rectified(self.rule) as followed:
            maps = maps_of(self.network(images)[0], self.cut)
            chosen = [
                maps[row, channel, y, x] for row, (channel, (y, x)) in enumerate(zip(channels, places, strict=True))
            ]
            (gradient,) = torch.autograd.grad(torch.stack(chosen).sum(), images)
        self.units = self.written_out + followed.units
        return gradient.detach()


def reconstruction(
    subject: Subject,
    cut: Cut,
    pixels: Any,
    channels: Sequence[int],
    places: Sequence[tuple[int, int]],
    rule: str = GUIDED,
) -> torch.Tensor:
    """One call of ``Reconstruction``."""
    return Reconstruction(subject, cut, rule)(pixels, channels, places)
