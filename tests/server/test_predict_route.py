"""POST /predict: every form that an image may come in, and the answer that `regraft predict` gives."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import picture
from PIL import Image
from starlette.testclient import TestClient

from regraft.server.app import create_app
from regraft.server.settings import Settings

LOCAL = "http://127.0.0.1:8000"
Regraft = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def client(served_run: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(runs=(served_run,))), base_url=LOCAL) as client:
        yield client


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


@pytest.fixture(scope="module")
def image() -> bytes:
    return encoded(picture(1, 500))


def test_answers_are_those_of_the_command_line(
    client: TestClient, served_run: Path, tmp_path: Path, regraft: Regraft
) -> None:
    images = {
        "photo.jpg": encoded(picture(0, 300, 300), "JPEG"),
        "small.png": encoded(picture(1, 301, 17)),
        "grey.png": encoded(picture(1, 302).convert("L")),
        "clear.png": encoded(picture(0, 303).convert("RGBA")),
        "deep.tif": encoded(Image.fromarray(np.arange(1600, dtype=np.uint16).reshape(40, 40) * 40), "TIFF"),
    }
    for name, data in images.items():
        (tmp_path / name).write_bytes(data)
    code, out, err = regraft("predict", served_run, *(tmp_path / name for name in images), "--json", "--neighbours")
    assert code == 0, err
    for row, data in zip(json.loads(out)["predictions"], images.values(), strict=True):
        answer = client.post("/predict", content=data)
        if row["error"]:
            assert answer.status_code == 422
            assert row["error"] in answer.json()["error"]
            continue
        assert answer.headers["x-regraft-known"] == row["known"]
        scores = {one["label"]: one["score"] for one in answer.json()}
        expected = {name: row[f"p({name})"] for name in ("class0", "class1")}
        assert scores == pytest.approx(expected, abs=2e-6)
        assert next(iter(scores)) == row["class"]
        full = client.post("/models/stripes/answer", content=data).json()
        assert full["known"] is (row["known"] == "yes")
        assert full["neighbours"] == [row[f"neighbour {place}"] for place in (1, 2, 3)]


def test_every_form_gives_the_same(client: TestClient, image: bytes) -> None:
    text = base64.b64encode(image).decode()
    answers = [
        client.post("/predict", content=image),
        client.post("/predict", content=image, headers={"Content-Type": "application/octet-stream"}),
        client.post("/predict", content=image, headers={"Content-Type": "image/jpeg"}),
        client.post("/predict", files={"file": ("a.png", image)}),
        client.post("/predict", files={"anything": ("a", image, "text/plain")}),
        client.post("/predict", json={"inputs": text}),
        client.post("/predict", json={"inputs": f"data:image/png;base64,{text}", "parameters": None}),
        client.post("/predict", json={"inputs": text, "parameters": {"function_to_apply": "softmax", "top_k": 50}}),
        client.post("/", content=image),
        client.post("/models/stripes", content=image),
        client.post("/models/stripes/predict", content=image),
    ]
    assert {answer.status_code for answer in answers} == {200}
    first, *others = (answer.json() for answer in answers)
    assert all(other == first for other in others)
    assert [one["score"] for one in first] == sorted((one["score"] for one in first), reverse=True)
    assert first[0]["label"] == "class1"


def test_top_k(client: TestClient, image: bytes) -> None:
    text = base64.b64encode(image).decode()
    assert len(client.post("/predict?top_k=1", content=image).json()) == 1
    assert len(client.post("/predict", files={"f": ("a.png", image)}, data={"top_k": "1"}).json()) == 1
    assert len(client.post("/predict", json={"inputs": text, "parameters": {"top_k": 1}}).json()) == 1
    for odd in ("0", "-1", "x", "", "1.5", "9" * 30, "\u0661"):
        assert client.post("/predict", params={"top_k": odd}, content=image).status_code == 422
    for odd in (0, True, 1.5, [], {}, "x"):
        assert client.post("/predict", json={"inputs": text, "parameters": {"top_k": odd}}).status_code == 422


def test_no_image_is_refused_in_the_words_of_the_command_line(
    client: TestClient, served_run: Path, image: bytes, tmp_path: Path, regraft: Regraft
) -> None:
    for name, data in {"cut.png": image[: len(image) // 2], "text.png": b"hello", "empty.png": b""}.items():
        (tmp_path / name).write_bytes(data)
        code, _, err = regraft("predict", served_run, tmp_path / name)
        reason = err.partition(f"{name}: ")[2].partition(")")[0]
        assert code == 2
        answer = client.post("/predict", content=data)
        assert answer.status_code == 422
        assert reason
        assert reason in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"{", 400), (b"null", 422), (b"[]", 422), (b"{}", 422), (b'{"inputs": 1}', 422),
        (b'{"inputs": "\xff"}', 400), (b'{"inputs": "%%%"}', 422), (b'{"inputs": "\\ud800"}', 422), (b"[" * 10**5, 400),
        (b'{"inputs": "", "parameters": []}', 422), (b'{"inputs": "", "inputs": ""}', 400), (b'{"inputs": NaN}', 400),
        (b'{"inputs": "", "parameters": {"function_to_apply": "sigmoid"}}', 422),
        (b'{"inputs": "", "parameters": {"function_to_apply": [1]}}', 422),
    ],
)  # fmt: skip
def test_odd_json(client: TestClient, body: bytes, status: int) -> None:
    answer = client.post("/predict", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.json().keys() == {"error"}


def test_odd_forms(client: TestClient, image: bytes) -> None:
    assert client.post("/predict", data={"a": "b"}, files={}).status_code == 422  # a form of another kind: no image
    assert client.post("/predict", files=[("a", ("a", image)), ("b", ("b", image))]).status_code == 422
    assert client.post("/predict", files=[("a", ("a", image))] * 3).status_code == 400
    for kind in ("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=x"):
        assert client.post("/predict", content=image, headers={"Content-Type": kind}).status_code == 400


def test_limits(served_run: Path, image: bytes) -> None:
    settings = Settings(runs=(served_run,), max_bytes=len(image) + 10, max_pixels=40 * 40)
    with TestClient(create_app(settings), base_url=LOCAL) as client:
        assert client.post("/predict", content=image).status_code == 200
        assert client.post("/predict", content=image + bytes(11)).status_code == 413
        assert client.post("/predict", content=iter([image, bytes(100)])).status_code == 413  # of no declared length
        answer = client.post("/predict", content=encoded(Image.new("L", (41, 40))))
        assert answer.status_code == 413
        assert "1,640" in answer.json()["error"] or "41" in answer.json()["error"]
        assert client.post("/predict", content=image, headers={"Content-Encoding": "gzip"}).status_code == 415


def test_unknown_names_and_pages(client: TestClient, image: bytes) -> None:
    for name in ("other", "%2e%2e%2fetc", "%00", "%ff", "Stripes", "stripes%20"):
        answer = client.post(f"/models/{name}/predict", content=image)
        assert answer.status_code == 404, name
    assert "stripes" in client.post("/models/other/predict", content=image).json()["error"]
    assert client.get("/nothing").status_code == 404
    assert client.get("/predict").status_code == 405
    assert client.get("/static/../app.py").status_code == 404
    assert client.get("/docs").status_code == 404


def test_the_description_lists_the_routes(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/predict", "/models/{name}/predict", "/models/{name}/answer", "/v2/models/{name}/infer"} <= paths.keys()
    assert "multipart/form-data" in paths["/predict"]["post"]["requestBody"]["content"]


def test_the_page_lists_the_runs(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert "stripes" in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text


def test_figures(client: TestClient, image: bytes) -> None:
    def figure(name: str) -> float:
        lines = client.get("/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    images, answered = 'regraft_images_total{model="stripes"}', 'regraft_requests_total{method="POST",route="/predict"'
    before = figure(images), figure(answered), figure(f'{answered},status="422"')
    client.post("/predict", content=image)
    client.post("/predict", content=b"none")
    client.get("/made/up/by/a/client")
    assert figure(images) == before[0] + 1
    assert figure(answered) == before[1] + 2
    assert figure(f'{answered},status="422"') == before[2] + 1
    assert figure("regraft_request_seconds_bucket") > 0
    assert figure("regraft_batch_images_bucket") > 0
    assert figure("regraft_requests_in_hand") == 0
    assert "made/up" not in client.get("/metrics").text
