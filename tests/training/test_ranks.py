"""Several processes train one network as one process does; where one of them ends, all do."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import ranked
import torch
from forks import Ended, Forked
from safetensors.torch import load_file

TESTS = Path(__file__).parent.parent
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


def together(
    commands: list[list[object]],
    what: Callable[[], None] = ranked.command_line,
    folders: list[Path | None] | None = None,
    **more: str,
) -> list[Ended]:
    """Run one process for each command, in a folder each, as ranks where there are several."""
    size, common = len(commands), {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    processes = []
    for rank, (words, folder) in enumerate(zip(commands, folders or [None] * size, strict=True)):
        place = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size)} if size > 1 else {}
        env = environment(**common, **place, **more)
        processes.append(Forked(*words, what=what, environment=env, folder=folder))
    return [process.ended(PATIENCE) for process in processes]


def all_well(ended: list[Ended]) -> None:
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
    words: list[object] = [tmp_path, *names]
    all_well(together([words], ranked.trainings))
    all_well(together([words] * size, ranked.trainings))
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

    def train(out: str, size: int, *words: object, **more: str) -> list[Ended]:
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
    ended = together([[word if word != "DATA" else "data" for word in words]] * 2, folders=[*places])
    assert [code for code, _, _ in ended] == [2, 2], ended
    assert "rank 1: data holds other images" in ended[0][2]


@pytest.mark.slow
@pytest.mark.parametrize("starter", ["devices", "torchrun"])
def test_two_processes_by_one_command(make_folder: Callable[..., Path], tmp_path: Path, starter: str) -> None:
    root = make_folder(classes=3, each=12)
    words = ["train", root, *OPTIONS, "--out", tmp_path / "run", "--json"]
    if starter == "devices":
        process = Forked(*words, "--devices", 2, environment=environment())
    else:
        launcher = ["--nproc-per-node", 2, "--master-port", free_port(), "-m", "regraft"]
        process = Forked(*launcher, *words, what=ranked.torchrun, environment=environment())
    code, printed, said = process.ended(PATIENCE)
    assert code == 0, said
    assert json.loads(printed)["strategy"] == "fine-tune"
    assert (tmp_path / "run" / "report.html").exists()
