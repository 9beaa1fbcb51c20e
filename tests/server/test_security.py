"""Who may ask: names of the host, other sites' pages, the token; and what browsers are told."""

from collections.abc import Iterator

import pytest
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from regraft.errors import RecipeError
from regraft.server.app import create_app
from regraft.server.refused import Refused
from regraft.server.security import Guard, host_in
from regraft.server.serve import check_token
from regraft.server.settings import Settings

TOKEN = "a-long-enough-token"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(create_app(Settings()), base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.fixture
def locked() -> Iterator[TestClient]:
    with TestClient(create_app(Settings(token=TOKEN)), base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:9", "localhost:8000", "LOCALHOST", "[::1]:8000", "127.8.8.8"])
def test_own_names(client: TestClient, host: str) -> None:
    assert client.get("/v2", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.0.9", "", "[::",
     "localhost@evil.example", "evil.example/localhost", "evil.example#localhost", "a b", "localhost:8000\\@evil"],
)  # fmt: skip
def test_others_names_may_lead_here_and_are_refused(client: TestClient, host: str) -> None:
    assert client.get("/v2", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize(
    ("bound", "names", "fine", "refused"),
    [
        ("0.0.0.0", (), ("10.1.2.3", "localhost", "[fe80::1]"), ("evil.example",)),
        ("10.1.2.3", (), ("10.1.2.3:8000",), ("10.1.2.4", "localhost", "evil.example")),
        ("10.1.2.3", ("photos.example",), ("photos.example", "PHOTOS.example:443"), ("other.example",)),
        ("::1", (), ("[::1]:8000", "localhost"), ("10.0.0.1",)),
    ],
)
def test_names_follow_from_where_it_listens(
    bound: str, names: tuple[str, ...], fine: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    guard = Guard(Settings(host=bound, names=names))
    assert all(guard.is_own(host_in(host)) for host in fine)
    assert not any(guard.is_own(host_in(host)) for host in refused)


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:9999"}, {"Origin": "http://[::"},
     {"Origin": ""}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
)  # fmt: skip
def test_other_sites_may_not_post(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.post("/predict", content=b"x", headers=headers)
    assert answer.status_code == 403
    assert client.get("/v2", headers=headers).status_code == 200


def test_the_own_page_may_post(client: TestClient) -> None:
    headers = {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/predict", content=b"x", headers=headers).status_code == 404  # there is no run


def test_every_answer_tells_browsers_what_a_page_may_do(client: TestClient) -> None:
    for answer in (
        client.get("/"),
        client.get("/none"),
        client.get("/static/page.css"),
        client.get("/", headers={"Host": "x"}),
    ):
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers


def test_without_the_token_nothing_is_told(locked: TestClient) -> None:
    for path in ("/", "/v2", "/metrics", "/openapi.json", "/v2/models/x"):
        answer = locked.get(path)
        assert answer.status_code == 401
        assert TOKEN not in answer.text
    for wrong in (f"Bearer {TOKEN}x", "Bearer ", "Bearer", TOKEN, f"Basic {TOKEN}", "Bearer \u00e9"):
        assert locked.get("/v2", headers={"Authorization": wrong.encode("latin-1")}).status_code == 401
    assert locked.post("/predict", content=b"x").status_code == 401
    assert locked.get("/v2", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert locked.get("/v2/health/live").status_code == 200  # what watches a server brings none


def test_a_browser_signs_in_once(locked: TestClient) -> None:
    opened = locked.get("/", headers={"Accept": "text/html"}, follow_redirects=False)
    assert (opened.status_code, opened.headers["location"]) == (303, "/login")
    assert locked.get("/login").status_code == 200
    wrong = locked.post("/login", data={"token": "other"}, follow_redirects=False)
    assert wrong.status_code == 401
    assert "set-cookie" not in wrong.headers
    right = locked.post("/login", data={"token": TOKEN}, follow_redirects=False)
    assert right.status_code == 303
    cookie = right.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert TOKEN not in cookie
    assert locked.get("/").status_code == 200
    locked.cookies.clear()
    for odd in ("regraft-session=", "regraft-session=x", "=;;=", "regraft-session"):
        assert locked.get("/", headers={"Cookie": odd}).status_code == 401


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "::", "example.com"])
def test_an_address_that_others_reach_wants_a_token(host: str) -> None:
    with pytest.raises(RecipeError, match="--token"):
        check_token(Settings(host=host))
    check_token(Settings(host=host, token=TOKEN))


@pytest.mark.parametrize("token", ["", " ", "a b\n", " a", "\u00e9", "a\x00"])
def test_a_token_that_no_header_takes(token: str) -> None:
    with pytest.raises(RecipeError, match="give another one"):
        check_token(Settings(token=token))


def test_a_token_is_not_shown() -> None:
    assert TOKEN not in repr(Settings(token=TOKEN))
    assert TOKEN not in repr(Guard(Settings(token=TOKEN)))


def test_a_guard_without_a_host() -> None:
    with pytest.raises(Refused):
        Guard(Settings()).check("GET", "/", Headers({}))
