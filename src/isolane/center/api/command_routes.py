"""This file defines the API's paths about commands; it guards that who proposes is who is logged in, and nobody else.

No body says who acts. What is signed was made by the store from the gateway's own statement; the center only proposes
and relays: a signature that is posted here was made elsewhere, and is taken if it holds by the key manifest in force.
"""

from collections.abc import Awaitable
from http import HTTPStatus
from typing import Annotated, Any, Final, NoReturn

import msgspec
from fastapi import APIRouter, HTTPException, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from isolane.center.api.command_bodies import (
    AuditBody,
    CommandBody,
    CommandsBody,
    HistoryBody,
    ManifestBody,
    StatementBody,
    VerbBody,
    audit_body,
    command_body,
    history_body,
    proof_of,
    statement_body,
    verb_body,
)
from isolane.center.api.routes import PREFIX
from isolane.center.api.texts import NUMBER_MAX, TEXT, SiteQuery
from isolane.center.store.command_port import Commands
from isolane.center.store.command_rights import may_propose
from isolane.center.store.command_views import (
    Asked,
    CommandError,
    CommandHistory,
    CommandQuery,
    CommandState,
    GatewayStatement,
    NoSuchCommandError,
    ProposedCommand,
)
from isolane.center.store.people_views import caller
from isolane.wire.command_proof import encode
from isolane.wire.verbs.catalogue import VERBS

