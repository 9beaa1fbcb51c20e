"""The outermost: every request is counted, and a fault of ours is told in a sentence while the server goes on."""

import asyncio
import logging
import time
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from regraft.server.answers import Json
from regraft.server.measured import Measured
from regraft.server.security import tell

LOGGER = logging.getLogger("regraft.server")
REFUSED = 400  # statuses from here on
DRAIN_SECONDS, DRAIN_BYTES = 10.0, 1 << 28  # of a body that nobody reads
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class Boundary:
    """What stands before everything else."""

    def __init__(self, app: ASGIApp, measured: Measured) -> None:
        self.app, self.measured = app, measured

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, count and time."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0
        body = Body(receive)

        async def heard(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                tell(message)
                if status >= REFUSED and "expect" not in Headers(scope=scope):
                    await body.drain()
            await send(message)

        try:
            await self.app(scope, body.receive, heard)
        except Exception as error:  # the boundary
            LOGGER.exception("a request failed")
            if status:
                raise
            full = isinstance(error, MemoryError)
            why = "there is no memory left; come again later" if full else "a fault of regraft's; its log says more"
            await Json({"error": why}, 503 if full else 500)(scope, body.receive, heard)
        finally:
            method = scope["method"] if scope["method"] in METHODS else "other"
            self.measured.request(method, route_of(scope), status, time.perf_counter() - began)


class Body:
    """A request's body as it comes."""

    def __init__(self, receive: Receive) -> None:
        self.source, self.ended = receive, False

    async def receive(self) -> Message:
        """The next piece."""
        message = await self.source()
        self.ended = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """Read what is left: who still sends would not hear why it is refused."""
        size = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while not self.ended and size < DRAIN_BYTES:
                    size += len((await self.receive()).get("body", b""))


def route_of(scope: Scope) -> str:
    """The route that answered, as it is declared: never what a client wrote."""
    route = scope.get("route")
    return str(getattr(route, "path", None) or scope.get("route_name") or "other")
