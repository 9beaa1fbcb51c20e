"""Training whole networks: what is frozen stays, what is interrupted goes on, what goes wrong is said."""

import math
import os
import pickle
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from networks import CONTRACT
from torch import nn

from regraft.errors import RecipeError, RunError
from regraft.features.head import HeadSettings, fresh_head
from regraft.network.backbone import Architecture, stages_of
from regraft.network.cuts import trace
from regraft.network.preprocessing import Preprocessing
from regraft.network.surgery import Tunable, graft, state_hash
from regraft.planning.defaults import RATES
from regraft.recipe import Recipe
from regraft.training.augmentation import PRESETS, centre_view, mixing, training_view
from regraft.training.checkpoint import Identity, read, write
from regraft.training.loop import Job, TuneSettings
from regraft.training.optimiser import NAMES, factor, make_optimiser
from regraft.training.samples import Samples
from regraft.training import loop as finetune

Regraft = Callable[..., tuple[int, str, str]]
SIZE = 32
SETTINGS = TuneSettings(
    epochs=3, batch_size=8, schedule="cosine", warm_up=0.1, label_smoothing=0.1, clip=1.0, patience=3,
    min_improvement=0.0, monitor="val_accuracy", mode="auto", checkpoint_name="best-{epoch}-{metric}", ema=0.0,
    seed=0, checkpoint_minutes=1e-9,
)  # fmt: skip


def build(name: str, size: int = 64) -> tuple[nn.Module, Tunable, object]:
    torch.manual_seed(0)
    library, _, short = name.rpartition("/")
    model = Architecture(library or "timm", short).build()
    traced = trace(model, size, stages_of(model))
    head = fresh_head(traced.cuts[-1].channels, 3, HeadSettings())
    return model, Tunable(model, traced, traced.cuts[-1], head), traced


@pytest.mark.parametrize("name", CONTRACT)
def test_unfreezing_from_a_cut_leaves_what_lies_before_as_it_was(name: str) -> None:
    model, network, traced = build(name)
    middle = traced.cuts[len(traced.cuts) // 2]
    network.freeze_up_to(model, traced, middle)
    below = graft(model, Architecture("timm", name), traced, [middle], nn.Sequential(nn.Identity())).body
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


@pytest.mark.parametrize("name", CONTRACT)
def test_a_tuned_network_is_the_network_that_is_saved(name: str) -> None:
    model, network, traced = build(name)
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
        found = graft(model, Architecture("timm", name), traced, [traced.cuts[-1]], network.head)(images)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_frozen_norms_keep_their_statistics() -> None:
    model, network, _ = build("resnet18")
    network.freeze_norms()
    network.train()
    before = {name: value.clone() for name, value in model.named_buffers()}
    network(torch.randn(4, 3, 64, 64))
    assert all(torch.equal(before[name], value) for name, value in model.named_buffers())


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.1), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.head = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.layers(x))


def tiny_job(folder: Path, settings: TuneSettings = SETTINGS, rate: float = 1e-2, optimiser: str = "adamw") -> Job:
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 3
    colours = torch.eye(3)[labels].view(-1, 3, 1, 1) * 40
    images = (torch.rand(60, 3, 36, 40, generator=draw) * 160 + colours).byte()
    torch.manual_seed(1)
    model = Tiny()
    return Job(
        model=model,
        optimiser=make_optimiser(
            optimiser, list(model.head.parameters()), [list(model.layers.parameters())], rate, 0.9, 0.01
        ),
        samples=Samples(tuple(images), labels, Preprocessing(SIZE)),
        train_rows=np.arange(45),
        val_rows=np.arange(45, 60),
        view=training_view("medium", SIZE, flip=True),
        val_view=centre_view(SIZE),
        class_weights=None,
        settings=settings,
        folder=folder,
        identity=Identity({"seed": 0}, "data"),
        device=torch.device("cpu"),
    )


class Killed(Exception):
    pass


@pytest.mark.parametrize(("at", "ema"), [(1, 0), (4, 0), (5, 0), (6, 0), (9, 0), (13, 0), (15, 0), (8, 0.9), (13, 0.9)])
def test_a_killed_training_goes_on_to_the_same_bits(tmp_path: Path, at: int, ema: float) -> None:
    settings = replace(SETTINGS, ema=ema)
    mix = mixing("both", 3) if ema else None
    whole = replace(tiny_job(tmp_path / "whole", settings), mix=mix)
    expected = finetune.run(whole, resume=False)

    def kill(_stage: str, done: int, _total: int) -> None:
        if done == at:
            raise Killed

    with pytest.raises(Killed):
        finetune.run(replace(tiny_job(tmp_path / "cut", settings), progress=kill, mix=mix), resume=False)
    again = replace(tiny_job(tmp_path / "cut", settings), mix=mix)
    assert (tmp_path / "cut" / "last.pt").exists() == (at > 1)
    found = finetune.run(again, resume=True)
    assert state_hash(again.model) == state_hash(whole.model)
    assert [row["val_loss"] for row in found.history] == [row["val_loss"] for row in expected.history]
    assert len(found.history) == 4
    assert found.best_hits == expected.best_hits


