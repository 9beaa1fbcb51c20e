"""Every backbone of a short list must cut at every cut, freeze, train a head, save and reload.

Networks have random weights and run on small images: what is tested is surgery, not accuracy.
"""

import sys
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from forks import Forked
from networks import CONTRACT, backbone_of
from torch import nn

from regraft.features.head import HeadSettings, solve
from regraft.network import saved, surgery
from regraft.network.backbone import Backbone
from regraft.network.graft import Graft
from regraft.network.preprocessing import Preprocessing
from regraft.network.surgery import Grafted, pooled_network, state_hash
from regraft.network.tracing import trace

SIZE = 64


@pytest.fixture(params=CONTRACT)
def network(request: pytest.FixtureRequest) -> Backbone:
    return backbone_of(request.param, SIZE)


@pytest.mark.slow
def test_cuts_freeze_and_train(network: Backbone) -> None:
    model, traced = network.model, network.traced
    assert 5 <= len(traced.cuts) <= 12
    modules = dict(model.named_modules())
    assert all(cut.name in modules for cut in traced.cuts)
    assert [cut.share for cut in traced.cuts] == sorted(cut.share for cut in traced.cuts)
    images = torch.randn(12, 3, SIZE, SIZE)
    with torch.no_grad():
        every = pooled_network(model, traced, traced.cuts)(images)
    sizes = []
    for cut, features in zip(traced.cuts, every, strict=True):
        assert features.shape == (12, cut.channels)
        assert torch.isfinite(features).all()
        head = solve(features.numpy(), np.arange(12) % 3, 3, 0.01, HeadSettings())
        grafted = surgery.graft(model, traced, [cut], head.module())
        sizes.append(sum(p.numel() for p in grafted.body.parameters()))
        check_frozen(grafted, images)
        with torch.no_grad():
            np.testing.assert_allclose(grafted(images), head.logits(features.numpy()), rtol=1e-4, atol=1e-4)
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1] <= sum(p.numel() for p in model.parameters())


def check_frozen(grafted: Grafted, images: torch.Tensor) -> None:
    """One training step, ``.train()`` called, changes the head and nothing else."""
    before, head_before = state_hash(grafted.body), state_hash(grafted.head)
    grafted.train()
    assert grafted.head.training
    assert not any(module.training for module in grafted.body.modules())
    optimiser = torch.optim.SGD([p for p in grafted.parameters() if p.requires_grad], lr=0.1, weight_decay=0.1)
    nn.functional.cross_entropy(grafted(images), torch.arange(12) % 3).backward()
    assert all(parameter.grad is None for parameter in grafted.body.parameters())
    head = {name: value.clone() for name, value in grafted.head.state_dict().items()}
    optimiser.step()
    assert state_hash(grafted.body) == before
    assert state_hash(grafted.head) != head_before
    grafted.head.load_state_dict(head)
    grafted.eval()


def reload() -> None:
    """What a process that knows the files alone does."""
    images = torch.load(sys.argv[2])
    for folder in filter(Path.is_dir, Path(sys.argv[1]).iterdir()):
        with torch.no_grad():
            torch.save(saved.load(folder).module(images), folder / "again.pt")


@pytest.mark.slow
def test_saved_networks_give_the_same_in_a_new_process(tmp_path: Path) -> None:
    images = torch.randn(4, 3, SIZE, SIZE)
    torch.save(images, tmp_path / "images.pt")
    expected = {}
    for name in CONTRACT:
        backbone = backbone_of(name, SIZE)
        cuts_there = backbone.traced.cuts
        middle, last = cuts_there[len(cuts_there) // 2], cuts_there[-1]
        for place, cuts in {"early": [middle], "whole": [last], "joined": [middle, last]}.items():
            channels = sum(cut.channels for cut in cuts)
            head = solve(
                np.random.default_rng(0).normal(size=(9, channels)).astype("f"),
                np.arange(9) % 3,
                3,
                0.1,
                HeadSettings(),
            )
            graft = Graft(backbone, tuple(cuts), head)
            folder = tmp_path / "saved" / f"{name.replace('/', '-')}-{place}"
            saved.save(graft, "abc", Preprocessing(SIZE), "head", folder)
            with torch.no_grad():
                expected[folder] = graft.module(images)
    code, _, said = Forked(tmp_path / "saved", tmp_path / "images.pt", what=reload).ended()
    assert code == 0, said
    for folder, logits in expected.items():
        torch.testing.assert_close(torch.load(folder / "again.pt"), logits, rtol=1e-5, atol=1e-5)
    for name in CONTRACT:
        early, whole = (
            (tmp_path / "saved" / f"{name.replace('/', '-')}-{place}" / "model.safetensors").stat().st_size
            for place in ("early", "whole")
        )
        assert early < whole


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "convnext_atto", "mobilenetv3_small_100", "regnetx_002", "vgg11"])
def test_a_whole_timm_network_opens_with_timm(name: str, tmp_path: Path) -> None:
    pytest.importorskip("timm", "1.0.26", "timm reads no safetensors from a local folder yet")
    backbone = backbone_of(name, SIZE)
    last = backbone.traced.cuts[-1]
    head = solve(
        np.random.default_rng(0).normal(size=(9, last.channels)).astype("f"), np.arange(9) % 3, 3, 0.1, HeadSettings()
    )
    graft = Graft(backbone, (last,), head)
    saved.save(graft, ["a", "b", "c"], Preprocessing(SIZE), "head", tmp_path / "model")
    theirs = timm.create_model(f"local-dir:{tmp_path / 'model'}", pretrained=True).eval()
    images = torch.randn(2, 3, SIZE, SIZE)
    with torch.no_grad():
        torch.testing.assert_close(theirs(images), graft.module(images), rtol=1e-4, atol=1e-5)


def test_a_network_that_cannot_be_traced_whole_is_cut_at_its_stages() -> None:
    class Stage(nn.Module):
        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__()
            self.conv = nn.Conv2d(inputs, outputs, 3, 2, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(x).relu() if float(x.sum()) > 0 else self.conv(x)

    model = nn.Sequential(Stage(3, 4), Stage(4, 8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))
    traced = trace(model, SIZE, ("0", "1"))
    assert [cut.name for cut in traced.cuts] == ["0", "1"]
    assert traced.note is not None


def test_a_network_without_a_classifier_keeps_its_last_block() -> None:
    with_one, without = (timm.create_model("resnet10t", num_classes=classes) for classes in (5, 0))
    assert [cut.name for cut in trace(without, SIZE).cuts] == [cut.name for cut in trace(with_one, SIZE).cuts]
