"""What the page starts: uploads, plans and trainings, and what it refuses to start."""

import time
from pathlib import Path
from typing import Any

import pytest
from pages import BASE, encoded, stripes, until_ended, zipped
from starlette.testclient import TestClient

from regraft.server.app import create_app
from regraft.server.settings import Settings


@pytest.fixture
def run(striped: Path) -> Path:
    return striped / "runs" / "stripes-1"


@pytest.fixture
def data(striped: Path) -> Path:
    return striped / "root" / "stripes"


def test_uploads(client: TestClient, data: Path, tmp_path: Path) -> None:
    answer = client.post("/uploads?name=../my stripes.zip", content=zipped(data))
    assert answer.status_code == 201
    upload = answer.json()
    assert (upload["name"], upload["files"]) == ("my-stripes.zip", 24)
    assert client.get("/data").json()["uploads"] == [upload]
    for content, says in ((b"no zip", "no zip archive"), (b"", "no zip archive")):
        refused = client.post("/uploads?name=x.zip", content=content)
        assert refused.status_code == 422
        assert says in refused.json()["error"]
    assert client.delete(f"/uploads/{upload['key']}").status_code == 200
    assert client.delete(f"/uploads/{upload['key']}").status_code == 404
    assert client.delete("/uploads/%2e%2e").status_code == 404
    assert not list((tmp_path / "store" / "uploads").iterdir())


def test_another_sites_page_starts_nothing(client: TestClient) -> None:
    headers = {"Origin": "http://evil.example"}
    assert client.post("/jobs", json={}, headers=headers).status_code == 403
    assert client.post("/uploads", content=b"", headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("values", "status", "says"),
    [
        ({}, 422, '"verb" is no job'),
        ({"verb": "predict"}, 422, '"verb" is no job'),
        ({"verb": "plan"}, 422, '"data" is missing'),
        ({"verb": "plan", "data": "/etc"}, 404, "not here any more"),
        ({"verb": "plan", "data": "folder:../.."}, 404, "no such folder"),
        ({"verb": "plan", "data": "upload:../.."}, 404, "not here any more"),
        ({"verb": "plan", "data": "HERE", "options": []}, 422, '"options" has others'),
        ({"verb": "plan", "data": "HERE", "options": {"out": "/etc"}}, 422, '"options" has others'),
        ({"verb": "plan", "data": "HERE", "options": {"image_size": 3}}, 422, "--image-size is 3"),
        ({"verb": "plan", "data": "HERE", "options": {"image_size": "64"}}, 422, "image size cannot be '64'"),
        ({"verb": "plan", "data": "HERE", "options": {"strategy": "--help"}}, 422, "--strategy is '--help'"),
        ({"verb": "train", "data": "HERE", "options": {"time_limit": "soon"}}, 422, "soon"),
        ({"verb": "train", "data": "HERE", "options": {"fast": "yes"}}, 422, "fast cannot be 'yes'"),
    ],
)
def test_what_cannot_be_asked_for(client: TestClient, values: dict[str, Any], status: int, says: str) -> None:
    if values.get("data") == "HERE":
        values = values | {"data": client.get("/data").json()["entries"][0]["id"]}
    answer = client.post("/jobs", json=values)
    assert answer.status_code == status
    assert says in answer.json()["error"]
    for content in (b"{", b"[]", b"\xff"):
        assert 400 <= client.post("/jobs", content=content).status_code < 500


def test_there_is_no_such_job(client: TestClient) -> None:
    for place in ("/jobs/x", "/jobs/x/events", "/jobs/x/plan", "/jobs/%2e%2e"):
        assert client.get(place).status_code == 404
    for what in ("stop", "resume"):
        assert client.post(f"/jobs/x/{what}").status_code == 404
    for place in ("/jobs/x", "/nothing"):
        shown = client.get(place, headers={"Accept": "text/html"})
        assert shown.status_code == 404
        assert "<h1>This cannot be shown</h1>" in shown.text
        assert "error" in client.get(place).json()


@pytest.mark.slow
def test_a_zip_is_planned_trained_and_served(client: TestClient, data: Path, tmp_path: Path) -> None:
    """The whole way, with processes of the command line."""
    upload = client.post("/uploads?name=pets.zip", content=zipped(data)).json()
    options = {"image_size": 64, "fast": True}
    planned = client.post("/jobs", json={"verb": "plan", "data": upload["id"], "options": options})
    assert planned.status_code == 201
    assert client.delete(f"/uploads/{upload['key']}").status_code == 409  # it is in use
    job = planned.json()["id"]
    ended = until_ended(client, job)
    assert (ended["state"], ended["planned"]) == ("done", True)
    assert "--json" not in ended["command"]
    plan = client.get(f"/jobs/{job}/plan").text
    assert "similar" in plan
    assert plan.count("<svg") == 2
    assert " style=" not in plan
    assert "Plan of pets.zip" in client.get(f"/jobs/{job}").text
    trained = client.post("/jobs", json={"verb": "train", "data": upload["id"], "options": options}).json()["id"]
    ended = until_ended(client, trained)
    assert ended["state"] == "done", ended
    assert ended["figure"].startswith("Accuracy ")
    until = time.monotonic() + 10
    while "pets-1" not in client.get("/runs").text:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert (tmp_path / "runs" / "pets-1" / "report.html").is_file()
    answer = client.post("/models/pets-1/answer", content=encoded(stripes(0, 95))).json()
    assert answer["class"] == "class0"
    assert client.get(f"/jobs/{trained}/plan").status_code == 404
    assert client.post(f"/jobs/{trained}/resume").status_code == 409
    assert until_ended(client, trained)["run"] == "pets-1"
    text = client.get("/train").text
    assert text.index("Training on pets.zip") < text.index("Plan of pets.zip")


def test_another_server_shows_what_was_trained(client: TestClient, data: Path, tmp_path: Path) -> None:
    upload = client.post("/uploads?name=pets.zip", content=zipped(data)).json()
    asked = {"verb": "train", "data": upload["id"], "options": {"image_size": 64, "fast": True}}
    job = client.post("/jobs", json=asked).json()["id"]
    until_ended(client, job)
    client.app.state.service.close()  # type: ignore[attr-defined]
    with TestClient(create_app(Settings(store=tmp_path / "store")), base_url=BASE) as other:
        assert "Training on pets.zip" in other.get("/train").text
        assert until_ended(other, job)["run"] == "pets-1"
        assert other.get("/models/pets-1/report").status_code == 200
