"""The same images however they come: one fingerprint, one trained head."""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import regraft as library
from regraft.errors import DataError
from regraft.recipe import Recipe

Make = Callable[..., Path]
Regraft = Callable[..., tuple[int, str, str]]
EACH = 10


@pytest.fixture
def folder(make_folder: Make) -> Path:
    return make_folder("photos", each=EACH)


def files_of(folder: Path) -> list[tuple[str, Path]]:
    """Label and path, in an order of no kind."""
    paths = [(path.parent.name, path) for path in sorted(folder.rglob("*.png"))]
    return paths[::3] + paths[2::3] + paths[1::3]


def as_zip(folder: Path, out: Path) -> Path:
    with zipfile.ZipFile(out / "a.zip", "w") as archive:
        for label, path in files_of(folder):
            archive.write(path, f"{label}/{path.name}")
    return out / "a.zip"


def as_tar(folder: Path, out: Path) -> Path:
    with tarfile.open(out / "a.tar.gz", "w:gz") as archive:
        archive.add(folder, "photos")
    return out / "a.tar.gz"


def as_table(folder: Path, out: Path) -> Path:
    rows = [f"{path.relative_to(out)},{label}" for label, path in files_of(folder)]
    (out / "a.csv").write_text("\n".join(["image,label", *rows]))
    return out / "a.csv"


def as_parquet(folder: Path, out: Path) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns: dict[str, list[str]] = {"image": [], "label": []}
    for label, path in files_of(folder):
        columns["image"].append(str(path.relative_to(out)))
        columns["label"].append(label)
    parquet.write_table(pyarrow.table(columns), out / "a.parquet")
    return out / "a.parquet"


def as_shards(folder: Path, out: Path) -> Path:
    found = files_of(folder)
    for shard in range(2):
        with tarfile.open(out / f"s-{shard:04d}.tar", "w") as archive:
            for number, (label, path) in enumerate(found[shard::2]):
                sides = ((".cls", label.encode()), (".json", json.dumps({"label": label}).encode()))
                for suffix, data in ((".png", path.read_bytes()), sides[number % 2]):
                    info = tarfile.TarInfo(f"{number:06d}{suffix}")
                    info.size = len(data)
                    archive.addfile(info, io.BytesIO(data))
    return out / "s-{0000..0001}.tar"


def as_saved_dataset(folder: Path, out: Path) -> Path:
    datasets = pytest.importorskip("datasets")
    names = ["class0", "class1"]
    features = datasets.Features(image=datasets.Image(), label=datasets.ClassLabel(names=names))
    rows = [
        {"image": {"bytes": path.read_bytes(), "path": None}, "label": names.index(label)}
        for label, path in files_of(folder)
    ]
    datasets.Dataset.from_list(rows, features=features).save_to_disk(out / "saved")
    return out / "saved"


def as_arrays(folder: Path, out: Path) -> Any:
    found = files_of(folder)
    return library.from_arrays(
        np.stack([np.asarray(Image.open(path)) for _, path in found]), [name for name, _ in found]
    )


class Pairs(torch.utils.data.Dataset[Any]):
    """A map-style data set, as users write them."""

    classes = ("class0", "class1")

    def __init__(self, folder: Path) -> None:
        self.found = files_of(folder)

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        label, path = self.found[row]
        return torch.from_numpy(np.asarray(Image.open(path)).copy()).permute(2, 0, 1), self.classes.index(label)


def as_dataset(folder: Path, out: Path) -> Any:
    return library.from_dataset(Pairs(folder))


