"""The page of doubtful labels: what it asks for, and what it may not."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import picture

pytest.importorskip("fastapi", reason="regraft[serve] is not installed")

from PIL import Image
from starlette.testclient import TestClient

from regraft import Recipe, train
from regraft.server.app import create_app
from regraft.server.settings import Settings

BASE = "/review/run"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("review-page")
    for kind in range(3):
        (place / "data" / f"class{kind}").mkdir(parents=True)
    for kind in range(3):
        for i in range(20):
            folder = "class2" if kind == 0 and i < 3 else f"class{kind}"
            picture(kind, i, 60).save(place / "data" / folder / f"{kind}-{i:02d}.png")
    return train(place / "data", Recipe(image_size=64, strategy="head"), place / "run", progress=False).folder


@pytest.fixture
def client(run: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(runs=(run,))), base_url="http://127.0.0.1") as made:
        yield made
    (run.parent / "data" / "corrections.csv").unlink(missing_ok=True)


def test_items_pictures_and_neighbours(client: TestClient) -> None:
    page = client.get(BASE)
    assert page.status_code == 200
    assert "/static/review.js" in page.text
    for name in ("review.js", "review.css"):
        assert client.get(f"/static/{name}").status_code == 200
    told = client.get(f"{BASE}/items").json()
    assert told["classes"] == ["class0", "class1", "class2"]
    assert {item["path"] for item in told["items"][:3]} == {f"class2/0-{i:02d}.png" for i in range(3)}
    assert told["items"][0]["decision"] is None
    assert told["command"].startswith("regraft train ")
    assert told["quick"]
    picture_of = client.get(f"{BASE}/image/0")
    assert picture_of.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(picture_of.content)).size == (60, 60)
    near = client.get(f"{BASE}/near/0").json()["images"]
    assert len(near) >= 3
    assert client.get(f"{BASE}/near/0/2").status_code == 200


def test_decisions_are_on_disk_at_once_and_survive(client: TestClient, run: Path) -> None:
    table = run.parent / "data" / "corrections.csv"

    def on_disk() -> dict[str, str]:
        with table.open(newline="") as file:
            return {row["path"]: row["action"] for row in csv.DictReader(file)}

    items = client.get(f"{BASE}/items").json()["items"]
    said = client.post(f"{BASE}/decide", json={"place": 0, "action": "relabel", "label": "class0"}).json()
    assert said == {"place": 0, "decision": {"action": "relabel", "label": "class0"}}
    assert on_disk() == {items[0]["path"]: "relabel"}
    client.post(f"{BASE}/decide", json={"place": 1, "action": "leave out"})
    client.post(f"{BASE}/decide", json={"place": 2, "action": "keep"})
    assert client.post(f"{BASE}/undo", json={"place": 1}).json()["decision"] is None
    assert list(on_disk().values()) == ["relabel", "keep"]
    again = client.get(f"{BASE}/items").json()["items"]
    assert [item["decision"] and item["decision"]["action"] for item in again[:3]] == ["relabel", None, "keep"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("decide", {"place": 9_999, "action": "keep"}, 404),
        ("decide", {"place": -1, "action": "keep"}, 422),
        ("decide", {"place": "0", "action": "keep"}, 422),
        ("decide", {"place": 0, "action": "delete"}, 422),
        ("decide", {"place": 0, "action": "relabel", "label": "nothing"}, 409),
        ("decide", {"place": 0, "action": "relabel", "label": "x" * 501}, 422),
        ("decide", {"place": 0, "action": "keep", "path": "../../etc/passwd"}, 422),
        ("decide", [1, 2], 422),
        ("undo", {}, 422),
        ("undo", {"place": 1 << 70}, 404),
    ],
)
def test_what_cannot_be_done(client: TestClient, run: Path, path: str, body: object, status: int) -> None:
    answer = client.post(f"{BASE}/{path}", json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]
    assert not (run.parent / "data" / "corrections.csv").exists()


def test_bodies_that_are_none_and_nothing_to_train_on(client: TestClient) -> None:
    for body in (b"", b"{", b"\xff\xfe", b'{"place": NaN}', b"null"):
        assert client.post(f"{BASE}/decide", content=body).status_code in {400, 422}
    answer = client.post(f"{BASE}/retrain")
    assert (answer.status_code, "nothing is decided yet" in answer.json()["error"]) == (409, True)
    chosen = client.get("/review", follow_redirects=False)
    assert (chosen.status_code, chosen.headers["location"]) == (307, BASE)


def test_addresses_that_are_none(client: TestClient) -> None:
    for path in ("/review/other", "/review/other/items", f"{BASE}/image/999", f"{BASE}/near/0/9", f"{BASE}/near/-1/0"):
        assert client.get(path).status_code == 404
    assert client.get(f"{BASE}/image/..%2F..%2Fetc").status_code in {404, 422}
    refused = client.post(f"{BASE}/decide", json={"place": 0, "action": "keep"}, headers={"Origin": "http://evil.test"})
    assert refused.status_code == 403
