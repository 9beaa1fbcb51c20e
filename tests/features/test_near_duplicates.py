"""Copies across the split: pictures and scenes, however many there are."""

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scenes import scene

from regraft.data.content import Given
from regraft.data.images import ImageFile, ImageSet
from regraft.features import near_duplicates
from regraft.features.near_duplicates import SAME_PICTURE, SAME_SCENE, NearDuplicate, best_of
from regraft.features.neighbours import nearest_of
from regraft.planning.prepare import prepare
from regraft.recipe import Recipe

Regraft = Callable[..., tuple[int, str, str]]
TRAIN, OWN = 24, 12


def encoded(image: Image.Image, quality: int = 90) -> bytes:
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=quality)
    return file.getvalue()


def given(images: Sequence[tuple[str, str, bytes]]) -> ImageSet:
    """(split, name, data) as images of two classes."""
    files = tuple(
        ImageFile(f"{split}/{name}", i % 2, split, Given(lambda data=data: data))
        for i, (split, name, data) in enumerate(images)
    )
    return ImageSet(Path("given"), ("a", "b"), files)


def first_frame(seed: int) -> Image.Image:
    return scene(seed).crop((0, 0, 200, 150))


COPIES: dict[str, Callable[[int], bytes]] = {
    "smaller": lambda seed: encoded(first_frame(seed).resize((150, 112)), 75),
    "mirrored": lambda seed: encoded(first_frame(seed).transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    "cropped": lambda seed: encoded(first_frame(seed).crop((10, 5, 190, 140))),
}


def with_copies(of: Callable[[int], bytes], copies: int) -> ImageSet:
    train = [("train", f"{seed}.jpg", encoded(first_frame(seed))) for seed in range(TRAIN)]
    own = [("test", f"own{seed}.jpg", encoded(first_frame(100 + seed))) for seed in range(OWN)]
    return given([*train, *own, *(("test", f"{seed}.jpg", of(seed)) for seed in range(copies))])


def found_in(images: ImageSet) -> tuple[NearDuplicate, ...]:
    """Those that are found; none of them wrong."""
    job = prepare(images, Recipe())
    names = [file.name for file in job.images.files]
    assert all(names[pair.row] == f"test/{names[pair.other].split('/')[1]}" for pair in job.near_duplicates)
    return job.near_duplicates


@pytest.mark.parametrize("kind", COPIES)
def test_the_same_pictures_are_found_however_many_they_are(kind: str) -> None:
    for copies in (4, TRAIN):
        found = found_in(with_copies(COPIES[kind], copies))
        assert len(found) >= 0.85 * copies  # blobs are no photographs: decisions/018-copies.md has the shares of those
        assert sum(pair.kind == SAME_PICTURE for pair in found) >= 0.9 * len(found)


@pytest.mark.parametrize("by", [3, 9])
def test_frames_of_a_scene_are_found(by: int) -> None:
    found = found_in(with_copies(lambda seed: encoded(scene(seed).crop((by, by, 200 + by, 150 + by))), TRAIN))
    assert len(found) >= 0.9 * TRAIN
    assert sum(pair.kind == SAME_SCENE for pair in found) >= (0.9 if by > 3 else 0.5) * len(found)


@pytest.mark.slow
def test_a_run_says_what_to_do_about_scenes(regraft: Regraft, tmp_path: Path) -> None:
    root = tmp_path / "data"
    for name, first in (("a", 0), ("b", 8)):
        (root / name).mkdir(parents=True)
        for seed in range(first, first + 8):
            for k in range(4):
                data = encoded(scene(seed).crop((6 * k, 6 * k, 200 + 6 * k, 150 + 6 * k)))
                (root / name / f"shooting{seed}_{k}.jpg").write_bytes(data)
    plain = ("train", root, "--strategy", "head", "--json", "--quiet")
    code, printed, err = regraft(*plain, "--out", tmp_path / "run")
    assert code == 0, err
    result = json.loads(printed)
    of = result["near_duplicates"]
    assert of["images"] >= of["same_scene"] >= 0.8 * of["of"]
    assert result["faults"]["same scene"] == of["same_scene"]
    option = r"shooting(\d+)"
    assert any(f"--group-by '{option}'" in note for note in result["notes"])
    assert "share the scene" in (tmp_path / "run" / "report.html").read_text()
    code, printed, err = regraft(*plain, "--out", tmp_path / "grouped", "--group-by", option)
    assert code == 0, err
    assert json.loads(printed)["near_duplicates"]["images"] == 0


def test_of_several_candidates_the_same_picture_counts() -> None:
    class Answers:
        def align(self, row: int, other: int) -> near_duplicates.Alignment | None:
            return {1: near_duplicates.Alignment(0.9, False), 2: near_duplicates.Alignment(0.8, True)}.get(other)

    pairs = [NearDuplicate(0, other, 0.1) for other in (3, 1, 2)]
    best = best_of(pairs, Answers(), 0.7)  # type: ignore[arg-type]
    assert best == NearDuplicate(0, 2, 0.1)
    best = best_of(pairs, Answers(), 0.85)  # type: ignore[arg-type]
    assert best == NearDuplicate(0, 1, 0.1, SAME_SCENE)
    assert best_of(pairs, Answers(), 0.95) is None  # type: ignore[arg-type]


def test_rounds_go_on_while_copies_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_duplicates, "ROUND", 5)
    assert len(found_in(with_copies(COPIES["smaller"], TRAIN))) >= 0.85 * TRAIN


def test_blocks_and_screening_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from regraft.features import neighbours

    job = prepare(with_copies(COPIES["smaller"], TRAIN), Recipe())
    rows, others, cut = job.split.test, np.sort(job.split.train), job.features.cuts[-1]
    ids, distances = nearest_of(job.features, cut, rows, others)
    assert distances.shape == ids.shape == (len(rows),)
    monkeypatch.setattr(neighbours, "BLOCK", 7)
    in_blocks, near = nearest_of(job.features, cut, rows, others)
    assert (in_blocks == ids).all()
    np.testing.assert_allclose(near, distances, atol=1e-5)
    monkeypatch.setattr(neighbours, "AT_ONCE", 10)
    at_once, near = nearest_of(job.features, cut, rows, others)
    assert (at_once == ids).all()
    np.testing.assert_allclose(near, distances, atol=1e-5)
    monkeypatch.setattr(neighbours, "LARGE", 1)
    screened, near = nearest_of(job.features, cut, rows, others)
    assert (screened == ids).mean() > 0.5
    np.testing.assert_allclose(near[screened == ids], distances[screened == ids], atol=1e-5)
    assert (near >= distances - 1e-5).all()
