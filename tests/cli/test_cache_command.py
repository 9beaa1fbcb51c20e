import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from regraft.cache_folder import cache_folder
from regraft.data.identity import Look
from regraft.features.store import open_store

Regraft = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))
    store = open_store("a-network")
    store.add([Look("0" * 32, "", 1, 1)], {"a": np.arange(4.0)[None]})
    store.flush()
    statistics = cache_folder() / "statistics" / "a.safetensors"
    statistics.parent.mkdir()
    statistics.write_bytes(b"12345")


def test_show(regraft: Regraft) -> None:
    for arguments in ((), ("show",)):
        code, out, err = regraft("cache", *arguments)
        assert (code, err) == (0, "")
        assert all(text in out for text in (str(cache_folder()), "20.0 GB", "a-network", "a.safetensors"))
    code, out, _ = regraft("cache", "--json")
    shown = json.loads(out)
    assert code == 0
    assert set(shown) == {"folder", "limit", "total", "freed", "entries", "damaged"}
    assert [(entry["kind"], entry["images"]) for entry in shown["entries"]] == [("features", 1), ("statistics", None)]
    assert shown["total"] == sum(entry["bytes"] for entry in shown["entries"])


def test_check(regraft: Regraft) -> None:
    assert "all as they were written" in regraft("cache", "check", "--quiet")[1]
    (array,) = cache_folder().glob("features/*/*/a.bin")
    array.write_bytes(bytes(32))
    code, out, _ = regraft("cache", "check", "--quiet")
    assert code == 0
    assert f"Removed {array.parent}: a: a checksum does not match" in out
    assert "1 damaged" in out
    assert json.loads(regraft("cache", "check", "--quiet", "--json")[1])["damaged"] == []


def test_clear(regraft: Regraft) -> None:
    code, out, _ = regraft("cache", "clear")
    assert code == 0
    assert "freed" in out
    assert "a-network" not in out
    assert "a.safetensors" in out
    assert json.loads(regraft("cache", "clear", "--statistics", "--json")[1])["entries"] == []


def test_an_empty_cache(regraft: Regraft, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "nowhere"))
    for action in ("show", "check", "clear"):
        code, out, err = regraft("cache", action)
        assert (code, err.strip()) == (0, "")
        assert "nowhere: 0.0 kB" in out
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("arguments", [("empty",), ("show", "--statistics"), ("check", "--statistics")])
def test_what_it_does_not_know(regraft: Regraft, arguments: tuple[str, ...]) -> None:
    code, out, err = regraft("cache", *arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "show, check, clear" in err


def test_a_limit_that_is_no_size(regraft: Regraft, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGRAFT_CACHE_LIMIT", "plenty")
    code, _, err = regraft("cache")
    assert (code, err.count("\n")) == (2, 1)
    assert "plenty" in err


@pytest.mark.parametrize("action", ["check", "clear"])
def test_a_cache_where_nothing_may_be_removed(regraft: Regraft, monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("regraft.features.cache.remove", refuse)
    (seal,) = cache_folder().glob("features/*/*/seal.json")
    seal.write_text("{")
    code, out, err = regraft("cache", action, "--quiet")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "Permission denied" in err


def test_torch_is_not_imported() -> None:
    code = "import sys, regraft.features.cache; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
