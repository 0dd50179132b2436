"""This file defines the API's paths about people and machines; it guards that a body holds what it may and no more.

A field that is not known is an error (422), never ignored: nobody slips a role or a tenant into a request. Who asks is
known from his session or token; no body says it.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from isolane.center.api.description import PUBLIC
from isolane.center.api.routes import PREFIX
from isolane.center.api.texts import NAME, NUMBER_MAX, TEXT, WHOLE, NewName, NumberPath
from isolane.center.store.people_port import Desk, Door, LoggedIn, NewPerson, PersonChange
from isolane.center.store.people_views import (
    EVERYWHERE,
    AuditEntry,
    Caller,
    PersonEntry,
    Role,
    Scope,
    SessionEntry,
    TenantEntry,
    TokenEntry,
    caller,
)

_Name = Annotated[str, Field(min_length=1, max_length=64, pattern=TEXT)]
_Password = Annotated[str, Field(min_length=1, max_length=256, pattern=TEXT)]
_Tenants = Annotated[list[_Name], Field(min_length=1, max_length=64)]
_NewSite = Annotated[str, Path(max_length=64, json_schema_extra={"pattern": NAME})]
_PathName = Annotated[str, Path(max_length=64)]


def _answers(*codes: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    return {int(code): {"description": code.phrase} for code in codes}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class LogIn(_Body):
    """Name and password."""

    name: _Name
    password: _Password


class PasswordChange(_Body):
    """The old password and the new one."""

    old: _Password
    new: _Password


class UserBody(_Body):
    """A user who is to be added."""

    name: NewName
    role: Annotated[Role, Field(strict=False)]
    tenants: _Tenants
    password: _Password | None = None


class UserChange(_Body):
    """What is to be changed of a user; what is absent stays."""

    role: Annotated[Role | None, Field(strict=False)] = None
    tenants: _Tenants | None = None
    disabled: bool | None = None
    password: _Password | None = None


class TokenBody(_Body):
    """A token that is to be made."""

    name: NewName
    scopes: Annotated[list[Annotated[Scope, Field(strict=False)]], Field(min_length=1, max_length=32)]
    tenants: _Tenants
    days: Annotated[int, Field(ge=1, le=730), WHOLE]


class TenantBody(_Body):
    """A tenant that is to be added."""

    name: NewName


@dataclass(frozen=True, slots=True)
class Me:
    """Who the center takes the caller for."""

    name: str
    role: str | None
    tenants: list[str]
    open: bool


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A token with its secret, which is shown this once."""

    secret: str
    token: TokenEntry


def people_router(door: Door, desk: Desk) -> APIRouter:
    """Make the routes about people, machines and tenants.

    Args:
        door: Lets people in and out.
        desk: Keeps them.
    """
    router = APIRouter(prefix=PREFIX)
    _add_session(router, door)
    _add_sessions(router, desk)
    _add_users(router, desk)
    _add_tokens(router, desk)
    _add_tenants(router, desk)
    return router


def _add_session(router: APIRouter, door: Door) -> None:
    refused = _answers(HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)

    @router.post(
        "/session",
        response_model=Me,
        responses=refused,
        openapi_extra=dict(PUBLIC),
        summary="Log in; the answer sets a cookie",
    )
    async def log_in(body: LogIn) -> Response:
        return _let_in(await door.log_in(body.name, body.password))

    @router.get("/session", response_model=Me, summary="Who the center takes you for")
    async def me() -> Response:
        return _json(_me(caller()))

    @router.delete("/session", status_code=HTTPStatus.NO_CONTENT, summary="Log out everywhere")
    async def log_out() -> Response:
        return _cookies(Response(status_code=HTTPStatus.NO_CONTENT), await door.log_out())

    @router.put(
        "/password",
        response_model=Me,
        responses=refused,
        summary="Change your password; all your sessions end but a new one",
    )
    async def password(body: PasswordChange) -> Response:
        return _let_in(await door.change_password(body.old, body.new))


