"""Runs by name: two of one name, none, damaged, deleted or changed under the server, which goes on."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from regraft.errors import RunError
from regraft.network.saved import MODEL
from regraft.server.app import create_app
from regraft.server.served import FRESH, Runs, finished_runs
from regraft.server.settings import Settings

LOCAL = "http://localhost"


@pytest.fixture
def run(served_run: Path, tmp_path: Path) -> Path:
    shutil.copytree(served_run, tmp_path / "own")
    return tmp_path / "own"


@pytest.fixture
def image(served_run: Path) -> bytes:
    return next((served_run.parent / "data" / "class0").iterdir()).read_bytes()


@pytest.fixture
def client(served_run: Path, run: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(runs=(served_run, run))), base_url=LOCAL) as client:
        yield client


def wait_a_moment() -> None:
    threading.Event().wait(2 * FRESH)


def test_several_runs_and_the_first_is_meant(client: TestClient, image: bytes) -> None:
    answers = [client.post(f"{path}/answer", content=image).json() for path in ("/models/stripes", "/models/own")]
    assert [one["model"] for one in answers] == ["stripes", "own"]
    assert client.post("/predict", content=image).json() == answers[0]["scores"]
    assert client.post("/models/x/predict", content=image).json()["error"].endswith("there are stripes, own")


def test_two_of_one_name_are_refused(run: Path, tmp_path: Path) -> None:
    other = shutil.copytree(run, tmp_path / "elsewhere" / "own")
    with pytest.raises(RunError, match="two runs are called 'own'"):
        Runs(Settings(runs=(run, other)))


def test_one_run_given_twice_is_refused(run: Path) -> None:
    with pytest.raises(RunError, match="named twice"):
        Runs(Settings(runs=(run, run)))


def test_a_run_is_called_as_its_folder_is(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "latest").symlink_to(run)
    (run / "inside").mkdir()
    assert [*Runs(Settings(runs=(tmp_path / "latest", run))).by_name] == ["latest", "own"]
    monkeypatch.chdir(run)
    assert [*Runs(Settings(runs=(Path(),))).by_name] == ["own"]
    assert [*Runs(Settings(runs=(Path("inside", ".."),))).by_name] == ["own"]


def test_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is no run folder"):
        Runs(Settings(runs=(tmp_path / "none",)))
    with pytest.raises(RunError, match="no finished run"):
        Runs(Settings(runs=(tmp_path,)))


def test_a_deleted_run_is_told_and_the_others_go_on(client: TestClient, run: Path, image: bytes) -> None:
    assert client.post("/models/own/predict", content=image).status_code == 200
    shutil.rmtree(run)
    wait_a_moment()
    for _ in range(2):
        answer = client.post("/models/own/predict", content=image)
        assert answer.status_code == 404
        assert "'own' was deleted" in answer.json()["error"]
    assert client.get("/v2/models/own/ready").status_code == 404
    assert client.post("/predict", content=image).status_code == 200


def test_a_run_that_was_deleted_before_it_was_loaded(client: TestClient, run: Path, image: bytes) -> None:
    (run / "model" / MODEL).unlink()
    wait_a_moment()
    assert client.post("/models/own/predict", content=image).status_code == 404


def test_a_changed_run_is_told(client: TestClient, run: Path, served_run: Path, image: bytes) -> None:
    assert client.post("/models/own/predict", content=image).status_code == 200
    shutil.rmtree(run)
    shutil.copytree(served_run, run, copy_function=shutil.copy)  # the same files, written anew
    wait_a_moment()
    answer = client.post("/models/own/predict", content=image)
    assert answer.status_code == 409
    assert "'own' was changed" in answer.json()["error"]


def test_a_damaged_run_is_told_in_the_words_of_the_command_line(served_run: Path, run: Path, image: bytes) -> None:
    (run / "model" / "config.json").write_text("{}")
    with TestClient(create_app(Settings(found=(served_run, run))), base_url=LOCAL) as client:
        answer = client.post("/models/own/predict", content=image)
        assert answer.status_code == 409
        assert "is damaged" in answer.json()["error"]
        assert client.post("/predict", content=image).status_code == 200


def test_a_run_takes_the_place_of_another(served_run: Path, run: Path, image: bytes) -> None:
    app = create_app(Settings(runs=(run,)))
    with TestClient(app, base_url=LOCAL) as client:
        assert client.post("/models/own/predict", content=image).status_code == 200
        shutil.rmtree(run)
        shutil.copytree(served_run, run, copy_function=shutil.copy)
        with pytest.raises(RunError):
            app.state.service.runs.add(run)
        app.state.service.runs.add(run, replace=True)
        assert client.post("/models/own/predict", content=image).status_code == 200


def test_without_runs(image: bytes) -> None:
    with TestClient(create_app(Settings()), base_url=LOCAL) as client:
        answer = client.post("/predict", content=image)
        assert answer.status_code == 404
        assert "no run is served yet" in answer.json()["error"]
        assert client.get("/").status_code == 200


def test_finished_runs_are_found(run: Path, tmp_path: Path) -> None:
    (tmp_path / "begun").mkdir()
    shutil.copytree(run, tmp_path / ".own.unfinished")
    assert finished_runs(tmp_path) == (run,)
    assert finished_runs(tmp_path / "none") == ()
