"""A fault of ours is told in a sentence and the server goes on; a slow body has an end; what is closed says so."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from regraft.server.app import create_app
from regraft.server.settings import Settings


@pytest.fixture
def image(served_run: Path) -> bytes:
    return next((served_run.parent / "data" / "class0").iterdir()).read_bytes()


@pytest.fixture
def client(served_run: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(runs=(served_run,))), base_url="http://localhost") as client:
        yield client


@pytest.mark.parametrize(("error", "status"), [(ValueError("/secret/place"), 500), (MemoryError(), 503)])
def test_a_fault_of_ours(
    client: TestClient, image: bytes, caplog: pytest.LogCaptureFixture, error: Exception, status: int
) -> None:
    batcher = client.app.state.service.runs.first().opened().batcher  # type: ignore[attr-defined]
    answers = batcher.answer

    def fails(reads: object) -> None:
        raise error

    batcher.answer = fails
    with caplog.at_level(logging.ERROR):
        answer = client.post("/predict", content=image)
    assert answer.status_code == status
    assert "secret" not in answer.json()["error"]
    assert "nosniff" in answer.headers["x-content-type-options"]
    batcher.answer = answers
    assert client.post("/predict", content=image).status_code == 200
    assert f'route="/predict",status="{status}"' in client.get("/metrics").text


def test_a_run_that_makes_room_says_so(client: TestClient, image: bytes) -> None:
    client.app.state.service.runs.first().opened().batcher.close()  # type: ignore[attr-defined]
    answer = client.post("/predict", content=image)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"


def test_a_body_that_does_not_come(served_run: Path, image: bytes) -> None:
    async def main() -> httpx.Response:
        async def slowly() -> AsyncIterator[bytes]:
            yield image[:10]
            await asyncio.sleep(0.3)
            yield image[10:]

        app = create_app(Settings(runs=(served_run,), read_within=0.1))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            answer = await client.post("/predict", content=slowly())
            assert (await client.post("/predict", content=image)).status_code == 200
        app.state.service.close()
        return answer

    answer = asyncio.run(main())
    assert answer.status_code == 408
    assert "0.1 seconds" in answer.json()["error"]


def test_all_requests_together_may_bring_so_much(served_run: Path, image: bytes) -> None:
    app = create_app(Settings(runs=(served_run,), most_bytes=len(image) + 3 * 64 * 64))
    with TestClient(app, base_url="http://localhost") as client:
        assert client.post("/predict", content=image).status_code == 200
        assert client.post("/predict", content=image + bytes(1)).status_code == 429
        assert client.post("/predict", content=image).status_code == 200
        assert app.state.service.gate.bytes == app.state.service.gate.requests == 0
