"""At how many pixels images go through the embedded network: by their size, their number and the machine."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from regraft.data.find import find_images
from regraft.data.images import ImageSet
from regraft.planning.image_size import usual_side, with_image_size
from regraft.planning.prepare import prepare
from regraft.recipe import Recipe


def images_of(folder: Path, *sides: int, each: int = 4) -> ImageSet:
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            side = sides[number % len(sides)]
            Image.fromarray(np.full((side, 2 * side, 3), 9 * number, np.uint8)).save(folder / name / f"{number}.png")
    return find_images(folder)


@pytest.mark.parametrize(("side", "size"), [(300, 224), (224, 224), (223, 160), (160, 160), (159, None), (28, None)])
def test_the_largest_size_that_the_images_fill(side: int, size: int | None, tmp_path: Path) -> None:
    images = images_of(tmp_path / "data", side)
    assert usual_side(images) == side
    assert with_image_size(Recipe(), images).network.image_size == size


def test_many_images_on_few_processors_take_a_smaller_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = images_of(tmp_path / "data", 300)
    sizes = []
    for processors, seconds in ((2, 60.0), (2, 0.08), (2, 0.01), (16, 0.08)):
        monkeypatch.setattr("os.cpu_count", lambda count=processors: count)
        monkeypatch.setattr("regraft.planning.image_size.PASS_SECONDS", seconds)
        sizes.append(with_image_size(Recipe(), images).network.image_size)
    assert sizes == [224, 160, None, 224]


def test_what_is_asked_for_and_other_networks_stay(tmp_path: Path) -> None:
    images = images_of(tmp_path / "data", 300)
    for recipe in (Recipe(image_size=96), Recipe(backbone="torchvision/resnet18")):
        assert with_image_size(recipe, images) == recipe


def test_half_of_the_images_decide_and_broken_ones_do_not(tmp_path: Path) -> None:
    images = images_of(tmp_path / "data", 300, 300, 300, 20)
    (tmp_path / "data" / "a" / "0.png").write_bytes(b"no image")
    assert usual_side(images) == 300


def test_the_plan_and_its_recipe_name_the_size(tmp_path: Path) -> None:
    images_of(tmp_path / "data", 240, each=5)
    job = prepare(tmp_path / "data", Recipe())
    assert (job.recipe.network.image_size, job.planned_recipe().network.image_size) == (224, 224)
    assert job.backbone.preprocessing.size == 224
    assert any("224 pixels" in detail for detail in job.plan.details)
