"""The Open Inference Protocol: what is told of a run, tensors in JSON and behind it, and odd requests."""

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import picture
from starlette.testclient import TestClient

from regraft import load
from regraft.server.app import create_app
from regraft.server.settings import Settings
from regraft.server.uploads import LARGE

INFER = "/v2/models/stripes/infer"
LENGTH = "Inference-Header-Content-Length"


@pytest.fixture(scope="module")
def client(served_run: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(runs=(served_run,))), base_url="http://localhost") as client:
        yield client


@pytest.fixture(scope="module")
def pictures() -> list[Any]:
    return [picture(kind, 700 + kind) for kind in (0, 1, 1)]


@pytest.fixture(scope="module")
def expected(served_run: Path, pictures: list[Any]) -> np.ndarray:
    return load(served_run).predict_proba(pictures)


def images_in_json(pictures: list[Any]) -> dict[str, Any]:
    pixels = np.stack([np.asarray(one) for one in pictures])
    return {"name": "images", "datatype": "UINT8", "shape": list(pixels.shape), "data": pixels.ravel().tolist()}


def png(image: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def test_what_is_told(client: TestClient) -> None:
    assert client.get("/v2/health/live").status_code == 200
    assert client.get("/v2/health/ready").status_code == 200
    assert client.get("/v2").json()["name"] == "regraft"
    assert client.get("/v2/models/stripes/ready").status_code == 200
    assert client.get("/v2/models/stripes/versions/1/ready").status_code == 200
    assert client.get("/v2/models/stripes/versions/2/ready").status_code == 404
    assert client.get("/v2/models/other/ready").status_code == 404
    told = client.get("/v2/models/stripes").json()
    assert told["inputs"][0] == {"name": "images", "datatype": "UINT8", "shape": [-1, -1, -1, 3]}
    assert told["outputs"][0] == {"name": "probabilities", "datatype": "FP32", "shape": [-1, 2]}
    assert told["parameters"]["classes"] == ["class0", "class1"]
    assert [one["name"] for one in client.post("/v2/repository/index").json()] == ["stripes"]


def test_tensors_in_json(client: TestClient, pictures: list[Any], expected: np.ndarray) -> None:
    flat = images_in_json(pictures)
    nested = flat | {"data": np.reshape(flat["data"], flat["shape"]).tolist()}
    files = [base64.b64encode(png(one)).decode() for one in pictures]
    encoded = {"name": "encoded", "datatype": "BYTES", "shape": [3], "data": files}
    for tensor in (flat, nested, encoded, encoded | {"shape": [3, 1], "data": [[one] for one in files]}):
        answer = client.post(INFER, json={"id": "one", "inputs": [tensor]}).json()
        assert (answer["model_name"], answer["id"]) == ("stripes", "one")
        by_name = {output["name"]: output for output in answer["outputs"]}
        assert by_name["probabilities"]["shape"] == [3, 2]
        assert np.reshape(by_name["probabilities"]["data"], (3, 2)) == pytest.approx(expected, abs=1e-6)
        assert by_name["class"]["data"] == ["class0", "class1", "class1"]
        assert set(by_name["known"]["data"]) <= {"yes", "no"}


def test_large_tensors_in_json(client: TestClient, served_run: Path) -> None:
    large = [picture(1, 800, 400)]
    expected = load(served_run).predict_proba(large)
    noise = base64.b64encode(png(large[0])).decode()
    assert len(noise) > LARGE
    in_json = client.post(INFER, json={"inputs": [images_in_json(large)]}).json()["outputs"][0]["data"]
    assert in_json == pytest.approx(expected[0].tolist(), abs=1e-6)
    scores = client.post("/predict", json={"inputs": noise}).json()
    assert {one["label"]: one["score"] for one in scores} == pytest.approx(
        dict(zip(("class0", "class1"), expected[0].tolist(), strict=True)), abs=2e-6
    )


def test_tensors_behind_the_json(client: TestClient, pictures: list[Any], expected: np.ndarray) -> None:
    pixels = np.stack([np.asarray(one) for one in pictures])
    tensor = {
        "name": "images",
        "datatype": "UINT8",
        "shape": list(pixels.shape),
        "parameters": {"binary_data_size": pixels.nbytes},
    }
    request = {
        "inputs": [tensor],
        "outputs": [{"name": "class"}, {"name": "probabilities", "parameters": {"binary_data": True}}],
    }
    head = json.dumps(request).encode()
    answer = client.post(INFER, content=head + pixels.tobytes(), headers={LENGTH: str(len(head))})
    assert answer.status_code == 200
    size = int(answer.headers[LENGTH])
    outputs = json.loads(answer.content[:size])["outputs"]
    assert outputs[0] == {"name": "class", "datatype": "BYTES", "shape": [3], "data": ["class0", "class1", "class1"]}
    assert outputs[1]["parameters"]["binary_data_size"] == len(answer.content) - size == 3 * 2 * 4
    assert np.frombuffer(answer.content[size:], "<f4").reshape(3, 2) == pytest.approx(expected, abs=1e-6)


def test_the_likeliest_as_text(client: TestClient, pictures: list[Any]) -> None:
    wanted = {"name": "probabilities", "parameters": {"classification": 1}}
    request = {"inputs": [images_in_json(pictures[:1])], "outputs": [wanted]}
    (output,) = client.post(INFER, json=request).json()["outputs"]
    assert (output["datatype"], output["shape"]) == ("BYTES", [1, 1])
    assert output["data"][0].endswith(":0:class0")


SOUND = {"name": "images", "datatype": "UINT8", "shape": [1, 2, 2, 3], "data": [9] * 12}


@pytest.mark.parametrize(
    "request_",
    [
        None, [], {}, {"inputs": []}, {"inputs": [SOUND, SOUND]}, {"inputs": [1]}, {"inputs": SOUND}, {"inputs": [{}]},
        *({"inputs": [SOUND | {name: odd}]} for name in SOUND for odd in (None, 1, "x", [], {}, [None], [[]], -1)),
        *({"inputs": [SOUND | {"shape": odd}]} for odd in (
            [2, 2, 3], [1, 2, 2, 1], [-1, 2, 2, 3], [1, 10**18, 10**18, 3], [True, 2, 2, 3], [1.0, 2, 2, 3],
            [0, 2, 2, 3], [10**9, 2, 2, 3])),
        *({"inputs": [SOUND | {"data": odd}]} for odd in (
            [9] * 11, [256] * 12, [-1] * 12, [0.5] * 12, ["a"] * 12, [[9], [9, 9]], [10**30] * 12, [True] * 12,
            [None] * 12)),
        *({"inputs": [SOUND | {"parameters": odd}]} for odd in (
            1, [], {"binary_data_size": 5}, {"binary_data_size": "x"})),
        *({"inputs": [SOUND], "outputs": odd} for odd in (1, {}, ["x"], [{"name": "x"}], [{}] * 99, [{"name": []}],
            [{"name": "class", "parameters": {"classification": 1}}],
            [{"name": "probabilities", "parameters": {"classification": -1}}])),
        {"inputs": [SOUND], "id": 7}, {"inputs": [SOUND], "parameters": 7},
        {"inputs": [{"name": "encoded", "datatype": "BYTES", "shape": [1], "data": ["%"]}]},
        {"inputs": [{"name": "encoded", "datatype": "BYTES", "shape": [1], "data": [""]}]},
        {"inputs": [{"name": "encoded", "datatype": "BYTES", "shape": [2], "data": ["aGVsbG8="]}]},
    ],
)  # fmt: skip
def test_odd_requests(client: TestClient, request_: Any) -> None:
    answer = client.post(INFER, json=request_)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json().keys() == {"error"}


@pytest.mark.parametrize("length", ["-1", "999999", "x", "", "1e1", "9" * 40, "\u00b2"])
def test_odd_lengths(client: TestClient, length: str) -> None:
    answer = client.post(INFER, content=b'{"inputs": []}', headers={LENGTH: length.encode("latin-1")})
    assert answer.status_code == 400


def test_elements_that_end_behind_the_body(client: TestClient) -> None:
    for tail in (b"\xff\xff\xff\xff", b"\x05\x00\x00\x00abc", b"\x01", b""):
        parameters = {"binary_data_size": len(tail)}
        tensor = {"name": "encoded", "datatype": "BYTES", "shape": [1], "parameters": parameters}
        head = json.dumps({"inputs": [tensor]}).encode()
        answer = client.post(INFER, content=head + tail, headers={LENGTH: str(len(head))})
        assert answer.status_code == 400, tail
