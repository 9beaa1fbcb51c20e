"""`regraft serve` as a process: two clients of others, back-pressure, a graceful stop, and what it refuses."""

import http.client
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image

from benchmarks.malformed import malformed
from regraft import load

Regraft = Callable[..., tuple[int, str, str]]
PATIENCE = 60.0  # seconds


@contextmanager
def serving(*arguments: object) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """A server in a process of its own, and its port."""
    command = [sys.executable, "-m", "regraft", "serve", "--port", "0", *map(str, arguments)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    ) as own:
        try:
            assert own.stdout
            line = own.stdout.readline()
            found = re.search(r"http://[\w.]+:(\d+)", line)
            assert found, (line, own.stderr and own.stderr.read())
            yield int(found[1]), own
        finally:
            own.terminate()


def post(port: int, path: str, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request("POST", path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()


@pytest.fixture(scope="module")
def port(served_run: Path) -> Iterator[int]:
    with serving(served_run) as (port, _):
        yield port


@pytest.fixture(scope="module")
def path(served_run: Path) -> Path:
    return next((served_run.parent / "data" / "class1").iterdir())


@pytest.fixture(scope="module")
def probabilities(served_run: Path, path: Path) -> np.ndarray:
    return load(served_run).predict_proba(path)[0]


def test_huggingfaces_client_gets_right_answers(port: int, path: Path, probabilities: np.ndarray) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    for place in ("", "/predict", "/models/stripes", "/models/stripes/predict"):
        client = hub.InferenceClient(base_url=f"http://127.0.0.1:{port}{place}")
        for given in (path, path.read_bytes()):
            answer = client.image_classification(given)
            assert [one.label for one in answer] == ["class1", "class0"]
            assert [one.score for one in answer] == pytest.approx(probabilities[[1, 0]].tolist(), abs=2e-6)
        (first,) = client.image_classification(path, top_k=1)
        assert first.label == "class1"
    with pytest.raises(Exception, match="not an image"):
        client.image_classification(b"hello")


def test_tritons_client_gets_right_answers(port: int, path: Path, probabilities: np.ndarray) -> None:
    http_ = pytest.importorskip("tritonclient.http", reason="tritonclient is not installed")
    with http_.InferenceServerClient(f"127.0.0.1:{port}") as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("stripes")
        assert not client.is_model_ready("other")
        told = client.get_model_metadata("stripes")
        assert [one["name"] for one in told["inputs"]] == ["images", "encoded"]
        pixels = np.asarray(Image.open(path).convert("RGB"))[None]
        images = http_.InferInput("images", list(pixels.shape), "UINT8")
        files = http_.InferInput("encoded", [2], "BYTES")
        files.set_data_from_numpy(np.array([path.read_bytes()] * 2, dtype=object))
        for binary in (True, False):
            images.set_data_from_numpy(pixels, binary_data=binary)
            for tensor in (images, files):
                answer = client.infer("stripes", [tensor], request_id="seven")
                rows = answer.as_numpy("probabilities")
                assert rows.shape == (len(rows), 2)
                assert rows == pytest.approx(np.tile(probabilities, (len(rows), 1)), abs=1e-6)
                assert set(answer.as_numpy("class").tolist()) == {b"class1"}
                assert answer.get_response()["id"] == "seven"
        wanted = [http_.InferRequestedOutput("probabilities", binary_data=False), http_.InferRequestedOutput("known")]
        answer = client.infer("stripes", [images], outputs=wanted)
        assert answer.as_numpy("probabilities")[0] == pytest.approx(probabilities, abs=1e-6)
        assert answer.as_numpy("known").tolist() in ([b"yes"], [b"no"])
        with pytest.raises(Exception, match="there is no run 'other'"):
            client.infer("other", [images])


def test_malformed_uploads_are_refused_and_the_server_goes_on(port: int, path: Path) -> None:
    for upload in malformed(100, Random(7), [path.read_bytes()], "stripes"):
        try:
            status, _, body = post(port, upload.path, upload.body, dict(upload.headers))
        except (ConnectionError, http.client.RemoteDisconnected):
            pytest.fail(f"no answer to {upload.path} {upload.headers}")
        assert status < 500, (upload, body)
    assert post(port, "/predict", path.read_bytes())[0] == 200


def test_many_clients_and_nothing_lost(port: int, path: Path) -> None:
    statuses, image = list[int](), path.read_bytes()

    def some() -> None:
        statuses.extend(post(port, "/predict", image)[0] for _ in range(10))

    threads = [threading.Thread(target=some) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert statuses == [200] * 160


def test_when_it_is_full_it_says_so(served_run: Path, path: Path) -> None:
    with serving(served_run, "--most-waiting", 1) as (port, _), socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhel")
        time.sleep(0.5)
        status, headers, body = post(port, "/predict", path.read_bytes() + bytes(3_000_000))
        assert status == 429
        assert int(headers["retry-after"]) >= 1
        assert "come again" in json.loads(body)["error"]
        slow.sendall(b"lo you")
        assert slow.recv(1000).startswith(b"HTTP/1.1 422")
        assert post(port, "/predict", path.read_bytes())[0] == 200


def test_too_much_is_refused_while_it_is_sent(served_run: Path, path: Path) -> None:
    with serving(served_run, "--max-megabytes", 1) as (port, _):
        status, _, body = post(port, "/predict", bytes(5_000_000))
        assert status == 413
        assert "1 MB" in json.loads(body)["error"]
        assert post(port, "/predict", path.read_bytes())[0] == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_when_what_is_in_hand_is_answered(served_run: Path, path: Path, number: int) -> None:
    image = path.read_bytes()
    with serving(served_run) as (port, own), socket.create_connection(("127.0.0.1", port)) as slow:
        head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(image)}\r\n\r\n".encode()
        slow.sendall(head + image[:100])
        time.sleep(0.3)
        own.send_signal(number)
        time.sleep(0.3)
        slow.sendall(image[100:])
        assert slow.recv(1000).startswith(b"HTTP/1.1 200")
        _, errors = own.communicate(timeout=PATIENCE)
        assert own.returncode == 0
        assert errors == "regraft: stopped\n"


def test_a_taken_port_is_one_line(served_run: Path, port: int, regraft: Regraft) -> None:
    code, out, err = regraft("serve", served_run, "--port", port)
    assert (code, out) == (2, "")
    assert err.startswith(f"regraft: nothing can be served at 127.0.0.1:{port}: Address already in use;")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("none",), "there is no run folder none"),
        (("--host", "0.0.0.0"), "--token"),
        (("--data-root", "none"), "--data-root none is no folder"),
        (("--store", __file__), "is no folder; name one, or a place where one can be made"),
        (("--port", "70000"), "--port"),
        (("--host", "no.such.host.invalid", "--token", "secret-word"), "nothing can be served at no.such.host.invalid"),
    ],
)
def test_what_it_refuses_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, regraft: Regraft, arguments: tuple[str, ...], word: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REGRAFT_TOKEN", raising=False)
    code, _, err = regraft("serve", *arguments)
    assert code == 2
    assert word in err
    assert err.count("\n") == 1
    assert "secret-word" not in err


def test_the_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, regraft: Regraft) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "fastapi" else find(name, *more)
    )
    code, _, err = regraft("serve")
    assert code == 2
    assert 'pip install "regraft[serve]"' in err


@pytest.mark.slow
def test_the_token_comes_from_the_environment_and_is_never_printed(
    served_run: Path, path: Path, monkeypatch: pytest.MonkeyPatch, regraft: Regraft
) -> None:
    monkeypatch.setenv("REGRAFT_TOKEN", "a-token-of-mine")
    with serving(served_run, "--host", "0.0.0.0") as (port, own):
        assert post(port, "/predict", path.read_bytes())[0] == 401
        bearer = {"Authorization": "Bearer a-token-of-mine"}
        assert post(port, "/predict", path.read_bytes(), bearer)[0] == 200
        own.send_signal(signal.SIGTERM)
        assert "a-token-of-mine" not in "".join(own.communicate(timeout=PATIENCE))
    assert "a-token-of-mine" not in regraft("serve", "--help")[1]
