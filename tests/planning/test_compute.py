"""The frozen pass in parts gives what one pass gives, whoever computes them and however often they are killed."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forks import Forked
from safetensors.numpy import load_file

import regraft as library
from regraft import DataError, Recipe, RecipeError
from regraft.data.find import find_images
from regraft.features import store
from regraft.planning.compute import compute_features
from regraft.planning.pass_over import Part, part_from

Make = Callable[..., Path]
Regraft = Callable[..., tuple[int, str, str]]
SETTINGS = Recipe(backbone="demonstration", image_size=32, strategy="head")


def killed_half_way() -> None:
    """What a worker that gets killed does."""

    def progress(_stage: str, done: int, *_: object) -> None:
        if done >= 10:
            os._exit(9)  # as SIGKILL does: nothing is tidied up

    progress.say = lambda text: None  # type: ignore[attr-defined]
    store.SHARD_SECONDS = 0.0  # every batch is a shard
    recipe = Recipe(backbone="demonstration", image_size=32, batch_size=4, workers=1)
    compute_features(sys.argv[1], recipe, "1/2", progress)  # type: ignore[arg-type]


def head_of(data: Path, out: Path) -> tuple[dict[str, np.ndarray], Any]:
    run = library.train(data, SETTINGS, out, progress=False)
    return load_file(out / "model" / "model.safetensors"), run.as_dict()["images_through_backbone"]


def in_cache(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("REGRAFT_CACHE", str(folder))


def test_parts_cover_all_images_once_in_any_order(make_folder: Make) -> None:
    images = find_images(make_folder(each=11))
    parts = [Part(number, 4).rows(images) for number in range(1, 5)]
    assert sorted(np.concatenate(parts).tolist()) == list(range(22))
    assert [len(part) for part in parts] == [6, 6, 5, 5]
    turned = images.of(range(21, -1, -1))
    for number, rows in enumerate(parts, 1):
        names = {images.files[row].name for row in rows}
        assert {turned.files[row].name for row in Part(number, 4).rows(turned)} == names


@pytest.mark.parametrize("text", ["", "3", "0/4", "5/4", "a/b", "-1/4", "1/0", "1/4/2", "1.5/4"])
def test_what_is_no_part(text: str) -> None:
    with pytest.raises(RecipeError, match="write 3/64 for the third of sixty-four"):
        part_from(text)


def test_two_workers_give_the_features_and_the_head_of_one_pass(
    make_folder: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_folder(each=12)
    in_cache(tmp_path / "one", monkeypatch)
    expected, passed = head_of(data, tmp_path / "run")
    assert passed == 24
    whole = library.features_of(data, SETTINGS, progress=False)
    in_cache(tmp_path / "two", monkeypatch)
    done = [library.compute_features(data, SETTINGS, part, progress=False) for part in ("2/2", "1/2")]
    assert [(one.part, one.images, one.all_images, one.passed) for one in done] == [
        ("2/2", 12, 24, 12),
        ("1/2", 12, 24, 12),
    ]
    found, passed = head_of(data, tmp_path / "other")
    assert passed == 0
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)
    np.testing.assert_array_equal(library.features_of(data, SETTINGS, progress=False).X, whole.X)
    assert library.compute_features(data, SETTINGS, "1/2", progress=False).passed == 0


@pytest.mark.slow
def test_a_killed_worker_loses_the_shard_it_was_at(
    make_folder: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_folder(each=20)
    in_cache(tmp_path / "one", monkeypatch)
    expected, _ = head_of(data, tmp_path / "run")
    in_cache(tmp_path / "two", monkeypatch)
    code, _, said = Forked(data, what=killed_half_way).ended()
    assert code == 9, said
    again = library.compute_features(data, SETTINGS, "1/2", progress=False)
    assert 0 < again.passed < 20
    library.compute_features(data, SETTINGS, "2/2", progress=False)
    found, passed = head_of(data, tmp_path / "other")
    assert passed == 0
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


def test_what_would_hang_on_the_machine_or_is_empty(make_folder: Make) -> None:
    data = make_folder(each=6)
    with pytest.raises(RecipeError, match=r"here it would be \d+: give --image-size \d+, with train too"):
        library.compute_features(data, part="1/2", progress=False)
    with pytest.raises(DataError, match="part 13/13 has no image: there are 12; make fewer parts"):
        library.compute_features(data, SETTINGS, "13/13", progress=False)
    with pytest.raises(RecipeError, match="there is no engine 'spark'; there are here, ray"):
        library.compute_features(data, SETTINGS, engine="spark", progress=False)
    with pytest.raises(RecipeError, match="computes all parts by itself; leave --part out"):
        library.compute_features(data, SETTINGS, "1/2", engine="ray", progress=False)


def test_broken_images_are_counted(make_folder: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_cache(tmp_path / "cache", monkeypatch)
    data = make_folder(each=6)
    (data / "class0" / "000.png").write_bytes(b"broken")
    done = library.compute_features(data, SETTINGS, progress=False)
    assert (done.images, done.passed, done.unreadable) == (12, 11, 1)
    assert "1 cannot be read; `regraft scan` lists them." in str(done)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Ray's own
def test_ray_gives_the_same(make_folder: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason="ray is not installed")
    data = make_folder(each=12)
    in_cache(tmp_path / "one", monkeypatch)
    expected = library.features_of(data, SETTINGS, progress=False).X
    in_cache(tmp_path / "two", monkeypatch)
    seen: list[tuple[int, int]] = []

    def progress(stage: str, done: int, total: int, unit: str = "") -> None:
        seen.append((done, total))

    progress.say = print  # type: ignore[attr-defined]
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=80_000_000)
    try:
        done = library.compute_features(data, SETTINGS, engine="ray", progress=progress)
    finally:
        ray.shutdown()
    assert (done.images, done.passed, seen) == (24, 24, [(1, 4), (2, 4), (3, 4), (4, 4)])
    assert library.compute_features(data, SETTINGS, progress=False).passed == 0
    np.testing.assert_array_equal(library.features_of(data, SETTINGS, progress=False).X, expected)


def test_the_command(regraft: Regraft, make_folder: Make, tmp_path: Path) -> None:
    data, out = make_folder(each=6), tmp_path / "f" / "features.npz"
    code, printed, _ = regraft("features", data, "--backbone", "demonstration", "--part", "1/3", "--quiet")
    assert code == 0
    assert printed.startswith("Features of part 1/3: 4 of 12 images are in the cache. ")
    code, printed, _ = regraft("features", data, "--backbone", "demonstration", "--out", out, "--json", "--quiet")
    assert code == 0
    assert json.loads(printed)["out"] == str(out)
    with np.load(out) as arrays:
        assert arrays["X"].shape[0] == len(arrays["y"]) == len(arrays["paths"]) == 12
        assert arrays["classes"].tolist() == ["class0", "class1"]
    assert [path.name for path in out.parent.iterdir()] == ["features.npz"]
    for extra, line in (((), "exists already"), (("--part", "1/2"), "--out wants all images")):
        code, _, complaint = regraft("features", data, "--out", out, *extra)
        assert (code, len(complaint.strip().splitlines())) == (2, 1)
        assert line in complaint
