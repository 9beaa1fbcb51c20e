"""Batch norm that adapts, over a batch of which each rank has a part: its mean and variance are the whole batch's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from regraft.training.ranks import Ranks


def adapts(model: nn.Module) -> bool:
    """Whether some batch norm of a model in training takes its figures from the batch."""
    norms = (module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm))
    return any(norm.training for norm in norms)


@contextmanager
def norms_over(ranks: Ranks) -> Iterator[None]:
    """Let batch norm take its figures from all ranks' images while this lasts, in every library's own modules."""
    if ranks.alone:
        yield
        return
    usual = functional.batch_norm

    def batch_norm(
        values: torch.Tensor,
        mean: torch.Tensor | None,
        variance: torch.Tensor | None,
        weight: torch.Tensor | None = None,
        bias: torch.Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> torch.Tensor:
        if not training:
            return usual(values, mean, variance, weight, bias, training, momentum, eps)
        if values.device.type == "cuda":
            return on_gpus(ranks, values, weight, bias, mean, variance, eps, momentum)
        return normalised(ranks, values, weight, bias, mean, variance, eps, momentum)

    vars(functional)["batch_norm"] = batch_norm
    try:
        yield
    finally:
        vars(functional)["batch_norm"] = usual


def on_gpus(ranks: Ranks, values: torch.Tensor, *figures: Any) -> torch.Tensor:
    """What torch.nn.SyncBatchNorm does, which there is for GPUs alone."""
    from torch.nn.modules._functions import SyncBatchNorm

    weight, bias, mean, variance, eps, momentum = figures
    result: torch.Tensor = SyncBatchNorm.apply(
        values, weight, bias, mean, variance, eps, momentum, ranks.group, ranks.size
    )
    return result


def normalised(
    ranks: Ranks,
    values: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    running_mean: torch.Tensor | None,
    running_variance: torch.Tensor | None,
    eps: float,
    momentum: float,
) -> torch.Tensor:
    """The same on CPUs: values (images, channels, ...) -> normalised by the figures of all ranks' values."""
    numbers = values.float()
    over = [axis for axis in range(numbers.ndim) if axis != 1]
    shape = [-1 if axis == 1 else 1 for axis in range(numbers.ndim)]
    (count,) = ranks.totals(numbers.numel() / numbers.shape[1])
    mean = (total(ranks, numbers.sum(over, dtype=torch.float64)) / count).float()
    centred = numbers - mean.view(shape)
    variance = (total(ranks, centred.square().sum(over, dtype=torch.float64)) / count).float()
    if running_mean is not None and running_variance is not None:
        running_mean.lerp_(mean.detach().to(running_mean.dtype), momentum)
        unbiased = variance.detach() * (count / max(count - 1, 1))
        running_variance.lerp_(unbiased.to(running_variance.dtype), momentum)
    result = centred * (variance + eps).rsqrt().view(shape)
    if weight is not None:
        result = result * weight.view(shape)
    if bias is not None:
        result = result + bias.view(shape)
    return result.to(values.dtype)


def total(ranks: Ranks, values: torch.Tensor) -> torch.Tensor:
    """The sum over the ranks, through which gradients go."""
    result: torch.Tensor = Total.apply(values, ranks)
    return result


class Total(torch.autograd.Function):
    """A sum over the ranks: each rank's gradient is the sum of all ranks' ones."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, ranks: Ranks) -> torch.Tensor:
        """The sum."""
        ctx.ranks = ranks
        summed = values.contiguous().clone()
        ranks.add(summed)
        return summed

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        """The sum of the gradients."""
        summed = gradients[0].contiguous().clone()
        ctx.ranks.add(summed)
        return summed, None
