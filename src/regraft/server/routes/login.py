"""Where a browser shows that it knows the token; from then on it has a cookie."""

from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from regraft.server.security import COOKIE, Guard
from regraft.server.service import Here
from regraft.server.uploads import body_of

router = APIRouter(include_in_schema=False)

WRONG = "That is not the token. It is what --token or REGRAFT_TOKEN said when the server was started."


@router.get("/login")
async def ask(request: Request, service: Here) -> Response:
    """The form."""
    return service.templates.TemplateResponse(request, "login.html", {"wrong": ""})


@router.post("/login")
async def sign_in(request: Request, service: Here) -> Response:
    """The token."""
    guard: Guard = request.app.state.guard
    with service.gate.entered() as held:
        body = await body_of(request, service.settings, held)
    given = parse_qs(body[:4096].decode("utf-8", "replace")).get("token", [""])[0]
    if not guard.is_token(given):
        return service.templates.TemplateResponse(request, "login.html", {"wrong": WRONG}, 401)
    answer = RedirectResponse("/", 303)
    answer.set_cookie(COOKIE, guard.session, httponly=True, samesite="strict")
    return answer
