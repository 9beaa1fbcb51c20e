"""The outermost: every request is counted, and a fault of ours is told in a sentence while the server goes on."""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from regraft.server.answers import Json
from regraft.server.measured import Measured

LOGGER = logging.getLogger("regraft.server")
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

        async def heard(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, heard)
        except Exception as error:  # the boundary
            LOGGER.exception("a request failed")
            if status:
                raise
            full = isinstance(error, MemoryError)
            why = "there is no memory left; come again later" if full else "a fault of regraft's; its log says more"
            await Json({"error": why}, 503 if full else 500)(scope, receive, heard)
        finally:
            method = scope["method"] if scope["method"] in METHODS else "other"
            self.measured.request(method, route_of(scope), status, time.perf_counter() - began)


def route_of(scope: Scope) -> str:
    """The route that answered, as it is declared: never what a client wrote."""
    route = scope.get("route")
    return str(getattr(route, "path", None) or scope.get("route_name") or "other")
