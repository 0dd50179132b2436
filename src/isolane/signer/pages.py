"""This file answers for the pages of the signer; it guards that only a session of this run sees or presses anything.

Every text is escaped, and there is no inline script or style. What a page says of a command is `Examined` and nothing
else.
"""

import re
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

import jinja2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

import isolane
from isolane.signer.desk import Desk, RefusedError
from isolane.signer.visits import Visits

_HERE: Final = Path(__file__).parent
_JTI = re.compile(r"[A-Za-z0-9_-]{22}")
_MINUTES: Final = (5, 15, 30)
_Page = Callable[[Request], Awaitable[Response]]


def signer_pages(desk: Desk, visits: Visits, center: str) -> Starlette:
    """Give the application.

    Args:
        desk: Does what is asked for.
        visits: Who may ask.
        center: Address of the center, for links back.
    """
    pages = _Pages(desk, visits, center)
    return Starlette(
        routes=[
            Route("/", pages.home),
            Route("/enter", pages.enter),
            Route("/enter", pages.entered, methods=["POST"]),
            Route("/find", pages.find, methods=["POST"]),
            Route("/lock", pages.lock, methods=["POST"]),
            Route("/sign/{jti}", pages.show),
            Route("/sign/{jti}", pages.sign, methods=["POST"]),
            Mount("/static", StaticFiles(directory=_HERE / "static")),
        ]
    )


class _Pages:
    """The pages; see `signer_pages`."""

    def __init__(self, desk: Desk, visits: Visits, center: str) -> None:
        self._desk, self._visits, self._center = desk, visits, center.rstrip("/")
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    async def enter(self, request: Request) -> Response:
        """Open a session by the link that stands at the terminal, or ask for its code."""
        code = request.query_params.get("code", "")
        return self._enter(code, str(request.query_params.get("next", ""))) if code else self._ask(request)

    async def entered(self, request: Request) -> Response:
        """Open a session by the code that somebody has typed."""
        form = await _form(request)
        return self._enter(form.get("code", "").strip(), form.get("next", ""))

    async def home(self, request: Request) -> Response:
        """Show whose key this is, what waits, and what was signed."""
        if (token := self._token(request)) is None:
            return self._ask(request)
        problem, waiting = "", []
        try:
            waiting = await self._desk.waiting()
        except RefusedError as refused:
            problem = str(refused)
        signed = self._desk.log.newest()
        return self._render("home.html", token=token, waiting=waiting, problem=problem, signed=signed)

    async def find(self, request: Request) -> Response:
        """Lead to the command whose name somebody has pasted."""
        form = await _form(request)
        if not self._is_ours(request, form):
            return self._ask(request)
        found = _JTI.search(form.get("jti", "").rpartition("/")[2])
        return _go(f"/sign/{found[0]}" if found else "/")

    async def lock(self, request: Request) -> Response:
        """Forget the unlocked key."""
        if not self._is_ours(request, await _form(request)):
            return self._ask(request)
        self._desk.key.lock()
        return _go("/")

    async def show(self, request: Request) -> Response:
        """Show a proposal in words."""
        if (token := self._token(request)) is None:
            return self._ask(request)
        return await self._proposal(request.path_params["jti"], token)

    async def sign(self, request: Request) -> Response:
        """Sign what was shown."""
        form, jti = await _form(request), request.path_params["jti"]
        token = self._token(request)
        if token is None or not self._is_ours(request, form):
            return self._ask(request)
        minutes = int(form["minutes"]) if form.get("minutes", "") in {str(each) for each in _MINUTES} else 0
        try:
            done = await self._desk.sign(jti, form.get("digest", ""), form.get("passphrase", ""), minutes)
        except RefusedError as refused:
            return await self._proposal(jti, token, str(refused))
        return self._render("signed.html", token=token, done=done, back=self._back(jti))

    async def _proposal(self, jti: str, token: str, error: str = "") -> Response:
        status = HTTPStatus.CONFLICT if error else HTTPStatus.OK
        try:
            examined = await self._desk.look(jti)
        except RefusedError as refused:
            back = self._back(jti)
            return self._render("refused.html", HTTPStatus.CONFLICT, token=token, sentence=str(refused), back=back)
        minutes = [each for each in _MINUTES if each <= self._desk.remember_minutes]
        return self._render(
            "proposal.html", status, token=token, examined=examined, minutes=minutes, error=error, back=self._back(jti)
        )

    def _enter(self, code: str, after: str) -> Response:
        cookie = self._visits.open(code)
        if cookie is None:
            return self._render(
                "enter.html", HTTPStatus.FORBIDDEN, token="", after=_local(after), error="This is not the code."
            )
        answer = _go(_local(after))
        answer.headers["set-cookie"] = cookie
        return answer

    def _ask(self, request: Request) -> Response:
        after = _local(request.url.path if request.method == "GET" else request.query_params.get("next", ""))
        return self._render("enter.html", HTTPStatus.FORBIDDEN, token="", after=after, error="")

    def _token(self, request: Request) -> str | None:
        return self._visits.form_token(request.headers.get("cookie", ""))

    def _is_ours(self, request: Request, form: dict[str, str]) -> bool:
        return self._visits.is_ours(request.headers.get("cookie", ""), form.get("form_token", ""))

    def _back(self, jti: str) -> str:
        return f"{self._center}/commands/{jti}" if _JTI.fullmatch(jti) else f"{self._center}/commands"

    def _render(self, template: str, status: int = HTTPStatus.OK, **model: object) -> Response:
        known = self._desk.knowledge()
        html = self._templates.get_template(template).render(
            version=isolane.__version__,
            center=self._center,
            holder=known.holder,
            kid=known.kid,
            manifest=known.trusted.manifest,
            is_expired=known.trusted.is_expired(known.now_s),
            now_s=int(known.now_s),
            left_s=int(self._desk.key.left_s),
            utc=_utc,
            **model,
        )
        return HTMLResponse(html, status)


async def _form(request: Request) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()}


def _go(path: str) -> Response:
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)


def _local(path: str) -> str:
    """Give a page of ours to go on to."""
    return path if re.fullmatch(r"/sign/[A-Za-z0-9_-]{22}", path) else "/"


def _utc(t_s: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(t_s))
