"""Uploads that no client should send: broken images, broken forms, odd JSON, odd tensors, odd heads."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

BOUNDARY = "a-boundary"
KINDS = ("image/jpeg", "application/octet-stream", "application/json", f"multipart/form-data; boundary={BOUNDARY}")
ODD: Sequence[Any] = (
    None, True, False, 0, -1, 1.5, 1e308, 10**30, "", "x", "\ud800", "\x00", "é" * 50, [], [[]], {}, {"a": []},
    [None], "a" * 5000, [1, "a"], -(10**9), "../../etc/passwd", "NaN",
)  # fmt: skip


@dataclass(frozen=True)
class Upload:
    """What is posted, and where."""

    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def malformed(count: int, draw: Random, sound: Sequence[bytes], model: str) -> Iterator[Upload]:
    """So many of them, each kind in turn."""
    kinds: Sequence[Callable[[Random, bytes, str], Upload]] = (
        broken_image, no_image, broken_form, form_of_odd_parts, odd_json, broken_json, odd_tensor, broken_tensor,
        odd_head, odd_path,
    )  # fmt: skip
    for place in range(count):
        yield kinds[place % len(kinds)](draw, draw.choice(sound), model)


def damaged(draw: Random, data: bytes) -> bytes:
    """Cut off, with bits turned, with a piece missing, twice, or filled up."""
    changed, at = bytearray(data), draw.randrange(max(1, len(data)))
    match draw.randrange(6):
        case 0:
            return data[:at]
        case 1:
            for _ in range(draw.randrange(1, 30)):
                changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
            return bytes(changed)
        case 2:
            return data[:at] + data[at + draw.randrange(1, 200) :]
        case 3:
            return data[:at] + draw.randbytes(draw.randrange(1, 200)) + data[at:]
        case 4:
            changed[:64] = draw.randbytes(64)
            return bytes(changed)
        case _:
            for place in range(min(len(changed), 64)):
                if draw.random() < 0.2:
                    changed[place] = draw.choice([0, 0xFF, 0x7F])
            return bytes(changed)


def broken_image(draw: Random, sound: bytes, model: str) -> Upload:
    """An image that is damaged."""
    return Upload(draw.choice(["/predict", "/", f"/models/{model}"]), damaged(draw, sound), {"Content-Type": KINDS[0]})


def no_image(draw: Random, sound: bytes, model: str) -> Upload:
    """Chance, nothing, text, or an image under another kind's name."""
    body = draw.choice([draw.randbytes(draw.randrange(2000)), b"", b"<html>", b"GIF89a", b"BM", b"\xff\xd8\xff", sound])
    return Upload("/predict", body, {"Content-Type": draw.choice(KINDS)})


def form(parts: Sequence[tuple[str, bytes]]) -> bytes:
    """A form's body of heads and contents."""
    lines = [f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode("utf-8", "replace") + body + b"\r\n" for head, body in parts]
    return b"".join(lines) + f"--{BOUNDARY}--\r\n".encode()


def broken_form(draw: Random, sound: bytes, model: str) -> Upload:
    """A form that is damaged, or whose boundary is another or none."""
    body = form([('Content-Disposition: form-data; name="file"; filename="a.jpg"', sound)])
    kind = draw.choice([
        KINDS[3], "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=b",
        "multipart/form-data; charset=nothing; boundary=" + BOUNDARY, "multipart/form-data; boundary=" + "b" * 500,
    ])  # fmt: skip
    return Upload("/predict", damaged(draw, body), {"Content-Type": kind})


def form_of_odd_parts(draw: Random, sound: bytes, model: str) -> Upload:
    """No file, several, nameless ones, other heads."""
    heads = [
        'Content-Disposition: form-data; name="file"', 'Content-Disposition: form-data; filename="a.jpg"',
        'Content-Disposition: form-data; name="top_k"', "Content-Disposition: attachment", "X: y", "",
        'Content-Disposition: form-data; name="file"; filename="../../../etc/passwd"',
        'Content-Disposition: form-data; name="\ud800"; filename="\x00"', "Content-Disposition", ": ",
    ]  # fmt: skip
    bodies = [sound, b"", b"-1", b"5", damaged(draw, sound), b"x" * 3000]
    parts = [(draw.choice(heads), draw.choice(bodies)) for _ in range(draw.randrange(12))]
    return Upload(f"/models/{model}/answer", form(parts), {"Content-Type": KINDS[3]})


def odd_json(draw: Random, sound: bytes, model: str) -> Upload:
    """JSON of another shape."""
    text = draw.choice([base64.b64encode(sound).decode(), *ODD])
    values: Any = {
        "inputs": text,
        draw.choice(["parameters", "options"]): draw.choice(
            [*ODD, {"top_k": draw.choice(ODD)}, {"function_to_apply": draw.choice(ODD)}]
        ),
    }
    values = draw.choice([values, values, values, draw.choice(ODD), [values]])
    return Upload("/predict", json.dumps(values).encode(), {"Content-Type": KINDS[2]})


