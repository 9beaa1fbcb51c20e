"""What the processes of one training share, each part by itself."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from PIL import Image
from torch.nn import functional
from torchvision.transforms.v2.functional import pil_to_tensor

from regraft.errors import RecipeError
from regraft.network.preprocessing import Preprocessing
from regraft.training.augmentation import PRESETS, training_view
from regraft.training.drawing import drawing_of
from regraft.training.lost import Lost
from regraft.training.place import place_from
from regraft.training.rank_norms import normalised
from regraft.training.ranks import Ranks
from regraft.training.samples import OnDemand, Samples
from regraft.training.watch import Watch


@pytest.mark.parametrize("preset", PRESETS)
def test_what_draws_alone_leaves_the_generator_as_the_view_does(preset: str) -> None:
    view = training_view(preset, 24, flip=True)
    drawing = drawing_of(view, 24)
    for seed in range(40):
        shape = (3, 20 + 7 * seed % 90, 20 + 13 * seed % 200)
        torch.manual_seed(seed)
        view(torch.zeros(shape, dtype=torch.uint8))
        expected = torch.get_rng_state()
        torch.manual_seed(seed)
        drawing(torch.empty(shape, dtype=torch.uint8, device="meta"))
        assert torch.equal(torch.get_rng_state(), expected)


@pytest.mark.parametrize("size", [(50, 20), (20, 50), (31, 33), (24, 700)])
def test_the_shape_of_an_image_is_told_without_decoding_it(size: tuple[int, int]) -> None:
    def decode(_: object) -> torch.Tensor:
        assert max(size) > 16 * min(size), "the middle of long ones alone is taken"
        return pil_to_tensor(preprocessing.resize(image))

    preprocessing, image = Preprocessing(24), Image.new("RGB", size)
    images = OnDemand([None], decode, [size])  # type: ignore[list-item, arg-type]
    shape = Samples(images, torch.zeros(1), preprocessing).shape(0)
    assert shape == pil_to_tensor(preprocessing.resize(image)).shape


@pytest.mark.parametrize("shape", [(6, 4, 5, 5), (6, 4)])
@pytest.mark.parametrize("plain", [True, False])
def test_batch_norm_over_ranks_is_torch_s(shape: tuple[int, ...], plain: bool) -> None:
    draw = torch.Generator().manual_seed(0)
    values, towards = torch.randn(shape, generator=draw) + 1, torch.randn(shape, generator=draw)
    results = []
    for norm in (functional.batch_norm, partial(normalised, OneOfOne())):
        given = values.clone().requires_grad_()
        weight, bias = torch.full((4,), 2.0, requires_grad=True), torch.ones(4, requires_grad=True)
        mean, variance = torch.zeros(4), torch.ones(4)
        scaled = (None, None) if plain else (weight, bias)
        out = (
            norm(given, mean, variance, *scaled, True, 0.1, 1e-5)
            if norm is functional.batch_norm
            else norm(given, *scaled, mean, variance, 1e-5, 0.1)
        )
        (out * towards).sum().backward()
        results.append([out, given.grad, mean, variance, *([] if plain else [weight.grad, bias.grad])])
    for own, theirs in zip(*results, strict=True):
        torch.testing.assert_close(own, theirs, atol=1e-5, rtol=1e-5)


class OneOfOne(Ranks):
    """One rank that adds up as several do."""

    def add(self, values: torch.Tensor, group: object = None) -> None:
        pass


def test_every_image_is_some_rank_s_once() -> None:
    for count in (0, 1, 5, 32):
        parts = [list(range(count))[Ranks(rank, 4).part_of(count)] for rank in range(4)]
        assert [one for part in parts for one in part] == list(range(count))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_places_that_are_none_are_refused() -> None:
    whole = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "here", "MASTER_PORT": "9"}
    assert place_from({}) is None
    assert place_from({"WORLD_SIZE": "1"}) is None
    place = place_from(whole)
    assert place
    assert (place.rank, place.size, place.local, place.port) == (1, 2, 1, 9)
    for change, said in (({"RANK": ""}, "RANK is not set"), ({"RANK": "x"}, "numbers"), ({"RANK": "2"}, "RANK is 2")):
        with pytest.raises(RecipeError, match=said):
            place_from(whole | change)


@pytest.mark.parametrize("gone", [True, False])
def test_a_process_that_gives_no_sign_of_life_is_noticed(gone: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    store, ended = dist.HashStore(), []
    for name, value in {"EVERY": 0.01, "SILENCE": 0.3, "GRACE": 0.0}.items():
        monkeypatch.setattr(f"regraft.training.watch.{name}", value)
    monkeypatch.setattr("regraft.training.watch._thread.interrupt_main", lambda: None)
    monkeypatch.setattr("regraft.training.watch.os._exit", ended.append)
    store.set("alive/1", "1")  # and then never again
    watch = Watch(store, store, 0, 2)
    if not gone:
        store.set("ended", "130")
    watch.start()
    watch.join(20)
    assert watch.over
    assert ended == [watch.over.code] == [2 if gone else 130]
    assert str(watch.over) == ("rank 1 of this training gives no sign of life, so this process ends too" * gone)
    with pytest.raises(Lost):
        watch.check()


def test_several_machines_need_torchrun(regraft: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    code, _, err = regraft("train", tmp_path, "--devices", 8, "--nodes", 2)
    assert code == 2
    assert "torchrun --nnodes 2 --nproc-per-node 8" in err
