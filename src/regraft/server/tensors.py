"""The tensors of the Open Inference Protocol: in JSON, or as bytes behind it (the binary tensor data extension)."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from regraft.data.content import Content
from regraft.evaluation.prediction import Prediction
from regraft.server.answers import known_word
from regraft.server.predicting import given
from regraft.server.refused import Refused
from regraft.server.uploads import decoded
from regraft.strict_json import Malformed, parse_json

IMAGES, ENCODED = "images", "encoded"  # the inputs, of which one is sent
PROBABILITIES, CLASS, KNOWN = "probabilities", "class", "known"  # the outputs
DATATYPES = {IMAGES: "UINT8", ENCODED: "BYTES", PROBABILITIES: "FP32", CLASS: "BYTES", KNOWN: "BYTES"}
HEADER_LENGTH = "Inference-Header-Content-Length"
BINARY_SIZE = "binary_data_size"
PREFIX = 4  # bytes that say how long an element of BYTES is
COLOUR = 4  # dimensions of images
MOST_IMAGES = 256  # of one request
SHOWN = 60  # letters of a name


@dataclass(frozen=True)
class Asked:
    """An output that is wanted, and how."""

    name: str
    binary: bool = False
    likeliest: int = 0  # classes, as text; 0: the tensor itself


@dataclass(frozen=True)
class Inference:
    """One request, read."""

    id: str
    contents: Sequence[Content]
    outputs: Sequence[Asked]


def metadata_of(name: str, classes: Sequence[str], size: int) -> dict[str, Any]:
    """What a run takes and gives."""
    shapes = {IMAGES: [-1, -1, -1, 3], ENCODED: [-1], PROBABILITIES: [-1, len(classes)], CLASS: [-1], KNOWN: [-1]}
    tensors = [{"name": tensor, "datatype": DATATYPES[tensor], "shape": shape} for tensor, shape in shapes.items()]
    return {
        "name": name,
        "versions": ["1"],
        "platform": "regraft",
        "inputs": tensors[:2],
        "outputs": tensors[2:],
        "parameters": {"one_input_of": [IMAGES, ENCODED], "image_size": size, "classes": list(classes)},
    }


def inference_of(body: bytes, header_length: str | None) -> Inference:
    """Read a request; Refused where it says anything else than a request does."""
    head, tail = split(body, header_length)
    try:
        values = fields(parse_json(head), "the request")
    except Malformed as error:
        raise Refused(400, f"the request cannot be read: {error}") from None
    own = fields(values.get("parameters", {}), "parameters")
    inputs = values.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1:
        raise Refused(400, f"the request wants one input; send {IMAGES} (UINT8) or {ENCODED} (BYTES)")
    name = values.get("id", "")
    if not isinstance(name, str):
        raise Refused(400, "id is no text; send one, or none")
    contents = contents_of(fields(inputs[0], "the input"), tail)
    return Inference(name, contents, list(outputs_of(values.get("outputs"), own.get("binary_data_output") is True)))


def split(body: bytes, header_length: str | None) -> tuple[bytes, bytes]:
    """The JSON, and the bytes behind it."""
    if header_length is None:
        return body, b""
    plain = header_length.isascii() and header_length.isdigit() and len(header_length) < 12  # noqa: PLR2004
    if not plain or int(header_length) > len(body):
        raise Refused(400, f"{HEADER_LENGTH} is no length of the JSON in the body; send its bytes")
    return body[: int(header_length)], body[int(header_length) :]


def fields(value: Any, name: str) -> Mapping[str, Any]:
    """An object."""
    if not isinstance(value, dict):
        raise Refused(400, f"{name} is no object; send one as the Open Inference Protocol has it")
    return value


def contents_of(tensor: Mapping[str, Any], tail: bytes) -> list[Content]:
    """The images of an input."""
    name, kind, shape = tensor.get("name"), tensor.get("datatype"), tensor.get("shape")
    if not isinstance(name, str) or name not in {IMAGES, ENCODED}:
        shown = name[:SHOWN] if isinstance(name, str) else "none"
        raise Refused(400, f"the input is called {shown}; send {IMAGES} (UINT8) or {ENCODED} (BYTES)")
    if kind != DATATYPES[name]:
        raise Refused(400, f"{name} has another datatype; send {DATATYPES[name]}")
    if not isinstance(shape, list) or not all(type(side) is int and side >= 0 for side in shape):
        raise Refused(400, f"the shape of {name} is no list of lengths")
    check_shape(name, shape)
    size = fields(tensor.get("parameters", {}), "the input's parameters").get(BINARY_SIZE)
    if size is None:
        return in_json(name, shape, tensor.get("data"))
    if type(size) is not int or size != len(tail):
        raise Refused(400, f"{name} says that {str(size)[:SHOWN]} bytes follow the JSON, and {len(tail):,} do")
    return pixels(np.frombuffer(tail, np.uint8), shape) if name == IMAGES else files(list(elements(tail)), shape)


def check_shape(name: str, shape: Sequence[int]) -> None:
    """Raise Refused for a shape that images do not have, or too many of them."""
    if name == IMAGES and (len(shape) != COLOUR or shape[-1] != 3):  # noqa: PLR2004
        raise Refused(400, f"{IMAGES} has the shape {str(shape)[:SHOWN]}; send images x height x width x 3")
    images = shape[0] if name == IMAGES else math.prod(shape)
    if images > MOST_IMAGES:
        raise Refused(413, f"{images:,} images come in one request; send {MOST_IMAGES} at most")
    if not shape or not images:
        raise Refused(400, f"{name} holds no image; send at least one")


def in_json(name: str, shape: Sequence[int], data: Any) -> list[Content]:
    """Images whose numbers, or files in base64, are in the JSON."""
    if not isinstance(data, list):
        raise Refused(400, f"{name} has no data; send a list, or bytes behind the JSON")
    if name == ENCODED:
        texts = flat(data)
        if not all(isinstance(text, str) for text in texts):
            raise Refused(400, f"the data of {ENCODED} is no text; send the bytes of image files in base64")
        return files([decoded(text) for text in texts], shape)
    try:
        numbers = np.array(data)
    except ValueError:
        numbers = np.array(None)
    if numbers.dtype.kind not in "iu" or not numbers.size or numbers.min() < 0 or numbers.max() > 255:  # noqa: PLR2004
        raise Refused(400, f"the data of {IMAGES} are no numbers from 0 to 255")
    return pixels(numbers.astype(np.uint8), shape)


def flat(data: list[Any]) -> list[Any]:
    """Lists in lists as one."""
    return list(chain.from_iterable(flat(one) if isinstance(one, list) else [one] for one in data))


def pixels(numbers: np.ndarray, shape: Sequence[int]) -> list[Content]:
    """Images that are not encoded."""
    if numbers.size != math.prod(shape):
        raise Refused(400, f"{IMAGES} has {numbers.size:,} numbers; its shape {str(shape)[:SHOWN]} has other ones")
    return [given(image) for image in numbers.reshape(shape)]


def files(data: Sequence[bytes], shape: Sequence[int]) -> list[Content]:
    """Images as files have them."""
    if len(data) != math.prod(shape):
        raise Refused(400, f"{ENCODED} has {len(data):,} elements; its shape {str(shape)[:SHOWN]} has other ones")
    return [given(one) for one in data]


def elements(data: bytes) -> Iterator[bytes]:
    """The elements of BYTES, each behind its length."""
    place = 0
    while place < len(data):
        end = place + PREFIX + int.from_bytes(data[place : place + PREFIX], "little")
        if end > len(data):
            raise Refused(400, f"an element of {ENCODED} ends behind the body; send its length before each")
        yield data[place + PREFIX : end]
        place = end


def outputs_of(value: Any, binary: bool) -> Iterator[Asked]:
    """The outputs that are wanted; all where none is named."""
    if value is None or value == []:
        yield from (Asked(name, binary) for name in (PROBABILITIES, CLASS, KNOWN))
        return
    if not isinstance(value, list) or len(value) > len(DATATYPES):
        raise Refused(400, f"outputs is no list; send some of {PROBABILITIES}, {CLASS}, {KNOWN}")
    for one in value:
        asked = fields(one, "an output")
        name, own = asked.get("name"), fields(asked.get("parameters", {}), "an output's parameters")
        if name not in (PROBABILITIES, CLASS, KNOWN):
            raise Refused(400, f"there is no output of that name; ask for {PROBABILITIES}, {CLASS} or {KNOWN}")
        likeliest = own.get("classification", 0)
        if type(likeliest) is not int or likeliest < 0 or (likeliest and name != PROBABILITIES):
            raise Refused(400, f"classification is a number of classes, and goes with {PROBABILITIES}")
        yield Asked(name, own.get("binary_data", binary) is True, likeliest)


def answer_of(model: str, inference: Inference, predictions: Sequence[Prediction]) -> tuple[bytes, dict[str, str]]:
    """The body of an answer and its headers."""
    outputs, tails = list[dict[str, Any]](), list[bytes]()
    for asked in inference.outputs:
        kind, shape, values = tensor_of(asked, predictions)
        output = {"name": asked.name, "datatype": kind, "shape": shape}
        if asked.binary:
            tails.append(as_bytes(kind, values))
            outputs.append(output | {"parameters": {BINARY_SIZE: len(tails[-1])}})
        else:
            outputs.append(output | {"data": values})
    named = {"id": inference.id} if inference.id else {}
    head = json.dumps({"model_name": model, "model_version": "1", **named, "outputs": outputs}).encode("ascii")
    if not tails:
        return head, {"Content-Type": "application/json"}
    return b"".join([head, *tails]), {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(len(head))}


def tensor_of(asked: Asked, predictions: Sequence[Prediction]) -> tuple[str, list[int], list[Any]]:
    """Datatype, shape and values of an output."""
    images = len(predictions)
    if asked.name == PROBABILITIES:
        rows = np.array([one.probabilities for one in predictions], np.float32)
        if not asked.likeliest:
            return DATATYPES[PROBABILITIES], list(rows.shape), rows.ravel().tolist()
        order, classes = np.argsort(-rows, axis=1, kind="stable")[:, : asked.likeliest], predictions[0].classes
        texts = [f"{rows[row, place]:f}:{place}:{classes[place]}" for row in range(images) for place in order[row]]
        return "BYTES", list(order.shape), texts
    words = [(one.label or "") if asked.name == CLASS else known_word(one) for one in predictions]
    return DATATYPES[asked.name], [images], words


def as_bytes(kind: str, values: Sequence[Any]) -> bytes:
    """Values as the binary extension sends them."""
    if kind == DATATYPES[PROBABILITIES]:
        return np.array(values, "<f4").tobytes()
    encoded = [text.encode("utf-8", "surrogateescape") for text in values]
    return b"".join(len(text).to_bytes(PREFIX, "little") + text for text in encoded)