def trained(data: Any, out: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    library.train(data, Recipe(strategy="head", image_size=64), out)
    return json.loads((out / "data.json").read_text()), load_file(out / "model" / "model.safetensors")


WAYS = [as_zip, as_tar, as_table, as_parquet, as_shards, as_saved_dataset, as_arrays, as_dataset]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("way", WAYS)
def test_every_way_gives_one_fingerprint_and_one_head(folder: Path, tmp_path: Path, way: Callable[..., Any]) -> None:
    here, head = trained(folder, tmp_path / "run")
    there, other = trained(way(folder, tmp_path), tmp_path / "other")
    if way not in {as_arrays, as_dataset}:
        assert there["fingerprint"] == here["fingerprint"]
    assert there["pixel_fingerprint"] == here["pixel_fingerprint"]
    assert head.keys() == other.keys()
    for name, value in head.items():
        torch.testing.assert_close(other[name], value, rtol=0, atol=0)


def test_arrays_that_do_not_fit_are_refused() -> None:
    images = np.zeros((4, 8, 8, 3), np.uint8)
    with pytest.raises(DataError, match="4 images and 3 labels"):
        library.from_arrays(images, [0, 1, 0])
    with pytest.raises(DataError, match="no id"):
        library.from_arrays(images, [0, 1, 2, 0], classes=["a", "b"])
    with pytest.raises(DataError, match="image 2 has the split 'x'"):
        library.from_arrays(images, [0, 1, 1, 0], splits=["train", "train", "x", "test"])


def test_evaluate_knows_the_images_that_trained_the_run(regraft: Regraft, folder: Path, tmp_path: Path) -> None:
    assert regraft("train", folder, "--strategy", "head", "--out", tmp_path / "run", "--quiet")[0] == 0
    code, out, err = regraft("evaluate", tmp_path / "run", folder, "--json", "--quiet")
    assert code == 0, err
    assert json.loads(out)["trained_on"] | {"accuracy_on_the_others": 0} == {
        "images": 16,
        "of": 20,
        "accuracy_on_the_others": 0,
    }


@pytest.mark.slow
def test_images_that_were_only_reported_on_did_not_train(regraft: Regraft, make_folder: Make, tmp_path: Path) -> None:
    root = make_folder("parts", each=8, parts=("train", "val"))
    assert regraft("train", root, "--strategy", "head", "--out", tmp_path / "run", "--quiet")[0] == 0
    code, out, err = regraft("evaluate", tmp_path / "run", root, "--json", "--quiet")
    assert code == 0, err
    assert json.loads(out)["trained_on"]["images"] == 0


def patients(folder: Path) -> Iterator[str]:
    """The rows of a table with two images a patient."""
    for label, path in files_of(folder):
        yield f"{path.relative_to(folder.parent)},{label},{label}-{int(path.stem) // 2}"


@pytest.mark.parametrize("by", ["column", "pattern"])
def test_groups_stay_in_one_part(regraft: Regraft, folder: Path, tmp_path: Path, by: str) -> None:
    if by == "column":
        data, option = tmp_path / "t.csv", "patient"
        data.write_text("\n".join(["image,label,patient", *patients(folder)]))
    else:
        data, option = folder, r"(class\d/00\d?)"
        for path in sorted(folder.rglob("*.png")):
            path.rename(path.with_name(f"00{int(path.stem) // 2}-{int(path.stem) % 2}.png"))
    out = tmp_path / "run"
    code, _, err = regraft("train", data, "--group-by", option, "--strategy", "head", "--out", out, "--quiet")
    assert code == 0, err
    parts: dict[str, set[str]] = {}
    for file in json.loads((out / "data.json").read_text())["files"]:
        parts.setdefault(file["group"], set()).add(file["split"])
    assert len(parts) == 10
    assert all(len(splits) == 1 for splits in parts.values())
    assert {"train"} in parts.values()
    assert {"test"} in parts.values()


def test_a_group_that_is_nowhere_is_refused(regraft: Regraft, folder: Path) -> None:
    for pattern, word in (("nowhere", "matches no path"), ("(", "no regular expression")):
        code, _, err = regraft("plan", folder, "--group-by", pattern, "--quiet")
        assert code == 2
        assert word in err


def test_one_group_to_a_class_is_refused(regraft: Regraft, folder: Path) -> None:
    code, _, err = regraft("plan", folder, "--group-by", r"class\d", "--quiet")
    assert code == 2
    assert "two groups" in err
