"""Checkpoints: what does not fit is refused, what cannot be written leaves the one before."""

import os
import pickle
from pathlib import Path

import pytest
import torch

from regraft.errors import RunError
from regraft.training.checkpoint import Identity, read, write


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


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_flipped_bit_is_noticed(share: float, tmp_path: Path) -> None:
    state = {"recipe": {"seed": 0}, "data": "data", "model": {"a": torch.zeros(5000)}}
    write(tmp_path, "last.pt", state)
    path = tmp_path / "last.pt"
    data = bytearray(path.read_bytes())
    data[int(share * len(data))] ^= 8
    path.write_bytes(data)
    with pytest.raises(RunError, match="damaged"):
        read(tmp_path, Identity({"seed": 0}, "data"))


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
