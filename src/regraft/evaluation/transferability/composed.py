"""Networks put together of layers that were learned elsewhere and of random ones."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from regraft.network.backbone import Backbone

State = Mapping[str, np.ndarray]  # parameters and buffers by name
NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)


def random_model(backbone: Backbone, seed: int) -> nn.Module:
    """The same architecture with random weights, drawn from ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return backbone.fresh().model


def composed(backbone: Backbone, learned: State, layers: int, seed: int) -> Backbone:
    """The first ``layers`` cuts' parameters and buffers from ``learned``, all others random."""
    model = random_model(backbone, seed)
    own = model.state_dict()
    for name in names_up_to(backbone, layers):
        own[name] = torch.from_numpy(np.array(learned[name]))
    model.load_state_dict(own)
    return holding(backbone, model)


def names_up_to(backbone: Backbone, layers: int) -> list[str]:
    """The parameters and buffers of the first ``layers`` cuts, by name."""
    return [name for stage in backbone.description.stages[:layers] for name in stage]


def mean_var(backbone: Backbone, learned: State, seed: int) -> Backbone:
    """Weights drawn from a normal with the mean and variance that each tensor of ``learned`` has; no more is kept.

    The Mean Var initialisation of Raghu et al. (2019, appendix on batch norm): normalisation layers begin anew, as
    the identity.
    """
    model = random_model(backbone, seed)
    normal = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for place, module in model.named_modules():
            for name, parameter in module.named_parameters(place, recurse=False):
                if name in learned and not isinstance(module, NORMS):
                    values = learned[name]
                    drawn = torch.randn(parameter.shape, generator=normal)
                    parameter.copy_(drawn * float(values.std()) + float(values.mean()))
    return holding(backbone, model)


def holding(backbone: Backbone, model: nn.Module) -> Backbone:
    """The same with other weights; it is not traced again, since the graph names modules."""
    twin = replace(backbone, build=lambda: model, weights=None, steps=None)
    vars(twin)["traced"] = backbone.traced
    vars(twin)["description"] = replace(backbone.description, fingerprint="put together")
    return twin
