"""stdout and stderr closed, full or without a reader; users without a home; devices that are none."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from regraft.cache_folder import cache_folder
from regraft.cli import home
from regraft.errors import RecipeError
from regraft.network.engine import device_of

Regraft = Callable[..., tuple[int, str, str]]
posix = pytest.mark.skipif(sys.platform == "win32", reason="shells differ")
ODD_DEVICES = [
    "",
    "meta",
    "privateuseone",
    "hpu",
    "CPU",
    "cpu ",
    "vulkan",
    "mkldnn",
    "cuda:-1",
    "\x1b[31m",
    "cuda:99999999999",
]


def shell(command: str, **environment: str) -> tuple[int, str]:
    """Exit code and stderr of `regraft COMMAND`, by a shell."""
    names = ("REGRAFT_CACHE", "PATH", "OMP_NUM_THREADS")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    command = command.replace("regraft", f"{sys.executable} -m regraft", 1)
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        stderr=subprocess.PIPE, text=True, check=False, env=kept | {"PYTHONPATH": ":".join(sys.path)} | environment,
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.mark.slow
@posix
@pytest.mark.parametrize("command", ["scan {} ", "scan {} --json ", "cache ", "scan --help "])
def test_closed_streams(command: str, make_folder: Callable[..., Path]) -> None:
    command = "regraft " + command.format(make_folder(each=2))
    assert shell(command + ">&-") == (0, "")
    assert shell(command + "<&- >&- 2>&-") == (0, "")
    code, err = shell(command + ">/dev/full")
    assert code == 2
    assert err == (
        "regraft: the output cannot be written: No space left on device; free space, and run the command again\n"
    )
    assert shell(command + "| true", PYTHONUNBUFFERED="1") == (0, "")
    assert shell(command + "2>/dev/full >/dev/null") == (0, "")


@pytest.mark.slow
@posix
def test_no_file_takes_the_place_of_a_closed_stream(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    out = tmp_path / "plan"
    options = f"--backbone demonstration --image-size 32 --out {out}"
    assert shell(f"regraft plan {make_folder()} {options} <&- >&- 2>&-") == (0, "")
    assert (out / "plan.json").read_text().startswith("{\n")
    assert (out / "plan.json").read_text().endswith("}\n")


@posix
def test_poor_encodings(make_folder: Callable[..., Path]) -> None:
    root = make_folder(each=2)
    (root / "class0").rename(root / "日本")
    code, err = shell(
        f"regraft scan {root} >/dev/null", PYTHONIOENCODING="ascii", LC_ALL="POSIX", TERM="dumb", COLUMNS="0"
    )
    assert (code, err) == (0, "")


@pytest.mark.parametrize("name", ODD_DEVICES)
def test_devices_that_are_none(name: str, regraft: Regraft, make_folder: Callable[..., Path]) -> None:
    with pytest.raises(RecipeError, match="--device"):
        device_of(name)
    code, out, err = regraft("plan", make_folder(each=3), "--device", name, "--quiet")
    assert (code, out) == (2, "")
    assert err.startswith("regraft: --device")
    assert err.count("\n") == 1


@posix
def test_a_user_without_a_home_has_a_folder_of_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import pwd

    def unknown(_: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    for name in ("HOME", "REGRAFT_CACHE", "XDG_CACHE_HOME", *home.NAMED):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RecipeError, match="name a folder with REGRAFT_CACHE"):
        cache_folder()
    monkeypatch.setenv("HOME", "")
    home.mend_home()
    folder = tmp_path / f"regraft-{os.getuid()}"
    assert os.environ["HOME"] == str(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert cache_folder().is_relative_to(folder)
    assert os.environ["USER"]


@posix
@pytest.mark.parametrize("taken", ["file", "link", "open"])
def test_a_folder_that_others_can_write_is_not_taken(
    taken: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    folder = tmp_path / f"regraft-{os.getuid()}"
    if taken == "file":
        folder.write_text("x")
    elif taken == "link":
        folder.symlink_to(tmp_path)
    else:
        folder.mkdir()
        folder.chmod(0o777)
    assert home.own_temporary_folder() is None
