"""Parquet files whose rows hold the images' bytes, on a disk and at an address."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import picture

import regraft as library
from regraft import DataError, Recipe
from regraft.data.content import hash_of
from regraft.data.find import find_images
from regraft.data.readers import parquet_rows
from regraft.data.readers.paths import contents_at
from regraft.data.scan import scan
from regraft.recipe import Reading

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")
Regraft = Callable[..., tuple[int, str, str]]
SETTINGS = Recipe(backbone="demonstration", image_size=32, strategy="head")


def jpeg(kind: int, seed: int) -> bytes:
    out = io.BytesIO()
    picture(kind, seed).save(out, "JPEG")
    return out.getvalue()


def images(each: int = 6, start: int = 0) -> list[bytes]:
    return [jpeg(row % 2, start + row) for row in range(2 * each)]


def write(path: Path, columns: dict[str, Any], metadata: dict[bytes, bytes] | None = None, rows: int = 5) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns)
    parquet.write_table(table.replace_schema_metadata(metadata) if metadata else table, path, row_group_size=rows)
    return path


def labels(count: int) -> list[str]:
    return [f"class{row % 2}" for row in range(count)]


def test_bytes_beside_labels(tmp_path: Path, regraft: Regraft) -> None:
    data = images()
    path = write(tmp_path / "p.parquet", {"image": data, "label": labels(12), "group": [str(n) for n in range(12)]})
    found = find_images(path)
    assert found.classes == ("class0", "class1")
    assert [file.content.read() for file in found.files] == data
    assert [file.name for file in found.files][:2] == ["p.parquet/00000000.jpg", "p.parquet/00000001.jpg"]
    assert [file.group for file in found.files][:2] == ["0", "1"]
    assert scan(path).faults == ()
    assert [content.read() for _, content in contents_at(path, Reading())] == data
    code, printed, _ = regraft("scan", path, "--json", "--quiet")
    assert (code, json.loads(printed)["images"]) == (0, 12)


def test_hugging_faces_form(tmp_path: Path) -> None:
    info = {"info": {"features": {"label": {"names": ["bee", "ant"], "_type": "ClassLabel"}}}}
    for part, count in (("train", 8), ("test", 4)):
        values = [{"bytes": data, "path": None} for data in images(count // 2, 100 * count)]
        write(
            tmp_path / "data" / f"{part}-00000-of-00001.parquet",
            {"img": values, "label": [row % 2 for row in range(count)]},
            {b"huggingface": json.dumps(info).encode()},
        )
    for place in (tmp_path / "data", f"{tmp_path}/data/*.parquet"):
        found = find_images(place)
        assert found.classes == ("ant", "bee")
        assert found.counts() == {"train": {"ant": 4, "bee": 4}, "test": {"ant": 2, "bee": 2}}
    only = find_images(tmp_path / "data" / "train-00000-of-00001.parquet")
    assert only.splits == ("train",)


def test_splits_and_rows_that_are_odd(tmp_path: Path) -> None:
    data: list[Any] = images()
    data[3], data[4] = None, b"broken"
    named: list[Any] = labels(12)
    named[5], named[6] = None, "nan"
    split = ["train"] * 8 + ["test"] * 4
    found = scan(write(tmp_path / "p.parquet", {"Image": data, "Label": named, "split": split}))
    assert {fault.path: fault.kind for fault in found.faults if fault.kind not in {"small class"}} == {
        "p.parquet/00000005.jpg": "no label",
        "p.parquet/00000006.jpg": "no label",
        "p.parquet/00000003.jpg": "no image",
        "p.parquet/00000004.jpg": "not an image",
    }
    assert found.splits == ("train", "test")


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "two": ({"a": [b"x"], "b": [b"x"], "label": ["a"]}, "has no column 'image'"),
    "label": ({"image": [b"x", b"y"], "class": ["a", "b"]}, "has no column 'label' but image, class; name it with"),
    "lists": ({"image": [b"x"], "label": [["a", "b"]]}, "are multi-label, which regraft does not do"),
    "empty": ({"image": pa.array([], pa.binary()), "label": pa.array([], pa.string())}, "holds no image with a label"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong(tmp_path: Path, regraft: Regraft, kind: str) -> None:
    columns, line = WRONG[kind]
    code, _, complaint = regraft("scan", write(tmp_path / "p.parquet", columns), "--quiet")
    assert (code, len(complaint.strip().splitlines())) == (2, 1)
    assert line in complaint


def test_a_row_group_too_large_for_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_rows, "MOST_HELD", 3000)
    found = find_images(write(tmp_path / "p.parquet", {"image": images(), "label": labels(12)}))
    with pytest.raises(DataError, match=r"bytes of images in a row group; 3,000 are read: write it with smaller ones"):
        found.files[0].content.read()


def test_a_row_group_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "p.parquet", {"image": images(), "label": labels(12)})
    read: list[int] = []
    plain = parquet_rows.ImageRows.images_of

    def images_of(self: Any, column: str, group: int) -> Any:
        read.append(group)
        return plain(self, column, group)

    monkeypatch.setattr(parquet_rows.ImageRows, "images_of", images_of)
    hashes = {hash_of(file.content.read()) for file in find_images(path).files}
    assert (len(hashes), read) == (12, [0, 1, 2])


def test_features_are_found_again_until_the_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(parquet_rows, "UNSETTLED", 0)
    path = write(tmp_path / "p.parquet", {"image": images(), "label": labels(12)})
    assert library.compute_features(path, SETTINGS, progress=False).passed == 12
    with monkeypatch.context() as patch:
        patch.setattr(parquet_rows.ImageRows, "images_of", None)  # not an image is read
        assert library.compute_features(path, SETTINGS, progress=False).passed == 0
    write(path, {"image": images(6, 500), "label": labels(12)})
    assert library.compute_features(path, SETTINGS, progress=False).passed == 12


def test_at_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = pytest.importorskip("fsspec").filesystem("memory")
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))
    for number in range(2):
        path = write(tmp_path / "s" / f"part-{number}.parquet", {"image": images(6, 50 * number), "label": labels(12)})
        system.pipe(f"/tables/{path.name}", path.read_bytes())
    try:
        found, on_disk = find_images("memory://tables"), find_images(tmp_path / "s")
        assert (found.files, found.classes) == (on_disk.files, on_disk.classes)
        assert [file.content.read() for file in found.files] == [file.content.read() for file in on_disk.files]
        assert len(contents_at(Path("memory://tables/part-0.parquet"), Reading())) == 12
        for part in ("1/2", "2/2"):
            assert library.compute_features("memory://tables", SETTINGS, part, progress=False).passed == 12
        shutil.rmtree(tmp_path / "s")
        assert library.compute_features("memory://tables", SETTINGS, progress=False).passed == 0
    finally:
        system.rm("/tables", recursive=True)
