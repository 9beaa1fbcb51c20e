"""A full disk is said in words, whoever notices it, with what to do and exit code 2."""

import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors import SafetensorError

from regraft.errors import RunError, disk_is_full, reason_not_written
from regraft.runs.folder import unfinished_of
from regraft.runs.writing import writing
from regraft.similarity.statistics import Moments, Statistics
from regraft.training.checkpoint import write

FULL = [
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EDQUOT, "Disk quota exceeded"),
    SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    RuntimeError("[enforce fail at inline_container.cc:815] . PytorchStreamWriter failed writing file data/0"),
    RuntimeError("[enforce fail at inline_container.cc:671] . unexpected pos 768 vs 662"),
]


def failing(error: Exception) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("error", FULL, ids=lambda error: type(error).__name__)
def test_a_full_disk_is_known_by_every_error_that_tells_of_it(error: Exception, tmp_path: Path) -> None:
    assert disk_is_full(error)
    other = ValueError("half a file")
    other.__cause__ = error
    assert disk_is_full(other)
    out = tmp_path / "run"
    unfinished_of(out).mkdir()
    with (
        pytest.raises(
            RunError, match=f"run cannot be written: {reason_not_written(error)}; free space or name another"
        ),
        writing(out, overwrite=False),
    ):
        raise error


def test_other_errors_have_their_own_words() -> None:
    assert not disk_is_full(OSError(errno.EACCES, "Permission denied"))
    assert reason_not_written(OSError(errno.EACCES, "Permission denied")) == "Permission denied"
    assert reason_not_written(OSError("123 requested and 0 written")) == "123 requested and 0 written"
    assert reason_not_written(OSError()) == "OSError"


def test_where_checkpoints_are_the_run_goes_on_with_them(tmp_path: Path) -> None:
    checkpoints = unfinished_of(tmp_path / "run") / "checkpoints" / "fine-tune"
    checkpoints.mkdir(parents=True)
    with pytest.raises(RunError, match="go on with --resume"), writing(tmp_path / "run", False) as place:
        assert place == unfinished_of(tmp_path / "run")
        write(checkpoints, "last.pt", {"a": 1})
        raise FULL[0]
    assert (checkpoints / "last.pt").exists()


def test_a_checkpoint_and_statistics_that_find_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.save", failing(FULL[3]))
    with pytest.raises(RunError, match=r"last\.pt cannot be written: No space left on device; free space and run it"):
        write(tmp_path, "last.pt", {"a": 1})
    (tmp_path / "last.pt").write_bytes(b"an earlier epoch's")
    with pytest.raises(RunError, match=r"last\.pt cannot be written: No space left on device; free space and --resume"):
        write(tmp_path, "last.pt", {"a": 1})
    monkeypatch.setattr("regraft.similarity.statistics.save_file", failing(FULL[2]))
    moments = {("blocks.1", None): Moments(np.zeros(2), np.ones(2))}
    with pytest.raises(RunError, match="cannot be written: No space left on device; name another --out"):
        Statistics(moments, 32.0, 32.0).write(tmp_path / "s.safetensors")


@pytest.mark.parametrize("error", FULL, ids=lambda error: type(error).__name__)
def test_the_command_line_says_it_where_nothing_nearer_does(
    error: Exception,
    regraft: Callable[..., tuple[int, str, str]],
    make_folder: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("regraft.data.scan.scan", failing(error))
    code, out, err = regraft("scan", make_folder(each=2))
    assert (code, out) == (2, "")
    assert reason_not_written(error) in {"No space left on device", "Disk quota exceeded"}
    assert err == (
        f"regraft: a file of the output or the cache cannot be written: {reason_not_written(error)};"
        " free space, and run the command again\n"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_output_into_a_file_that_finds_no_room(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "regraft", "cache", "show"]
        environment = {"REGRAFT_CACHE": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=environment)
    assert done.returncode == 2
    assert done.stderr.startswith("regraft: the output cannot be written: No space left on device")
    assert len(done.stderr.splitlines()) == 1
