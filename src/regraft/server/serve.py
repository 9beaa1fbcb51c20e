"""Start a server, and stop it so that what is in hand is answered."""

import logging
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from regraft.errors import RecipeError, RunError, reason_not_written
from regraft.server.app import create_app
from regraft.server.security import is_loopback
from regraft.server.service import Service
from regraft.server.settings import Settings

BACKLOG = 2048  # connections that wait to be taken


class Server(uvicorn.Server):
    """One that tells its streams, which would never end, that it stops."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self.service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ctrl-C or a scheduler's signal."""
        self.service.stopping.set()
        super().handle_exit(sig, frame)


def serve(
    settings: Settings, started: Callable[[str], None], ready: Callable[[FastAPI], None] = lambda app: None
) -> None:
    """Serve until Ctrl-C; ``started`` hears the address. RegraftError where that cannot be.

    ``ready`` is given the application before it answers.
    """
    check_token(settings)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # a broken form is answered, and that is all
    app = create_app(settings)
    ready(app)
    service: Service = app.state.service
    with bound(settings.host, settings.port) as listening:
        service.runs.open()
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level=logging.ERROR,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=max(1, round(settings.stop_within)),
            ws="none",
        )
        started(address_of(settings.host, listening.getsockname()[1]))
        try:
            Server(config, service).run(sockets=[listening])
        except KeyboardInterrupt:  # uvicorn has stopped by then, and passes it on
            pass
        finally:
            service.close()


def check_token(settings: Settings) -> None:
    """Raise RecipeError where anyone could ask."""
    token = settings.token
    if token is not None and not (token.isascii() and token.isprintable() and token.strip() == token != ""):
        raise RecipeError(
            "the token is empty, or has spaces around it or letters that no header takes; give another one"
        )
    if token is None and not is_loopback(settings.host):
        raise RecipeError(
            f"--host {settings.host} can be reached from other machines; give --token, or set REGRAFT_TOKEN"
        )


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there; RunError where that cannot be."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        made = socket.socket(family, kind, protocol)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(place)
            made.listen(BACKLOG)
        except OSError:
            made.close()
            raise
    except (OSError, UnicodeError) as error:
        raise RunError(
            f"nothing can be served at {host}:{port}: {reason_not_written(error)}; name another --port or --host"
        ) from None
    return made


def address_of(host: str, port: int) -> str:
    """As a browser takes it."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
