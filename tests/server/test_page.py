"""The page's routes: what each view shows and answers, and what it refuses."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from pages import BASE, encoded, stripes
from PIL import Image
from starlette.testclient import TestClient

from regraft.server.app import create_app
from regraft.server.settings import Settings


@pytest.fixture
def run(striped: Path) -> Path:
    return striped / "runs" / "stripes-1"


@pytest.fixture
def data(striped: Path) -> Path:
    return striped / "root" / "stripes"


@pytest.mark.parametrize("place", ["/", "/thresholds", "/runs", "/train"])
def test_every_view_is_a_page_without_anything_inline(client: TestClient, place: str) -> None:
    answer = client.get(place)
    assert answer.status_code == 200
    assert "stripes-1" in answer.text or place == "/train"
    assert ' aria-current="page"' in answer.text
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    for forbidden in ("<style", " style=", "onclick=", "http://", "https://", "<script>"):
        assert forbidden not in answer.text


def test_without_a_run_the_pages_say_what_to_do(tmp_path: Path) -> None:
    with TestClient(create_app(Settings(store=tmp_path)), base_url=BASE) as client:
        for place in ("/", "/thresholds", "/runs"):
            assert "No run is served yet" in client.get(place).text
        assert "--data-root DIR" in client.get("/train").text
        assert client.get("/data").json() == {"entries": [], "uploads": []}
    assert not list(tmp_path.iterdir())  # nothing is made before it is needed


def test_scripts_and_styles_are_the_servers_own() -> None:
    static = Path(create_app.__code__.co_filename).parent / "static"
    for path in static.iterdir():
        text = path.read_text()
        assert "//" not in text.replace("http://www.w3.org/2000/svg", "").replace("// ", ""), path
        assert "innerHTML" not in text, path


def test_an_answer_names_its_neighbours_by_places_that_can_be_seen(client: TestClient) -> None:
    answer = client.post("/models/stripes-1/answer", content=encoded(stripes(1, 90))).json()
    assert (answer["class"], answer["class_number"], answer["known"]) == ("class1", 1, True)
    assert len(answer["neighbour_images"]) == len(answer["neighbours"]) == 3
    for place in answer["neighbour_images"]:
        picture = client.get(f"/models/stripes-1/training-images/{place}")
        assert picture.headers["content-type"] == "image/jpeg"
        assert Image.open(io.BytesIO(picture.content)).size == (40, 40)
    for place, status in (("-1", 404), ("100000", 404), ("../../etc/passwd", 404), ("x", 422)):
        assert client.get(f"/models/stripes-1/training-images/{place}").status_code == status
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    assert client.post("/models/stripes-1/answer", content=encoded(Image.fromarray(noise))).json()["known"] is False


def test_training_images_that_have_gone(run: Path, data: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(run, moved)
    seen = json.loads((moved / "data.json").read_text())
    (moved / "data.json").write_text(json.dumps(seen | {"root": str(tmp_path / "gone")}))
    with TestClient(create_app(Settings(runs=(moved,), store=tmp_path)), base_url=BASE) as client:
        answer = client.get("/models/moved/training-images/0")
        assert answer.status_code == 404
        assert "not where they were" in answer.json()["error"]
        told = client.post("/models/moved/answer", content=encoded(stripes(1, 90))).json()
        assert told["neighbour_images"] == [None] * 3


def test_a_heat_map_says_whether_it_can_be_trusted(client: TestClient) -> None:
    image = encoded(stripes(0, 91))
    answer = client.post("/models/stripes-1/heat-map?class=0", content=image).json()
    assert answer["class"] == "class0"
    assert answer["picture"].startswith("data:image/jpeg;base64,")
    assert "controls" in answer["says"]
    assert answer["warning"] is None or "do not read it as the reason" in answer["warning"]
    for query, content, status in (("?class=2", image, 422), ("", image, 422), ("?class=0", b"no image", 422)):
        refused = client.post(f"/models/stripes-1/heat-map{query}", content=content)
        assert (refused.status_code, "error" in refused.json()) == (status, True)


def test_thresholds_are_the_command_lines(client: TestClient, run: Path) -> None:
    from regraft.evaluation.deciding import Wanted

    about = client.get("/models/stripes-1/thresholds").json()
    assert [one["name"] for one in about["classes"]] == ["class0", "class1"]
    assert about["images"] == sum(one["images"] for one in about["classes"])
    own = client.get("/models/stripes-1/thresholds/1").json()
    assert own["scores"] == sorted(own["scores"], reverse=True)
    assert sum(own["right"]) == about["classes"][1]["images"]
    found = sum(own["right"]) - 2  # as a slider somewhere gives
    place = [place for place, right in enumerate(own["right"]) if right][found - 1]
    share = int(found / sum(own["right"]) * 1e6 + 1e-6) / 1e6  # as the page writes it
    rule, (expected,) = Wanted(at_recall=[f"class1={share}"]).rule(("class0", "class1"), run)
    assert rule
    assert rule.thresholds[1] == own["scores"][place]
    assert expected.found == found
    most = client.get("/models/stripes-1/thresholds/any").json()
    assert len(most["scores"]) == about["images"]
    for place_text in ("2", "-1", "all", "9" * 30):
        assert client.get(f"/models/stripes-1/thresholds/{place_text}").status_code == 404


def test_a_run_without_held_out_images_says_so(run: Path, tmp_path: Path) -> None:
    older = tmp_path / "older"
    shutil.copytree(run, older)
    (older / "held_out.safetensors").unlink()
    with TestClient(create_app(Settings(runs=(older,), store=tmp_path)), base_url=BASE) as client:
        answer = client.get("/models/older/thresholds").json()
        assert answer["images"] == 0
        assert "keeps no held-out probabilities" in answer["says"]
        assert client.get("/models/older/thresholds/0").status_code == 404
        (older / "held_out.safetensors").write_bytes(b"damaged")
        assert client.get("/models/older/thresholds").status_code == 409


def test_runs_side_by_side(client: TestClient, run: Path) -> None:
    text = client.get("/runs").text
    metrics = json.loads((run / "metrics.json").read_text())
    assert f"{metrics['accuracy']:.1%}" in text
    for shown in ("small, ", "accuracy", "/models/stripes-1/report"):
        assert shown in text
    assert metrics["seconds"]["total"] > 0


def test_a_report_may_do_nothing_but_be_looked_at(client: TestClient) -> None:
    answer = client.get("/models/stripes-1/report")
    assert answer.status_code == 200
    assert "<script" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox")
    assert "default-src 'none'" in policy
    assert "allow-scripts" not in policy
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"


def test_a_run_that_was_deleted_is_said(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    with TestClient(create_app(Settings(runs=(copy,), store=tmp_path / "store")), base_url=BASE) as client:
        shutil.rmtree(copy)
        assert "was deleted" in client.get("/runs").text
        for place in ("thresholds", "thresholds/0", "report", "training-images/0"):
            assert client.get(f"/models/copy/{place}").status_code == 404
        assert client.get("/").status_code == 200


def test_folders_are_chosen_by_ids(client: TestClient, data: Path) -> None:
    (top,) = client.get("/data").json()["entries"]
    inside = client.get(f"/data/{top['key']}").json()["entries"]
    assert [entry["name"] for entry in inside] == ["stripes"]
    assert str(data) not in json.dumps([top, inside])  # no path goes out
    for name in ("%2e%2e", "0" * 16, "%2e%2e%2fetc", "etc"):
        assert client.get(f"/data/{name}").status_code == 404
