"""Damaged files for every reader, and some for the commands; `python -m tests.faults.fuzz` makes thousands."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from stores import fill, shards

from regraft.data.readers.json_lines import json_rows
from regraft.errors import BackboneError, RegraftError
from regraft.features.known_files import read_part, write_part
from regraft.features.shard import Damaged, open_shard
from regraft.features.store import open_store
from regraft.network.config import read_config
from regraft.network.demonstration import build
from regraft.network.description import keep_description, read_description
from regraft.network.load import embedded
from regraft.network.saved_state import read_state, write_state
from regraft.recipe import Recipe, read_recipe
from regraft.similarity import statistics
from regraft.similarity.statistics import Moments, Statistics, find_statistics
from regraft.strict_json import Malformed
from tests.faults.bed import make_bed
from tests.faults.fuzz import fuzz
from tests.faults.kinds import KINDS
from tests.faults.mutations import mutations_of

EACH = 60  # damaged files a reader
FORMER = Path(__file__).parent.parent / "former" / "run-format-1"
REFUSALS = (RegraftError, Malformed, Damaged, OSError)


def damaged_versions(path: Path, seed: int) -> Any:
    """The file with one thing damaged after another; it is whole again in the end."""
    whole, draw = path.read_bytes(), Random(seed)
    for _ in range(EACH):
        changed = draw.choice(mutations_of(path.name))(whole, draw)
        if changed != whole:
            path.write_bytes(changed)
            yield changed
    path.write_bytes(whole)


def check_reader(path: Path, read: Callable[[], Any], refusals: tuple[type[Exception], ...], seed: int = 0) -> None:
    """Damaged it is refused, or says what it said."""
    expected, refused = read(), 0
    for changed in damaged_versions(path, seed):
        try:
            found = read()
        except refusals:
            refused += 1
            continue
        refused += found is None or found == []
        assert found in (expected, None, []), changed[:300]
    assert refused > EACH // 2


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", ["index.json", "seal.json", "checksums.bin", "a.bin"])
def test_a_damaged_shard_is_never_taken_for_a_whole_one(name: str) -> None:
    fill(open_store("k"), range(9))
    (folder,) = shards()

    def read() -> Any:
        shard = open_shard(folder)
        shard.check()
        rows = [shard.read(array, np.arange(9)).tobytes() for array in shard.index.arrays]
        return rows, [shard.look(place) for place in range(9)]

    check_reader(folder / name, read, (Damaged,))


def test_a_damaged_index_of_files_is_forgotten() -> None:
    rows = sorted(Random(0).randbytes(32) for _ in range(20))
    path = write_part(rows)

    def read() -> Any:
        data = path.read_bytes()
        found = read_part(path)
        path.write_bytes(data)
        return found

    check_reader(path, read, ())


def test_a_damaged_description_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    keep_description(path, embedded().description, None)
    check_reader(path, lambda: read_description(path), ())
    other = path.with_name("b.json")
    path.rename(other)
    assert read_description(other) is None  # it is another network's


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    from safetensors import SafetensorError

    path = tmp_path / "model.safetensors"
    write_state(path, {f"body.{name}": value.numpy() for name, value in build().state_dict().items()})

    def read() -> Any:
        return {name: value.tobytes() for name, value in read_state(path, {}).body.items()}

    for seed in range(3):
        check_reader(path, read, (SafetensorError, Malformed, TypeError), seed)


def test_damaged_statistics_are_refused() -> None:
    path = statistics.path_of("network")
    Statistics({("a", None): Moments(np.zeros(9), np.ones(9)), ("b", 8): Moments(np.ones(7), np.ones(7))}, 9, 32).write(
        path
    )

    def read() -> Any:
        found = find_statistics("network")
        return found and {name: value.tobytes() for name, value in found.tensors().items()}

    check_reader(path, read, (RegraftError,))


def test_a_damaged_config_is_refused_or_says_the_same(tmp_path: Path) -> None:
    from regraft.network.config import Config, HeadShape, write_config

    path, own = tmp_path / "config.json", embedded()
    config = Config(3, "head", own.architecture, ("bn2",), "average", 128, HeadShape(1, 9, 2), own.preprocessing, {})
    write_config(path, ["a", "b"], config, {})
    for seed in range(3):
        check_reader(path, lambda: read_config(path), (Malformed, BackboneError), seed)


@pytest.mark.parametrize("name", ["recipe.json", "data.json", "model/config.json"])
def test_what_has_no_checksum_is_read_or_refused(name: str, tmp_path: Path) -> None:
    from regraft.runs.seen import images_of

    path = tmp_path / "data.json" if name == "data.json" else tmp_path / Path(name).name
    path.write_bytes((FORMER / name).read_bytes())
    read: dict[str, Callable[[], Any]] = {
        "recipe.json": lambda: read_recipe(path), "data.json": lambda: images_of(tmp_path),
        "model/config.json": lambda: read_config(path),
    }  # fmt: skip
    for _ in damaged_versions(path, 1):
        try:
            read[name]()
        except (RegraftError, Malformed):
            continue


def test_lines_of_json_are_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.jsonl"
    path.write_text("\n".join(f'{{"image": "{number}.png", "label": "a"}}' for number in range(9)))
    for _ in damaged_versions(path, 0):
        try:
            assert all(isinstance(row, dict) for row in json_rows(path))
        except RegraftError:
            continue


def test_a_recipe_whose_settings_have_odd_names(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    for text, said in (
        ('{"self": 1}', "no setting 'self'"),
        ('{"head": {"self": 1}}', "no setting 'self'"),
        (f'{{"{"x" * 10**5}": 1}}', "no setting 'xxx"),
        ('{"cuts": [["a"], "b"]}', "a list of names"),
        ('{"epochs": 1e400}', "must be of kind int"),
        ('{"learning_rate": 1e400}', "must be 1e-12 or more, and below"),
        ('{"learning_rate": NaN}', "NaN is no number"),
        ('{"seed": 1, "seed": 2}', "there twice"),
        ('{"checkpoint_name": "{epoch:99999999999d}"}', "makes no file name"),
        ("[" * 100_000, "brackets"),
    ):
        path.write_text(text)
        with pytest.raises(RegraftError, match=said):
            read_recipe(path)


@pytest.mark.parametrize(
    "name",
    ["{epoch:99999999999d}", "{epoch:999999999d}", "{epoch:>9999999}", "{value:.999999999f}", "{epoch.__class__}",
     "{epoch!r}", "{metric[0]}", "{0}", "{}", "{other}", "{epoch:{epoch}}", "{", "a" * 200],
)  # fmt: skip
def test_names_of_checkpoints_cost_nothing(name: str) -> None:
    with pytest.raises(RegraftError, match="makes no file name"):
        Recipe(checkpoint_name=name)


@pytest.mark.parametrize(
    "name", ["best-{epoch:03d}-{metric}{value:.3f}", "{epoch}", "{value:8.2f}x".replace("8", "0"), "fixed"]
)
def test_usual_names_of_checkpoints_are_taken(name: str) -> None:
    assert Recipe(checkpoint_name=name).stopping.checkpoint_name == name


@pytest.mark.parametrize("text", ["[" * 5000, "3", "null", "[1]", '{"a": ' + "9" * 5000 + "}"])
def test_a_table_beside_images_that_is_none(text: str, tmp_path: Path, regraft: Any) -> None:
    from conftest import picture

    for number in range(3):
        picture(0, number).save(tmp_path / f"{number}.png")
    (tmp_path / "metadata.jsonl").write_text(text)
    code, out, err = regraft("scan", tmp_path)
    assert (code, out, len(err.splitlines())) == (2, "", 1), err


def test_a_saved_data_set_with_a_label_that_is_none(tmp_path: Path, regraft: Any) -> None:
    datasets = pytest.importorskip("datasets")
    from odd import PNG

    datasets.disable_progress_bars()
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b"])})
    rows = {"image": [{"bytes": PNG}] * 9, "label": [0, 1, 1] * 3}
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(str(tmp_path / "set"))
    (path,) = (tmp_path / "set").glob("*.arrow")
    data = path.read_bytes()
    labels = np.array(rows["label"], np.int64).tobytes()
    assert data.count(labels) == 1
    path.write_bytes(data.replace(labels, np.array([7, *rows["label"][1:]], np.int64).tobytes()))
    code, out, err = regraft("scan", tmp_path / "set")
    assert (code, out, len(err.splitlines())) == (2, "", 1), err
    assert "is damaged" in err


def test_a_shard_of_another_store_is_not_taken() -> None:
    fill(open_store("one"), range(5))
    fill(open_store("other"), range(5, 9))
    (shard,) = shards("one")
    shard.rename(shards("other")[0].parent / shard.name)
    assert sorted(int(content, 16) for content in open_store("other").rows) == [5, 6, 7, 8]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="a command is ended by an alarm")
def test_commands_say_what_is_damaged_or_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    bed = tmp_path / "bed"
    monkeypatch.setenv("REGRAFT_CACHE", str(bed / "cache"))
    make_bed(bed)
    table = fuzz(bed, len(KINDS), seed=int(os.environ.get("REGRAFT_FUZZ_SEED", "0")), seconds=120)
    assert not table.wrong, "\n".join(table.wrong)
