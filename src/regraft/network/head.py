"""A head as plain arrays, so that what needs no training loop needs no torch either."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, eq=False)
class Head:
    """One or two linear layers on pooled features, a ReLU between them: plain arrays."""

    weights: tuple[np.ndarray, ...]  # (outputs, inputs) float32, one a layer
    biases: tuple[np.ndarray, ...]  # (outputs,) float32

    @property
    def parameters(self) -> int:
        """How many numbers it holds."""
        return sum(array.size for array in (*self.weights, *self.biases))

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Features (images, inputs) -> logits (images, classes), float32."""
        value = features.astype(np.float32, copy=False)
        for layer, (weights, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            value = np.maximum(value, 0) if layer else value
            value = value @ weights.T + biases
        return value

    def times(self, factor: float) -> Head:
        """The head whose logits are ``factor`` times these."""
        return Head(
            (*self.weights[:-1], self.weights[-1] * np.float32(factor)),
            (*self.biases[:-1], self.biases[-1] * np.float32(factor)),
        )

    def module(self) -> nn.Sequential:
        """The same in torch: Linear, or Linear, ReLU, Linear."""
        import torch
        from torch import nn

        modules: list[nn.Module] = []
        for weights, biases in zip(self.weights, self.biases, strict=True):
            linear = nn.Linear(weights.shape[1], weights.shape[0], device="meta")  # draws no random numbers
            linear.weight = nn.Parameter(torch.tensor(weights))
            linear.bias = nn.Parameter(torch.tensor(biases))
            modules += [linear, nn.ReLU()]
        return nn.Sequential(*modules[:-1])


def head_of(module: nn.Sequential) -> Head:
    """The head that holds the values of ``module``."""
    arrays = [parameter.detach().cpu().numpy().copy() for parameter in module.parameters()]
    return Head(tuple(arrays[::2]), tuple(arrays[1::2]))