def broken_json(draw: Random, sound: bytes, model: str) -> Upload:
    """No JSON at all, or what JSON readers stumble over."""
    whole = json.dumps({"inputs": base64.b64encode(sound).decode(), "parameters": {"top_k": 1}}).encode()
    body = draw.choice([
        damaged(draw, whole), b"[" * 100_000, b'{"a":' * 50_000, b'{"inputs": NaN}',
        b'{"inputs": 1' + b"0" * 6000 + b"}",
        b'{"inputs": "a", "inputs": "b"}', b"\xef\xbb\xbf{}", b'{"inputs": "\\ud800"}', b"\xff\xfe{}", b"nul",
    ])  # fmt: skip
    path = draw.choice(["/predict", f"/models/{model}/answer", f"/v2/models/{model}/infer"])
    return Upload(path, body, {"Content-Type": KINDS[2]})


def odd_tensor(draw: Random, sound: bytes, model: str) -> Upload:
    """A request of the protocol with odd values in it."""
    one: dict[str, Any] = {"name": "images", "datatype": "UINT8", "shape": [1, 2, 2, 3], "data": [7] * 12}
    if draw.random() < 0.3:
        one = {"name": "encoded", "datatype": "BYTES", "shape": [1], "data": [base64.b64encode(sound).decode()]}
    request: dict[str, Any] = {"id": "a", "inputs": [one], "outputs": [{"name": "probabilities"}], "parameters": {}}
    odd = [*ODD, [1, 2, 2], [0, 0, 0, 3], [-1, 2, 2, 3], [1, 10**18, 10**18, 3], [2, 2, 2, 3], [True, 2, 2, 3], [300]]
    for _ in range(draw.randrange(1, 3)):
        place = draw.choice([request, one, one])
        place[draw.choice([*place, "parameters"])] = draw.choice(odd)
    if draw.random() < 0.2:
        one["parameters"] = {"binary_data_size": draw.choice(odd), "shared_memory_region": "a"}
    return Upload(f"/v2/models/{model}/infer", json.dumps(request).encode(), {"Content-Type": KINDS[2]})


def broken_tensor(draw: Random, sound: bytes, model: str) -> Upload:
    """Bytes behind the JSON that are others than it says, or fewer."""
    body = len(sound).to_bytes(4, "little") + sound
    parameters = {"binary_data_size": draw.choice([len(body), len(body) + 1, 0])}
    one = {"name": "encoded", "datatype": "BYTES", "shape": [draw.choice([1, 2])], "parameters": parameters}
    head = json.dumps({"inputs": [one]}).encode()
    length = draw.choice([str(len(head)), str(len(head) + 1), "-1", "1e3", "9" * 30, "", "x", "0"])
    headers = {"Content-Type": KINDS[1], "Inference-Header-Content-Length": length}
    return Upload(f"/v2/models/{model}/infer", damaged(draw, head + body), headers)


def odd_head(draw: Random, sound: bytes, model: str) -> Upload:
    """Headers of odd values."""
    name, value = draw.choice([
        ("Content-Type", "\x80\xff"), ("Content-Encoding", "gzip"), ("Authorization", "Bearer \xe9"),
        ("Origin", "null"), ("Origin", "http://[::"), ("Host", "evil.example"), ("Host", "[::"), ("Host", ""),
        ("Cookie", "a=\x80; =;;="),
        ("Content-Type", "multipart/form-data; boundary*=utf-8''%ff"), ("Sec-Fetch-Site", "cross-site"),
        ("Content-Type", "a" * 5000), ("Accept", "\xff"),
    ])  # fmt: skip
    return Upload("/predict", sound, {name: value})


def odd_path(draw: Random, sound: bytes, model: str) -> Upload:
    """Names of runs that are none, and odd questions."""
    path = draw.choice([
        "/models/../predict", "/models/%2e%2e%2fetc%2fpasswd/predict", "/models/%00/predict", "/models/%ff%fe/answer",
        f"/models/{model}%20/predict", "/models//predict", "/v2/models/x/infer", "/v2/models/%ED%A0%80/infer",
        f"/v2/models/{model}/versions/2/infer", "/predict?top_k=0", "/predict?top_k=-1", "/predict?top_k=%ff",
        "/predict?top_k=" + "9" * 40, "/predict?top_k=1&top_k=x", "/static/../app.py", "/static/%2e%2e/app.py",
        "/static/%00", "//evil.example/predict", "/openapi.json", "/metrics", f"/models/{'x' * 3000}/predict",
    ])  # fmt: skip
    return Upload(path, sound, {"Content-Type": KINDS[0]})
