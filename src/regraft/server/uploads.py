"""What a request brings: its body within limits, and the image in it."""

import asyncio
import base64
import binascii
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from regraft.server.gate import Held
from regraft.server.refused import Refused
from regraft.server.settings import MEGABYTE, Settings
from regraft.strict_json import Malformed, parse_json

TOP_K = "top_k"
APPLIED = "function_to_apply"  # Hugging Face's name for what makes scores of logits
SOFTMAX = "softmax"
FORM, JSON = "multipart/form-data", "application/json"
Kind = TypeVar("Kind")
LARGE = 1 << 18  # bytes of JSON
PARSERS = ThreadPoolExecutor(2, "parse")  # few: numbers take much more memory than they do as text
FIELDS = 8  # of a form


@dataclass(frozen=True)
class Upload:
    """One encoded image, and how many classes are wanted of it."""

    data: bytes
    name: str = "image"
    top_k: int | None = None


async def body_of(request: Request, settings: Settings, held: Held) -> bytes:
    """All of a request's body; Refused where it is too large, too slow, or breaks off."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(415, "the body is compressed; send it as it is")
    most, parts, size = settings.max_bytes, list[bytes](), 0
    try:
        async with asyncio.timeout(settings.read_within):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= most:
                    held.take(len(chunk))
                    parts.append(chunk)
                else:
                    break
    except TimeoutError:
        raise Refused(408, f"the body did not come within {settings.read_within:g} seconds; send it again") from None
    except ClientDisconnect:
        raise Refused(400, "the body broke off; send it again") from None
    if size > most:
        raise Refused(413, f"the body has more than {most / MEGABYTE:,.0f} MB; send a smaller image")
    return b"".join(parts)


async def upload_of(request: Request, settings: Settings, held: Held) -> Upload:
    """The image of a request: its body, a form's file, or the base64 in Hugging Face's JSON."""
    body = await body_of(request, settings, held)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    asked = top_k_of(request.query_params.get(TOP_K))
    if kind == FORM:
        return await from_form(request.headers, body, asked)
    if kind == JSON:
        return await parsed(from_json, body, asked)
    return Upload(body, top_k=asked)


async def parsed(parse: Callable[..., Kind], body: bytes, *more: object) -> Kind:
    """What ``parse`` makes of a body; of a large one beside the event loop, so that others need not wait."""
    if len(body) < LARGE:
        return parse(body, *more)
    return await asyncio.get_running_loop().run_in_executor(PARSERS, parse, body, *more)


async def from_form(headers: Headers, body: bytes, top_k: int | None) -> Upload:
    """The one file of a form."""

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await InMemory(headers, stream(), max_files=2, max_fields=FIELDS).parse()
    except (MultiPartException, ValueError, LookupError) as error:
        raise Refused(400, f"the form cannot be read: {str(error)[:100].rstrip('.')}; send one file in it") from None
    files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
    try:
        if len(files) != 1:
            raise Refused(422, f"the form has {len(files) or 'no'} files; send one image in it")
        data = await files[0].read()
        field = form.get(TOP_K)
        return Upload(data, files[0].filename or "image", top_k_of(field) if isinstance(field, str) else top_k)
    finally:
        await form.close()


class InMemory(MultiPartParser):
    """The limit on the body is the one that holds, and nothing goes to the disk."""

    spool_max_size = 0


def from_json(body: bytes, top_k: int | None) -> Upload:
    """``{"inputs": base64, "parameters": {"top_k": 5}}``."""
    values = object_in(body)
    inputs = values.get("inputs")
    if not isinstance(inputs, str):
        raise Refused(422, 'the JSON has no image; send {"inputs": "the image in base64"}')
    parameters = values.get("parameters")
    if parameters is None:
        parameters = {}
    if not isinstance(parameters, dict):
        raise Refused(422, '"parameters" is no object; send {"top_k": 5}, or leave it out')
    if parameters.get(APPLIED) not in (None, SOFTMAX):
        raise Refused(422, f'"{APPLIED}" can be "{SOFTMAX}" alone; leave it out')
    own = parameters.get(TOP_K)
    return Upload(decoded(inputs), top_k=top_k if own is None else top_k_of(own))


def object_in(body: bytes) -> Mapping[str, Any]:
    """The fields of a JSON body."""
    try:
        values = parse_json(body)
    except Malformed as error:
        raise Refused(400, f"the body cannot be read: {error}") from None
    if not isinstance(values, dict):
        raise Refused(422, 'the JSON is no object; send {"inputs": "the image in base64"}')
    return values


def decoded(text: str) -> bytes:
    """What base64 says; a data URL's head is passed over."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise Refused(422, '"inputs" is no base64; send the bytes of an image file in base64') from None


def top_k_of(value: Any) -> int | None:
    """How many classes are wanted; None: all."""
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:  # noqa: PLR2004
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Refused(422, f'"{TOP_K}" is no number of classes; give 1 or more')
    return value
