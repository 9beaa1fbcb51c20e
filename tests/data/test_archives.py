"""Odd and bad archives and shards: what comes in, and exactly what becomes of it."""

import gc
import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from odd import PNG, pack_zip

from regraft.data.find import find_images
from regraft.data.scan import scan
from regraft.errors import DataError

Make = Callable[..., Path]
Regraft = Callable[..., tuple[int, str, str]]


def test_a_zip_is_read_safely(make_folder: Make, tmp_path: Path) -> None:
    path = pack_zip(
        make_folder(each=6),
        {
            "../escape.png": PNG,
            "/etc/absolute.png": PNG,
            "photos/../../up.png": PNG,
            "__MACOSX/photos/class0/._000.png": b"x",
            "photos/class0/broken.png": b"x",
        },
    )
    assert {fault.path: fault.kind for fault in scan(path).faults} == {
        "../escape.png": "unsafe path",
        "/etc/absolute.png": "unsafe path",
        "photos/../../up.png": "unsafe path",
        "__MACOSX/photos/class0/._000.png": "hidden",
        "photos/class0/broken.png": "not an image",
    }
    assert not list(tmp_path.rglob("escape.png"))


def test_a_zip_member_that_says_it_is_huge_is_left_out(make_folder: Make) -> None:
    path = pack_zip(make_folder(each=6))
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02")  # the last member's entry in the directory
    data[at + 24 : at + 28] = (0xF0000000).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    assert [fault.kind for fault in scan(path).faults] == ["too large"]


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.bz2", ".tar.xz"])
def test_tars(make_folder: Make, suffix: str) -> None:
    root = make_folder(each=6)
    path = root.parent / f"pack{suffix}"
    with tarfile.open(path, f"w:{suffix[5:]}") as archive:
        archive.add(root, "photos")
        link = tarfile.TarInfo("photos/class0/link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        up = tarfile.TarInfo("../../escape.png")
        up.size = len(PNG)
        archive.addfile(up, io.BytesIO(PNG))
    images = scan(path)
    assert len(images.files) == 12
    assert {(f.path, f.kind) for f in images.faults} == {
        ("photos/class0/link.png", "not a file"),
        ("../../escape.png", "unsafe path"),
    }


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_an_archive_in_a_cycle_of_garbage_is_closed(make_folder: Make, suffix: str) -> None:
    root = make_folder(each=6)
    path = root.parent / f"pack{suffix}"
    shutil.make_archive(str(path).removesuffix(suffix), "zip" if suffix == ".zip" else "gztar", root)
    held: list[object] = [find_images(path)]
    held.append(held)
    del held
    gc.collect()  # a file that is not closed by then raises ResourceWarning


def test_a_tar_that_ends_early_keeps_what_it_has(make_folder: Make) -> None:
    root = make_folder(each=6)
    path = root.parent / "pack.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(root, "photos")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2 + 7])
    images = find_images(path, fewest_classes=1)
    assert 3 <= len(images.files) < 12
    assert [fault.kind for fault in images.faults] == ["truncated"]


@pytest.mark.parametrize(
    ("name", "word"), [("a.zip", "zip"), ("a.tar", "tar"), ("a.tar.gz", "a.tar.gz"), ("a.doc", "no .csv")]
)
def test_files_that_are_no_archives(regraft: Regraft, tmp_path: Path, name: str, word: str) -> None:
    (tmp_path / name).write_text("hello")
    code, _, err = regraft("scan", tmp_path / name)
    assert code == 2
    assert word in err
    assert len(err.strip().splitlines()) == 1


def tar_of(path: Path, members: list[tuple[str, bytes, dict[str, str]]]) -> Path:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, data, headers in members:
            info = tarfile.TarInfo(name)
            info.size, info.pax_headers = len(data), headers
            archive.addfile(info, io.BytesIO(data))
    return path


PLAIN = [(f"{name}/{i}.png", PNG, {}) for name in ("a", "b") for i in range(6)]


@pytest.mark.parametrize("damage", ["checksum", "cut in a header", "no end mark", "size below nothing"])
def test_damaged_tars_end_and_say_so(tmp_path: Path, damage: str) -> None:
    if damage == "size below nothing":
        path = tar_of(tmp_path / "a.tar", [*PLAIN, ("b/x.png", PNG, {"size": "-1536"})])
    else:
        path = tar_of(tmp_path / "a.tar", PLAIN)
        with tarfile.open(path) as archive:
            at = archive.getmembers()[10].offset
        whole = bytearray(path.read_bytes())
        if damage == "checksum":
            whole[at + 148 : at + 154] = b"999999"
        path.write_bytes(whole[: {"checksum": len(whole), "cut in a header": at + 100, "no end mark": at}[damage]])
    images = find_images(path)
    assert len(images.files) >= 10
    assert [fault.kind for fault in images.faults] == ["truncated"]


def test_class_folders_with_sidecars_are_no_shards(tmp_path: Path) -> None:
    images = find_images(tar_of(tmp_path / "a.tar", [*PLAIN, ("a/0.json", b'{"boxes": []}', {})]))
    assert images.classes == ("a", "b")


ODD_SAMPLES: dict[str, tuple[bytes, str]] = {
    "a list": (b'{"label": [1, 2]}', "no label"),
    "an object": (b'{"label": {"a": 1}}', "no label"),
    "too deep": (b"[" * 200_000, "no label"),
    "no JSON": (b"hello", "no label"),
    "nothing": (b"{}", "no label"),
}


@pytest.mark.parametrize("kind", ODD_SAMPLES)
def test_one_odd_label_leaves_the_other_samples(tmp_path: Path, kind: str) -> None:
    data, expected = ODD_SAMPLES[kind]
    good = [part for i in range(4) for part in ((f"{i}.png", PNG, {}), (f"{i}.cls", b"ab"[i % 2 : i % 2 + 1], {}))]
    path = tar_of(tmp_path / "s-0.tar", [*good, ("9.mask.png", PNG, {}), ("9.png", PNG, {}), ("9.json", data, {})])
    images = find_images(path)
    assert len(images.files) == 4
    assert expected in [fault.kind for fault in images.faults]


def test_splits_of_samples(tmp_path: Path) -> None:
    words = ["train", "TRAINING", "dev", "valid", "test", "train", "", "train"]
    for last, found in (("train", ("train", "val", "test")), ("holdout", None)):
        samples = [
            (f"{i}.json", json.dumps({"label": "ab"[i % 2], "split": word}).encode(), {})
            for i, word in enumerate([*words, last])
        ]
        images = [(f"{i}.png", PNG, {}) for i in range(len(samples))]
        path = tar_of(tmp_path / f"{last}.tar", images + samples)
        if found:
            assert find_images(path).splits == found
            assert [fault.kind for fault in find_images(path).faults] == ["no split"]
        else:
            with pytest.raises(DataError, match="holdout"):
                find_images(path)


@pytest.mark.parametrize(
    "pattern", ["no-{0000..0003}.tar", "no-{3..0}.tar", "no-*.tar", "{0..99999}{0..99999}.tar", "**.tar"]
)
def test_patterns_without_shards_are_refused(tmp_path: Path, regraft: Regraft, pattern: str) -> None:
    code, _, err = regraft("scan", tmp_path / pattern)
    assert code == 2
    assert "shard" in err


def test_members_below_a_dot(tmp_path: Path) -> None:
    images = find_images(tar_of(tmp_path / "a.tar", [("./", b"", {}), *((f"./{n}", d, h) for n, d, h in PLAIN)]))
    assert images.classes == ("a", "b")
    assert images.faults == ()
