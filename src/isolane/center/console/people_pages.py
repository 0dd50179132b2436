"""This file answers for the pages about people: log in, one's account, users and tokens.

It guards that a form does one thing, on which the desk or the door decides, and that a refusal is said on the page that
has sent it.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse

from isolane.center.console.markup import render
from isolane.center.store.people_port import Desk, Door, LoggedIn, NewPerson, PersonChange, Refusal, RefusedError
from isolane.center.store.people_views import Role, Scope, caller

_AUDIT_LINES = 50
Note = Callable[[], str | None]
"""Gives security.txt, None where there is none."""
_STATUS = {
    Refusal.WRONG: HTTPStatus.UNAUTHORIZED,
    Refusal.TOO_MANY: HTTPStatus.TOO_MANY_REQUESTS,
    Refusal.BUSY: HTTPStatus.SERVICE_UNAVAILABLE,
    Refusal.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Refusal.MISSING: HTTPStatus.NOT_FOUND,
    Refusal.TAKEN: HTTPStatus.CONFLICT,
    Refusal.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
}


def people_pages(door: Door, desk: Desk, note: Note) -> APIRouter:
    """Give the routes of these pages.

    Args:
        door: Lets people in and out.
        desk: Keeps them.
        note: Whom to tell of a vulnerability.
    """
    router = APIRouter(include_in_schema=False)
    _add_log_in(router, door)
    _add_account(router, door, desk)
    _add_tokens(router, desk)
    _add_users(router, desk)
    add_security_txt(router, note)
    return router


def add_security_txt(router: APIRouter, note: Note) -> None:
    """Serve /.well-known/security.txt, where there is a contact; it is a file, and no page and no part of the API."""

    async def security_txt(_: Request) -> Response:
        text = note()
        return PlainTextResponse("there is none\n" if text is None else text, 404 if text is None else 200)

    router.add_route("/.well-known/security.txt", security_txt, methods=["GET"])


def _add_log_in(router: APIRouter, door: Door) -> None:
    def page(after: str, error: str = "", status: int = 200) -> Response:
        return render("login.html", status, nav="", after=after, error=error, has_provider=door.has_provider)

    @router.get("/login")
    async def log_in_page(request: Request) -> Response:
        return page(local(request.query_params.get("next", "/")))

    @router.post("/login")
    async def log_in(request: Request) -> Response:
        form = await _form(request)
        after = local(form.get("next", "/"))
        try:
            done = await door.log_in(form.get("name", ""), form.get("password", ""))
        except RefusedError as error:
            return page(after, _sentence(error), _STATUS[error.refusal])
        return _go(after, done.cookies)

    @router.get("/login/provider")
    async def to_provider() -> Response:
        try:
            url, cookie = await door.to_provider()
        except RefusedError as error:
            return page("/", _sentence(error), _STATUS[error.refusal])
        return _go(url, [cookie])

    @router.get("/login/callback")
    async def from_provider(request: Request) -> Response:
        try:
            done = await door.from_provider(dict(request.query_params))
        except RefusedError as error:
            return page("/", _sentence(error), _STATUS[error.refusal])
        # The provider's redirect is a foreign one: a Strict cookie goes along only with what a page of ours asks for.
        return _with(bounce_page("/"), done.cookies)

    @router.post("/logout")
    async def log_out() -> Response:
        return _go("/login", await door.log_out())


def _add_account(router: APIRouter, door: Door, desk: Desk) -> None:
    async def page(error: str = "", status: int = 200) -> Response:
        return render("account.html", status, nav="account", sessions=await desk.sessions(), error=error)

    @router.get("/account")
    async def account() -> Response:
        return await page()

    @router.post("/account/password")
    async def password(request: Request) -> Response:
        form = await _form(request)
        done: LoggedIn | None = None
        try:
            if form.get("new", "") != form.get("again", ""):
                return await page("the new password was written in two ways", HTTPStatus.UNPROCESSABLE_ENTITY)
            done = await door.change_password(form.get("old", ""), form.get("new", ""))
        except RefusedError as error:
            return await page(_sentence(error), _STATUS[error.refusal])
        return _go("/account", done.cookies)

    @router.post("/account/sessions")
    async def end(request: Request) -> Response:
        try:
            await desk.end_session((await _form(request)).get("session", ""))
        except RefusedError as error:
            return await page(_sentence(error), _STATUS[error.refusal])
        return _go("/account")


def _add_users(router: APIRouter, desk: Desk) -> None:
    @router.get("/users")
    async def users() -> Response:
        return await _users_page(desk)

    @router.post("/users")
    async def add(request: Request) -> Response:
        form = await _form(request)
        try:
            new = NewPerson(form.get("name", ""), _role(form), _words(form, "tenants"), form.get("password") or None)
            await desk.add_person(new)
        except RefusedError as error:
            return await _users_page(desk, _sentence(error), _STATUS[error.refusal])
        return _go("/users")

    @router.post("/users/{user}")
    async def change(user: str, request: Request) -> Response:
        form = await _form(request)
        try:
            changed = PersonChange(
                _role(form), _words(form, "tenants"), form.get("disabled") == "yes", form.get("password") or None
            )
            await desk.change_person(user, changed)
        except RefusedError as error:
            return await _users_page(desk, _sentence(error), _STATUS[error.refusal])
        return _go("/users")


def _add_tokens(router: APIRouter, desk: Desk) -> None:
    # Before "/users/{user}", which would take these for users.
    @router.post("/users/tokens")
    async def make(request: Request) -> Response:
        form = await _form(request)
        try:
            scopes = [Scope(word) for word in _words(form, "scopes") if word in set(Scope)]
            days = int(form["days"]) if form.get("days", "").isdigit() else 0
            _, secret = await desk.add_token(form.get("name", ""), scopes, _words(form, "tenants"), days)
        except RefusedError as error:
            return await _users_page(desk, _sentence(error), _STATUS[error.refusal])
        return await _users_page(desk, secret=secret)

    @router.post("/users/tokens/{number}")
    async def revoke(number: int) -> Response:
        try:
            await desk.revoke_token(number)
        except RefusedError as error:
            return await _users_page(desk, _sentence(error), _STATUS[error.refusal])
        return _go("/users")


async def _users_page(desk: Desk, error: str = "", status: int = 200, secret: str = "") -> Response:
    sees_all = caller().tenants is None
    return render(
        "users.html",
        status,
        nav="users",
        users=await desk.people(),
        tokens=await desk.tokens(),
        tenants=await desk.tenants() if sees_all else [],
        audit=await desk.audit(None, _AUDIT_LINES) if sees_all else [],
        sees_all=sees_all,
        roles=list(Role),
        scopes=list(Scope),
        error=error,
        secret=secret,
    )


def bounce_page(to: str) -> Response:
    """Give a page that leads on to an address of ours at once."""
    return render("bounce.html", to=local(to))


def refused_page(status: HTTPStatus, sentence: str) -> Response:
    """Give the page of what the gate refuses."""
    return render("error.html", status, nav="", code=int(status), title=status.phrase, sentence=f"{sentence}.")


def local(path: str) -> str:
    """Give a path of ours; anything else that a link may hold becomes the fleet."""
    plain = path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"


async def _form(request: Request) -> dict[str, str]:
    """Read a form; of a field that comes twice, the last."""
    return {key: values[-1] for key, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()}


def _words(form: Mapping[str, str], field: str) -> list[str]:
    return form.get(field, "").replace(",", " ").split()


def _role(form: Mapping[str, str]) -> Role:
    if form.get("role") not in set(Role):
        raise RefusedError(Refusal.INVALID, f"a role is one of {', '.join(Role)}")
    return Role(form["role"])


def _sentence(error: RefusedError) -> str:
    return f"{error.sentence[0].upper()}{error.sentence[1:]}."


def _go(to: str, cookies: list[str] | None = None) -> Response:
    return _with(RedirectResponse(to if to.startswith("https://") else quote(to, safe="/?&=%:"), 303), cookies or [])


def _with(response: Response, cookies: list[str]) -> Response:
    for line in cookies:
        response.headers.append("Set-Cookie", line)
    return response
