"""Several processes train one network as one process does; where one of them ends, all do."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from PIL import Image
from safetensors.torch import load_file
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

TESTS = Path(__file__).parent.parent
SCRIPT = Path(__file__).parent / "ranked.py"
PATIENCE = 240.0  # seconds for all processes of a test
OPTIONS = (
    "--backbone", "demonstration", "--strategy", "fine-tune", "--image-size", 32, "--batch-size", 9, "--epochs", 3,
    "--optimiser", "sgd", "--lr", "0.001", "--class-weights", "auto", "--mix", "mixup", "--quiet",
)  # fmt: skip


def environment(**more: str) -> dict[str, str]:
    paths = os.pathsep.join([str(TESTS.parent / "src"), str(TESTS)])
    places = {"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}
    kept = {name: value for name, value in os.environ.items() if name not in places}
    quiet = {"TORCH_CPP_LOG_LEVEL": "ERROR"}  # as the command line sets it before torch is imported
    return kept | quiet | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"} | more


def free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


Ended = list[tuple[int, str, str]]  # of each process the exit code, stdout and stderr


def together(commands: list[list[object]], **more: str) -> Ended:
    """Run one process for each command, as ranks where there are several."""
    size, common = len(commands), {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    processes = []
    for rank, words in enumerate(commands):
        place = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size)} if size > 1 else {}
        arguments = [sys.executable, str(SCRIPT), *map(str, words)]
        env = environment(**common, **place, **more)
        processes.append(
            subprocess.Popen(arguments, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
    try:
        ended = [process.communicate(timeout=PATIENCE) for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, *texts) for process, texts in zip(processes, ended, strict=True)]


def all_well(ended: Ended) -> None:
    assert [code for code, _, _ in ended] == [0] * len(ended), ended


def is_close(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], atol=1e-5, rtol=0, msg=name)


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model" / "model.safetensors")


@pytest.mark.slow
@pytest.mark.parametrize("size", [2])  # 3 takes another half a minute
def test_several_processes_train_to_the_weights_of_one(tmp_path: Path, size: int) -> None:
    names = ["plain", "weighed", "mixed", "adapting", "adapting-mixed", *(["full"] if size == 2 else [])]
    words: list[object] = ["trainings", tmp_path, *names]
    all_well(together([words]))
    all_well(together([words] * size))
    for name in names:
        one = torch.load(tmp_path / f"{name}-0of1.pt")
        several = [torch.load(tmp_path / f"{name}-{rank}of{size}.pt") for rank in range(size)]
        is_close(several[0]["weights"], one["weights"])
        for own in several:
            assert own["hits"] == one["hits"], name
            assert own["parts"] == several[0]["parts"]
            assert all(torch.equal(value, own["weights"][key]) for key, value in several[0]["weights"].items()), name
        assert (several[0]["parts"] > 1) == (name == "full")


@pytest.mark.slow
def test_one_and_two_processes_make_the_same_run_and_go_on_with_each_other_s(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    root = make_folder(classes=3, each=20)

    def train(out: str, size: int, *words: object, **more: str) -> Ended:
        return together([["train", root, *OPTIONS, "--out", tmp_path / out, "--json", *words]] * size, **more)

    ended = {size: train(f"whole{size}", size) for size in (1, 2)}
    for one in ended.values():
        all_well(one)
    whole = json.loads(ended[1][0][1])
    assert json.loads(ended[2][0][1])["validation"] == whole["validation"]
    assert ended[2][1][1:] == ("", "")  # rank 1 says nothing
    is_close(weights(tmp_path / "whole2"), weights(tmp_path / "whole1"))
    for first, second in ((2, 1), (1, 2)):
        out = f"resumed{second}"
        broken = train(out, first, RANKED_CTRL_C=str(first - 1))
        assert broken[0][0] == 130, broken
        assert "--resume" in broken[0][2]
        resumed = train(out, second, "--resume")
        all_well(resumed)
        assert json.loads(resumed[0][1])["validation"] == whole["validation"]
        is_close(weights(tmp_path / out), weights(tmp_path / "whole1"))


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_a_process_that_is_killed_ends_the_others_and_the_run_goes_on(
    make_folder: Callable[..., Path], tmp_path: Path, killed: int
) -> None:
    words = ["train", make_folder(classes=3, each=20), *OPTIONS, "--out", tmp_path / "run"]
    ended = together([words, words], RANKED_KILL=str(killed))
    assert ended[killed][0] == -9
    code, out, err = ended[1 - killed]
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert "another process" in err
    assert ("--resume" in err) == (killed == 1)
    all_well(together([[*words, "--resume"]]))


@pytest.mark.slow
def test_processes_that_do_not_fit_are_refused_before_training(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    root, other = make_folder(classes=3, each=10), make_folder("other", classes=3, each=10)
    next((other / "class0").iterdir()).unlink()
    link = tmp_path / "link"
    link.symlink_to(root)
    words = ["train", "DATA", *OPTIONS, "--out", tmp_path / "run"]
    cases: list[tuple[list[list[object]], str]] = [
        ([[*words, "--seed", 1], [*words, "--seed", 2]], "seed 2 there, 1 on rank 0"),
        ([[*words, "--batch-size", 2]] * 3, "3 processes are more than the 2 images of a batch"),
        ([[*words, "--device", "cuda"]] * 2, "GPU 0 is wanted, but there are 0"),
    ]
    for commands, said in cases:
        ended = together([[root if word == "DATA" else word for word in one] for one in commands])
        assert [code for code, _, _ in ended] == [2] * len(commands), ended
        assert said in ended[0][2]
        assert all(err == "" for _, _, err in ended[1:])
        assert not (tmp_path / "run").exists()
    places = [tmp_path / f"machine{rank}" for rank in range(2)]
    for place, own in zip(places, (root, other), strict=True):
        place.mkdir()
        (place / "data").symlink_to(own)
    ended = in_folders(places, [word if word != "DATA" else "data" for word in words])
    assert [code for code, _, _ in ended] == [2, 2], ended
    assert "rank 1: data holds other images" in ended[0][2]


def in_folders(places: list[Path], words: list[object]) -> Ended:
    """Two ranks, each in a folder of its own, as on machines of their own."""
    lines = [f"import os, runpy, sys; os.chdir({str(place)!r}); sys.argv = sys.argv[1:];"
             "runpy.run_path(sys.argv[0], run_name='__main__')" for place in places]  # fmt: skip
    port, processes = free_port(), []
    for rank, line in enumerate(lines):
        place = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
        arguments = [sys.executable, "-c", line, str(SCRIPT), *map(str, words)]
        env = environment(**place, MASTER_PORT=port)
        processes.append(
            subprocess.Popen(arguments, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
    try:
        ended = [process.communicate(timeout=PATIENCE) for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, *texts) for process, texts in zip(processes, ended, strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize("starter", ["devices", "torchrun"])
def test_two_processes_by_one_command(make_folder: Callable[..., Path], tmp_path: Path, starter: str) -> None:
    root = make_folder(classes=3, each=12)
    words = ["train", root, *OPTIONS, "--out", tmp_path / "run", "--json"]
    if starter == "devices":
        command = [sys.executable, "-m", "regraft", *words, "--devices", 2]
    else:
        launcher = ["torch.distributed.run", "--nproc-per-node", 2, "--master-port", free_port()]
        command = [sys.executable, "-m", *launcher, "-m", "regraft", *words]
    ended = subprocess.run(
        list(map(str, command)), env=environment(), capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["strategy"] == "fine-tune"
    assert (tmp_path / "run" / "report.html").exists()


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