def test_ctrl_c_keeps_the_best_so_far(tmp_path: Path) -> None:
    def stop(_stage: str, done: int, _total: int) -> None:
        if done == 12:
            raise KeyboardInterrupt

    job = replace(tiny_job(tmp_path), progress=stop)
    state = finetune.run(job, resume=False)
    assert state.interrupted
    assert state.epoch == 2
    assert state.best_epoch > 0
    best = torch.load(next(tmp_path.glob("best-*.pt")), weights_only=True)
    assert all(torch.equal(value, best["model"][name]) for name, value in job.model.state_dict().items())


def test_a_loss_that_is_no_number_stops_and_keeps_the_best(tmp_path: Path) -> None:
    job = tiny_job(tmp_path, rate=1e30, optimiser="sgd")
    before = state_hash(job.model)
    state = finetune.run(job, resume=False)
    assert "smaller --learning-rate" in state.stopped
    assert state.best_epoch == 0
    assert state_hash(job.model) == before


def test_patience_ends_the_training(tmp_path: Path) -> None:
    settings = replace(SETTINGS, epochs=50, patience=2, min_improvement=2.0)
    state = finetune.run(tiny_job(tmp_path, settings), resume=False)
    assert state.epoch == 2
    assert "no improvement" in state.stopped


@pytest.mark.parametrize(("losses", "goes_on"), [([1.0, 1.9, 1.4, 0.9, 0.7], True), ([1.0, 1.9, 1.4, 1.2, 1.1], False)])
def test_patience_waits_while_the_loss_falls(losses: list[float], goes_on: bool, tmp_path: Path) -> None:
    job = tiny_job(tmp_path, replace(SETTINGS, epochs=20, patience=4))
    state = finetune.State()
    for epoch, loss in enumerate(losses):
        state.epoch = epoch
        row = {"epoch": float(epoch), "train_loss": 1.0, "val_accuracy": 0.8 if epoch == 0 else 0.7, "val_loss": loss}
        state.history.append(row)
        assert finetune.note_if_best(job, state, row, [True]) == (epoch == 0)
    assert (finetune.reason_to_stop(job, state) == "") == goes_on
    assert state.best_epoch == 0


@pytest.mark.parametrize("name", NAMES)
def test_every_optimiser_learns(name: str, tmp_path: Path) -> None:
    job = tiny_job(tmp_path, replace(SETTINGS, epochs=12, patience=12), rate=RATES[name], optimiser=name)
    state = finetune.run(job, resume=False)
    losses = [row["train_loss"] for row in state.history[1:]]
    assert all(math.isfinite(loss) for loss in losses)
    assert min(losses) < losses[0]


def test_schedules() -> None:
    for schedule in ("cosine", "one-cycle"):
        rates = [factor(schedule, i / 100, 0.1) for i in range(101)]
        assert max(rates) == pytest.approx(1, abs=0.01)
        assert rates[-1] < 0.01
        assert rates[0] < 0.01
    assert factor("constant", 0.9, 0.1) == 1


def test_layers_nearer_the_input_learn_slower() -> None:
    _, network, _ = build("resnet18")
    optimiser = make_optimiser("adamw", list(network.head.parameters()), network.stages, 1e-3, 0.5, 0.1)
    of = {id(p): group for group in optimiser.param_groups for p in group["params"]}
    first, last, head = (of[id(p)] for p in (network.stages[0][0], network.stages[-1][0], network.head[0].weight))
    assert first["peak"] < last["peak"] < head["peak"] == 1e-3
    assert all(group["weight_decay"] == 0 for group in optimiser.param_groups if group["params"][0].ndim == 1)


def test_views_have_the_networks_size_and_differ() -> None:
    image = torch.randint(0, 255, (3, 50, 70), dtype=torch.uint8)
    for preset in PRESETS:
        view = training_view(preset, SIZE, flip=True)
        assert view(image).shape == (3, SIZE, SIZE)
        assert torch.equal(view(image), view(image)) == (preset == "none")


@pytest.mark.parametrize("name", ["mixup", "cutmix", "both"])
def test_mixed_labels_are_shares(name: str) -> None:
    torch.manual_seed(0)
    mix = mixing(name, 3)
    assert mix is not None
    images, labels = mix(torch.rand(6, 3, 8, 8), torch.arange(6) % 3)
    assert images.shape == (6, 3, 8, 8)
    torch.testing.assert_close(labels.sum(1), torch.ones(6))
    assert mixing("none", 3) is None