_CONFLICTS: Final = frozenset({"state", "keys", "statement", "manifest"})
_Name = Annotated[str, Field(min_length=1, max_length=64, pattern=TEXT)]
_Said = Annotated[str, Field(max_length=256, pattern=TEXT)]
_Jti = Annotated[str, Path(max_length=64, pattern=TEXT)]
_Gateway = Annotated[str, Path(max_length=64, pattern=TEXT)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ProposalBody(_Body):
    """What a gateway shall do, and why; arguments as the verb's schema has them."""

    gateway: _Name
    verb: _Name
    args: dict[str, Any] = {}
    ticket: _Said
    reason: Annotated[str, Field(min_length=1, max_length=256, pattern=TEXT)]


class SignatureBody(_Body):
    """A signature that was made elsewhere: name of the key, and 64 bytes in base64url."""

    kid: Annotated[str, Field(json_schema_extra={"pattern": "^[0-9a-f]{64}$"}, max_length=64, pattern=TEXT)]
    signature: Annotated[str, Field(max_length=128, pattern=TEXT)]


def _answers(*codes: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    return {int(code): {"description": code.phrase} for code in codes}


_MISSING = _answers(HTTPStatus.NOT_FOUND)
_ACTED = _answers(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)


def command_router(commands: Commands) -> APIRouter:
    """Make the routes; include it before the API's own router, which ends every other path."""
    router = APIRouter(prefix=PREFIX)
    _add_reading(router, commands)
    _add_proposing(router, commands)
    _add_acting(router, commands)
    _add_gateways(router, commands)
    return router


def _add_reading(router: APIRouter, commands: Commands) -> None:
    @router.get("/commands", response_model=CommandsBody, summary="Commands, newest first")
    async def page(
        *,
        site: SiteQuery = None,
        gateway: Annotated[str | None, Query(max_length=64, pattern=TEXT)] = None,
        state: Annotated[list[CommandState] | None, Query(max_length=11, description="May be repeated")] = None,
        before: Annotated[int | None, Query(ge=1, le=NUMBER_MAX, description="`before` of the last page")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Response:
        sites = caller().sites if site is None else frozenset({site})
        states = frozenset(state) if state else None
        found = await commands.page(
            CommandQuery(sites=sites, gateway=gateway, states=states, before=before, limit=limit)
        )
        stated = {each.gateway: each for each in await commands.statements(sites)}
        rows = [command_body(each, stated.get(each.gateway)) for each in found.commands]
        return _json(CommandsBody(rows, found.next_before))

    @router.get("/commands/{jti}", response_model=HistoryBody, responses=_MISSING, summary="One with its history")
    async def history(jti: _Jti) -> Response:
        found = await _seen(commands, jti)
        return _json(history_body(found, await commands.statement(found.command.gateway)))

    @router.get(
        "/commands/{jti}/proof", responses=_MISSING, summary="Its proof, for `isolane audit verify` without the center"
    )
    async def proof(jti: _Jti) -> Response:
        found = await _seen(commands, jti)
        keys = await commands.manifest()
        made = proof_of(found, await commands.checkpoints(found.command.gateway), b"" if keys is None else keys.data)
        headers = {"Content-Disposition": f'attachment; filename="isolane-proof-{found.command.jti}.json"'}
        return Response(encode(made), headers=headers, media_type="application/json")

    @router.get("/verbs", response_model=list[VerbBody], summary="What a gateway can be told to do")
    async def verbs() -> Response:
        return _json([verb_body(each) for each in VERBS.values()])


def _add_proposing(router: APIRouter, commands: Commands) -> None:
    @router.post(
        "/commands",
        response_model=CommandBody,
        status_code=HTTPStatus.CREATED,
        responses=_ACTED,
        summary="Propose a command; nothing happens before people have signed it",
    )
    async def propose(body: ProposalBody) -> Response:
        statement = await commands.statement(body.gateway)
        if statement is None or not caller().sees(statement.site):
            raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no gateway {body.gateway} that takes commands")
        verb = VERBS.get(body.verb)
        if verb is None:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"{body.verb} is no verb")
        if not may_propose(caller(), verb.kind):
            raise HTTPException(HTTPStatus.FORBIDDEN, f"you may not propose commands of class {verb.kind}")
        asked = Asked(
            gateway=body.gateway,
            verb=body.verb,
            args=body.args,
            person=caller().name,
            ticket=body.ticket,
            reason=body.reason,
            proposed_by=caller().name,
            tenant=tenant(),
        )
        try:
            return _json(command_body(await commands.propose(asked), statement), HTTPStatus.CREATED)
        except CommandError as error:
            _refuse(error)


def _add_acting(router: APIRouter, commands: Commands) -> None:
    @router.post(
        "/commands/{jti}/signatures", response_model=CommandBody, responses=_ACTED, summary="Hand in a signature"
    )
    async def sign(jti: _Jti, body: SignatureBody) -> Response:
        await _seen(commands, jti)
        return await _done(jti, commands.sign(jti, body.kid, body.signature))

    @router.post(
        "/commands/{jti}/withdraw", response_model=CommandBody, responses=_ACTED, summary="Take back what was not sent"
    )
    async def withdraw(jti: _Jti) -> Response:
        found = await _seen(commands, jti)
        if not may_propose(caller(), found.command.kind):
            raise HTTPException(HTTPStatus.FORBIDDEN, f"you may not propose commands of class {found.command.kind}")
        return await _done(jti, commands.withdraw(jti, caller().name))


def _add_gateways(router: APIRouter, commands: Commands) -> None:
    @router.get("/statements", response_model=list[StatementBody], summary="What gateways say of themselves")
    async def statements(*, site: SiteQuery = None) -> Response:
        sites = caller().sites if site is None else frozenset({site})
        return _json([statement_body(each) for each in await commands.statements(sites)])

    @router.get(
        "/audits/{gateway}", response_model=AuditBody, responses=_MISSING, summary="Checkpoints of a gateway's audit"
    )
    async def audit(gateway: _Gateway) -> Response:
        statement = await _gateway(commands, gateway)
        points = await commands.checkpoints(gateway)
        return _json(audit_body(statement, points, await commands.suspicions(frozenset({statement.site}))))

    @router.get("/keys", response_model=list[ManifestBody], summary="Key manifests newer than a version, oldest first")
    async def keys(*, after: Annotated[int, Query(ge=0, le=NUMBER_MAX)] = 0) -> Response:
        found = await commands.manifest()
        if found is None or found.manifest.version <= after:
            return _json([])
        manifest = found.manifest
        return _json([ManifestBody(manifest.version, manifest.expires * 1000, found.data.decode())])


def tenant() -> str:
    """Name the caller's tenant, "" for none or several."""
    tenants = caller().tenants
    return next(iter(tenants)) if tenants is not None and len(tenants) == 1 else ""


async def _seen(commands: Commands, jti: str) -> CommandHistory:
    """Find a command that the caller may know of."""
    found = await commands.one(jti)
    if found is None or not caller().sees(found.command.site):
        raise _missing(jti)
    return found


async def _done(jti: str, work: Awaitable[ProposedCommand]) -> Response:
    try:
        return _json(command_body(await work, None))
    except CommandError as error:
        _refuse(error)
    except NoSuchCommandError as error:
        raise _missing(jti) from error


async def _gateway(commands: Commands, gateway: str) -> GatewayStatement:
    found = await commands.statement(gateway)
    if found is None or not caller().sees(found.site):
        raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no gateway {gateway} that takes commands")
    return found


def _missing(jti: str) -> HTTPException:
    return HTTPException(HTTPStatus.NOT_FOUND, f"there is no command {jti}")


def _refuse(error: CommandError) -> NoReturn:
    status = HTTPStatus.CONFLICT if error.reason in _CONFLICTS else HTTPStatus.UNPROCESSABLE_ENTITY
    raise HTTPException(status, f"{error.reason}: {error}") from error


def _json(content: object, status: int = HTTPStatus.OK) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
