"""Layers that are handed over, drawn anew or kept as they are."""

from pathlib import Path

import numpy as np
import pytest
import torch

from regraft.evaluation.transferability.composed import composed, mean_var, names_up_to, random_model
from regraft.evaluation.transferability.kept import Kept, Outcome
from regraft.network.load import load


def test_the_first_layers_are_those_that_were_learned_and_no_others() -> None:
    backbone = load("demonstration")
    learned = {
        name: np.full(value.shape, 7, value.numpy().dtype) for name, value in backbone.model.state_dict().items()
    }
    fresh = random_model(backbone, 3).state_dict()
    for n in range(len(backbone.cuts) + 1):
        names, own = set(names_up_to(backbone, n)), composed(backbone, learned, n, 3).model.state_dict()
        for name, value in own.items():
            assert torch.equal(value, torch.full_like(value, 7) if name in names else fresh[name]), (n, name)
        assert any(name.startswith("conv1") for name in names) == (n > 0)
        assert not any(name.startswith("fc3") for name in names)
    other = random_model(backbone, 4).state_dict()
    assert not torch.equal(other["fc1.0.weight"], fresh["fc1.0.weight"])


def test_mean_var_keeps_each_weights_mean_and_variance_and_nothing_else() -> None:
    backbone, draw = load("demonstration"), np.random.default_rng(0)
    state = backbone.model.state_dict()
    learned = {
        name: draw.normal(3 + place, 0.5 + place / 10, value.shape).astype(np.float32)
        for place, (name, value) in enumerate(state.items())
        if value.dtype.is_floating_point
    }
    drawn = mean_var(backbone, learned, 5).model.state_dict()
    for name in ("conv2.0.weight", "conv3.0.weight", "fc1.0.weight", "fc2.0.weight"):
        values, source = drawn[name].numpy(), learned[name]
        assert values.mean() == pytest.approx(source.mean(), abs=float(5 * source.std() / values.size**0.5))
        assert values.std() == pytest.approx(source.std(), rel=5 / values.size**0.5)
        assert abs(np.corrcoef(values.ravel(), source.ravel())[0, 1]) < 5 / values.size**0.5
    assert torch.equal(drawn["conv1.1.weight"], torch.ones(16))
    assert torch.equal(drawn["conv1.1.running_mean"], torch.zeros(16))
    assert torch.equal(drawn["conv1.1.running_var"], torch.ones(16))
    assert torch.equal(mean_var(backbone, learned, 5).model.conv1[0].weight, drawn["conv1.0.weight"])


def test_weights_are_kept_as_they_are_however_they_lie_in_memory(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    there = torch.randn(4, 3, 3, 3).contiguous(memory_format=torch.channels_last).numpy()
    kept.write(Outcome("key", "0110", 0.5, 1, 2.0), {"weight": there})
    back = kept.weights("key")
    assert back is not None
    assert np.array_equal(back["weight"], there)
    assert kept.read("key", 4, weights=True) == Outcome("key", "0110", 0.5, 1, 2.0)
    assert kept.read("key", 5, weights=True) is None
    (tmp_path / "key.json").write_text('{"key": "key"')
    assert kept.read("key", 4, weights=False) is None