def _add_sessions(router: APIRouter, desk: Desk) -> None:
    missing = _answers(HTTPStatus.NOT_FOUND)

    @router.get(
        "/sessions",
        response_model=list[SessionEntry],
        responses=missing,
        summary="Your sessions; an administrator may ask for a user's",
    )
    async def sessions(user: Annotated[str | None, Query(max_length=64)] = None) -> Response:
        return _json(await desk.sessions(user))

    @router.delete(
        "/sessions/{session}", status_code=HTTPStatus.NO_CONTENT, responses=missing, summary="End one of them"
    )
    async def end(session: _PathName) -> Response:
        await desk.end_session(session)
        return Response(status_code=HTTPStatus.NO_CONTENT)


def _add_users(router: APIRouter, desk: Desk) -> None:
    refused = _answers(HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT)

    @router.get("/users", response_model=list[PersonEntry], summary="Users of your tenants")
    async def users() -> Response:
        return _json(await desk.people())

    @router.post(
        "/users", status_code=HTTPStatus.CREATED, response_model=PersonEntry, responses=refused, summary="Add a user"
    )
    async def add(body: UserBody) -> Response:
        new = NewPerson(body.name, body.role, body.tenants, body.password)
        return _json(await desk.add_person(new), HTTPStatus.CREATED)

    @router.patch(
        "/users/{user}",
        response_model=PersonEntry,
        responses=_answers(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND),
        summary="Change a user; all his sessions end",
    )
    async def change(user: _PathName, body: UserChange) -> Response:
        return _json(
            await desk.change_person(user, PersonChange(body.role, body.tenants, body.disabled, body.password))
        )


def _add_tokens(router: APIRouter, desk: Desk) -> None:
    @router.get("/tokens", response_model=list[TokenEntry], summary="Tokens of programs for your tenants")
    async def tokens() -> Response:
        return _json(await desk.tokens())

    @router.post(
        "/tokens",
        status_code=HTTPStatus.CREATED,
        response_model=MadeToken,
        responses=_answers(HTTPStatus.FORBIDDEN),
        summary="Make a token; its secret is shown this once",
    )
    async def make(body: TokenBody) -> Response:
        entry, secret = await desk.add_token(body.name, body.scopes, body.tenants, body.days)
        return _json(MadeToken(secret, entry), HTTPStatus.CREATED)

    @router.delete(
        "/tokens/{number}",
        status_code=HTTPStatus.NO_CONTENT,
        responses=_answers(HTTPStatus.NOT_FOUND),
        summary="Revoke a token",
    )
    async def revoke(number: NumberPath) -> Response:
        await desk.revoke_token(number)
        return Response(status_code=HTTPStatus.NO_CONTENT)


def _add_tenants(router: APIRouter, desk: Desk) -> None:
    @router.get("/tenants", response_model=list[TenantEntry], summary="Tenants with their sites")
    async def tenants() -> Response:
        return _json(await desk.tenants())

    @router.post(
        "/tenants",
        status_code=HTTPStatus.CREATED,
        response_model=TenantEntry,
        responses=_answers(HTTPStatus.CONFLICT),
        summary="Add a tenant",
    )
    async def add(body: TenantBody) -> Response:
        return _json(await desk.add_tenant(body.name), HTTPStatus.CREATED)

    @router.put(
        "/tenants/{tenant}/sites/{site}",
        status_code=HTTPStatus.NO_CONTENT,
        responses=_answers(HTTPStatus.NOT_FOUND),
        summary="Give a site to a tenant",
    )
    async def assign(tenant: _PathName, site: _NewSite) -> Response:
        await desk.assign(site, tenant)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    @router.get("/audit", response_model=list[AuditEntry], summary="Who did what, to what, when, from where")
    async def audit(
        before: Annotated[int | None, Query(ge=1, le=NUMBER_MAX, description="Lines before this number")] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        return _json(await desk.audit(before, limit))


def _me(who: Caller) -> Me:
    tenants = [EVERYWHERE] if who.tenants is None else sorted(who.tenants)
    return Me(who.name, who.role, tenants, who.open)


def _let_in(done: LoggedIn) -> Response:
    return _cookies(_json(_me(done.caller)), done.cookies)


def _cookies(response: Response, lines: list[str]) -> Response:
    for line in lines:
        response.headers.append("Set-Cookie", line)
    return response


def _json(content: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