def test_averaged_weights_are_the_ones_kept(tmp_path: Path) -> None:
    plain = tiny_job(tmp_path / "plain")
    job = tiny_job(tmp_path / "averaged", replace(SETTINGS, ema=0.9, min_improvement=-1e9))  # any epoch counts as one
    finetune.run(plain, resume=False)
    state = finetune.run(job, resume=False)
    last = torch.load(tmp_path / "averaged" / "last.pt", weights_only=True)
    trained = torch.load(tmp_path / "plain" / "last.pt", weights_only=True)["model"]
    assert all(torch.equal(value, trained[name]) for name, value in last["model"].items())  # training sees no average
    assert any(not torch.equal(value, last["model"][name]) for name, value in last["average"].items())
    assert state.best_epoch == state.epoch
    assert all(torch.equal(value, last["average"][name]) for name, value in job.model.state_dict().items())


def test_memory_that_runs_out_halves_what_goes_through_at_once(tmp_path: Path) -> None:
    job = tiny_job(tmp_path)
    largest = []

    def forward(images: torch.Tensor, run: Callable[[torch.Tensor], torch.Tensor] = job.model.forward) -> torch.Tensor:
        if job.model.training:
            if len(images) > 4:
                raise torch.OutOfMemoryError("CUDA out of memory")
            largest.append(len(images))
        return run(images)

    job.model.forward = forward  # type: ignore[method-assign]
    state = finetune.run(job, resume=False)
    assert (state.parts, max(largest)) == (2, 4)
    assert state.epoch == 3
    assert len(largest) == 2 * 3 * job.steps


def test_memory_that_never_suffices_is_said(tmp_path: Path) -> None:
    job = tiny_job(tmp_path)

    def forward(images: torch.Tensor) -> torch.Tensor:
        if job.model.training:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return torch.zeros(len(images), 3)

    job.model.forward = forward  # type: ignore[method-assign]
    with pytest.raises(RunError, match="smaller --image-size"):
        finetune.run(job, resume=False)


def test_the_deadline_ends_the_training_and_resuming_goes_on(tmp_path: Path) -> None:
    state = finetune.run(replace(tiny_job(tmp_path), deadline=time.monotonic() - 1), resume=False)
    assert (state.stopped, state.epoch, len(state.history)) == (finetune.OUT_OF_TIME, 1, 2)
    again = finetune.run(tiny_job(tmp_path), resume=True)
    assert (again.stopped, again.epoch) == ("", 3)


def test_a_loss_that_rises_beyond_guessing_stops(tmp_path: Path) -> None:
    job = replace(tiny_job(tmp_path, rate=30.0, optimiser="sgd"), mix=None)
    state = finetune.run(job, resume=False)
    assert state.stopped.startswith("the loss")
    assert "smaller --learning-rate" in state.stopped


def test_the_monitored_figure_and_the_files_name(tmp_path: Path) -> None:
    settings = replace(SETTINGS, monitor="train_loss", mode="max", checkpoint_name="{metric}={value:.2f}-{epoch}")
    state = finetune.run(tiny_job(tmp_path, settings), resume=False)
    losses = [row["train_loss"] for row in state.history[1:]]
    assert state.best_epoch == 1 + losses.index(max(losses))
    names = {path.name for path in tmp_path.glob("*.pt")}
    assert names == {"last.pt", f"train_loss={max(losses):.2f}-{state.best_epoch}.pt"}
    events = b"".join(path.read_bytes() for path in (tmp_path / "tensorboard").glob("events*"))
    assert b"val_accuracy" in events
    with pytest.raises(RecipeError, match="checkpoint-name"):
        Recipe(checkpoint_name="../{epoch}")
    with pytest.raises(RecipeError, match="checkpoint-name"):
        Recipe(checkpoint_name="{nothing}")


class Malicious:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/regraft-was-here",)


def test_checkpoints_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    identity = Identity({"seed": 0}, "data")
    with pytest.raises(RunError, match="no checkpoint"):
        read(tmp_path, identity)
    (tmp_path / "last.pt").write_bytes(pickle.dumps(Malicious()))
    with pytest.raises(RunError, match="damaged"):
        read(tmp_path, identity)
    assert not Path("/tmp/regraft-was-here").exists()
    write(tmp_path, "last.pt", {"recipe": {"seed": 1}, "data": "data"})
    with pytest.raises(RunError, match="seed 1 there, 0 here"):
        read(tmp_path, identity)
    write(tmp_path, "last.pt", {"recipe": {"seed": 0}, "data": "other"})
    with pytest.raises(RunError, match="other images"):
        read(tmp_path, identity)


def test_a_failed_write_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "last.pt", {"a": 1})

    def full(_state: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(RunError, match="No space left"):
        write(tmp_path, "last.pt", {"a": 2})
    assert torch.load(tmp_path / "last.pt", weights_only=True) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]
