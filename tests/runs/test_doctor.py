"""What doctor looks at, and what it advises."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from regraft.cli.doctor import show_checkup
from regraft.runs import doctor as room
from regraft.runs import machine
from regraft.runs.doctor import Checkup, advice_on
from regraft.runs.machine import Machine, Place

Regraft = Callable[..., tuple[int, str, str]]
GOOD = Checkup(
    versions={"python": "3.12.1", "torch": "2.9", "openvino": "2026.1"},
    extras={"look": True, "hub": False},
    machine=Machine(8, 8, 0.5, 32 * 10**9, 20 * 10**9),
    gpu=None,
    device="cpu",
    engine="openvino-bf16",
    rate=900.0,
    size=128,
    cache=Place(Path("/cache"), True, 10**11, False),
    cached=10**8,
    limit=2 * 10**10,
    hubs={"huggingface.co": True, "download.pytorch.org": False},
    advice=(),
)


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(room.sys, "dont_write_bytecode", False)
    monkeypatch.setattr(room, "gpu_may_be_here", lambda: False)


def said(known: Checkup) -> str:
    return "; ".join(one.what for one in advice_on(known))


def test_nothing_is_advised_where_all_is_well() -> None:
    assert list(advice_on(GOOD)) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"machine": Machine(8, 8, 20.0, None, None)}, "20.0 programs for 8 processors"),
        ({"machine": Machine(16, 2, 0.0, None, None)}, "2 of 16 processors may be used"),
        ({"machine": Machine(8, 8, 0.0, 10**10, 10**9)}, "1.0 GB of memory are free"),
        ({"cache": Place(Path("/cache"), False, 10**11, False)}, "The cache /cache cannot be written"),
        ({"cache": Place(Path("/cache"), True, 10**8, True)}, "behind a network"),
        ({"rate": 7.0}, "takes 7 images a second"),
        ({"hubs": {"huggingface.co": False}}, "none answers"),
        ({"engine": "pytorch-float32"}, "OpenVINO is installed and not used"),
    ],
)
def test_what_is_slow_or_missing_is_said(changes: dict[str, object], words: str) -> None:
    assert words in said(replace(GOOD, **changes))


def test_settings_of_the_environment_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    known = said(replace(GOOD, hubs={"huggingface.co": False}))
    assert "OMP_NUM_THREADS=1 holds training to 1 threads" in known
    assert "HF_HUB_OFFLINE is set" in known


def test_gpu_that_is_not_used_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "gpu_may_be_here", lambda: True)
    monkeypatch.setattr(room.sys, "platform", "linux")
    assert "a GPU that PyTorch cannot use" in said(GOOD)


def test_quota_of_a_container_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    monkeypatch.setattr(machine, "QUOTA", tmp_path / "cpu.max")
    assert machine.usable_processors() == 0.5
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert machine.usable_processors() >= 1


def test_place_of_a_folder_that_is_not_there_is_the_one_above(tmp_path: Path) -> None:
    known = machine.place(tmp_path / "a" / "b")
    assert known.free > 0
    assert not (tmp_path / "a").exists()


def test_command_shows_all_of_it(
    regraft: Regraft, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(room, "reachable", lambda _url: False)
    code, out, err = regraft("doctor", "--json")
    assert code == 0, err
    result = json.loads(out)
    assert result["rate"] > 0
    assert result["versions"]["torch"]
    assert "tensorboard" in result["extras"]
    assert "all" not in result["extras"]
    show_checkup(result)
    shown = capsys.readouterr().out
    assert f"{result['engine']} on {result['device']}" in shown
    assert "Model hubs: none answers" in " ".join(shown.split())
