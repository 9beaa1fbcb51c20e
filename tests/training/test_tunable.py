"""Networks that train as a whole: what is frozen stays, rates go by depth, what is saved is what was trained."""

from dataclasses import dataclass

import pytest
import torch
from networks import CONTRACT, backbone_of
from torch import nn

from regraft.features.head import HeadSettings, fresh_head
from regraft.network.backbone import Backbone
from regraft.network.cuts import POOLINGS, Cut
from regraft.network.surgery import Grafted, Tunable, graft, state_hash
from regraft.training.optimiser import make_optimiser


@dataclass(frozen=True)
class Ready:
    backbone: Backbone
    network: Tunable


def build(name: str, size: int = 64, pooling: str = "average") -> Ready:
    backbone = backbone_of(name, size, slim=True)
    traced = backbone.traced
    last = traced.cuts[-1]
    head = fresh_head(last.channels * len(POOLINGS[pooling]), 3, HeadSettings())
    return Ready(backbone, Tunable(backbone.model, traced, [last], head, pooling))


def grafted(ready: Ready, cut: Cut, head: nn.Sequential, pooling: str = "average") -> Grafted:
    return graft(ready.backbone.model, ready.backbone.traced, [cut], head, pooling)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONTRACT)
def test_unfreezing_from_a_cut_leaves_what_lies_before_as_it_was(name: str) -> None:
    ready = build(name)
    model, network, traced = ready.backbone.model, ready.network, ready.backbone.traced
    middle = traced.cuts[len(traced.cuts) // 2]
    network.freeze_up_to(model, traced, middle)
    below = grafted(ready, middle, nn.Sequential(nn.Identity())).body
    frozen_before, all_before = state_hash(below), state_hash(model)
    for parameter in below.parameters():
        assert not parameter.requires_grad
    network.train()
    trained = [p for p in network.parameters() if p.requires_grad]
    optimiser = torch.optim.SGD(trained, lr=0.1, weight_decay=0.1)
    nn.functional.cross_entropy(network(torch.randn(6, 3, 64, 64)), torch.arange(6) % 3).backward()
    optimiser.step()
    assert state_hash(below) == frozen_before
    assert state_hash(model) != all_before
    assert not any(
        module.training for module in below.modules() if not list(module.children()) and list(module.parameters())
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", CONTRACT)
def test_a_tuned_network_is_the_network_that_is_saved(name: str) -> None:
    ready = build(name)
    network = ready.network
    network.train()
    optimiser = make_optimiser("sgd", list(network.head.parameters()), network.stages, 1e-3, 0.9, 0.0)
    in_groups = sum(p.numel() for group in optimiser.param_groups for p in group["params"])
    assert in_groups == sum(p.numel() for p in network.parameters())
    nn.functional.cross_entropy(network(torch.randn(6, 3, 64, 64)), torch.arange(6) % 3).backward()
    optimiser.step()
    network.eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = network(images)
        found = grafted(ready, ready.backbone.cuts[-1], network.head)(images)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_tuned_network_pools_as_it_is_saved(pooling: str) -> None:
    ready = build("resnet18", 32, pooling)
    network, last = ready.network.eval(), ready.backbone.traced.cuts[-1]
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(network(images), grafted(ready, last, network.head, pooling)(images))


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("name", ["resnet18", "torchvision/squeezenet1_1", "mobilenetv3_small_100"])  # in-place values
def test_a_network_tuned_on_joined_cuts_is_the_network_that_is_saved(name: str, pooling: str) -> None:
    backbone = backbone_of(name, 64)
    traced = backbone.traced
    cuts = traced.cuts[-4:-1]
    inputs = sum(cut.channels for cut in cuts) * len(POOLINGS[pooling])
    network = Tunable(backbone.model, traced, cuts, fresh_head(inputs, 3, HeadSettings()), pooling)
    network.train()
    nn.functional.cross_entropy(network(torch.randn(6, 3, 64, 64)), torch.arange(6) % 3).backward()
    assert all(p.grad is not None for stage in network.stages for p in stage)
    assert len(network.stages) == len(traced.cuts) - 1  # what comes after the last of them is gone
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        found = graft(backbone.model, traced, cuts, network.head, pooling)(images)
        torch.testing.assert_close(found, network.eval()(images), rtol=1e-4, atol=1e-5)


def test_frozen_norms_keep_their_statistics() -> None:
    ready = build("resnet18")
    ready.network.freeze_norms()
    ready.network.train()
    before = {name: value.clone() for name, value in ready.backbone.model.named_buffers()}
    ready.network(torch.randn(4, 3, 64, 64))
    assert before
    assert all(torch.equal(before[name], value) for name, value in ready.backbone.model.named_buffers())


def test_layers_nearer_the_input_learn_slower() -> None:
    network = build("resnet18").network
    optimiser = make_optimiser("adamw", list(network.head.parameters()), network.stages, 1e-3, 0.5, 0.1)
    of = {id(p): group for group in optimiser.param_groups for p in group["params"]}
    first, last, head = (of[id(p)] for p in (network.stages[0][0], network.stages[-1][0], network.head[0].weight))
    assert first["peak"] < last["peak"] < head["peak"] == 1e-3
    assert all(group["weight_decay"] == 0 for group in optimiser.param_groups if group["params"][0].ndim == 1)
