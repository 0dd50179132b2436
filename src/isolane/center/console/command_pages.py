"""This file answers for the pages of commands; it guards that a page proposes and follows, and that nothing here signs.

Who proposes is who is logged in, by the name under which the key manifest has them. What is signed is shown in words
that follow from the bytes themselves; the signature is made elsewhere, by the signer on each person's own machine.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from isolane.center.console import argument_fields
from isolane.center.console.command_rows import STATES, command_row, point_rows, receipt_rows, words_of
from isolane.center.console.fields import Fields, form_of
from isolane.center.console.markup import render, utc_ms
from isolane.center.console.pages import PageRoute, missing_page
from isolane.center.console.tasks import Tasks, tasks_of
from isolane.center.store.alert_port import Alerts
from isolane.center.store.command_port import Commands
from isolane.center.store.command_rights import may_propose
from isolane.center.store.command_views import (
    WAITING,
    Asked,
    CommandError,
    CommandHistory,
    CommandQuery,
    CommandState,
    GatewayStatement,
    NoSuchCommandError,
)
from isolane.center.store.people_views import caller
from isolane.wire.verbs.catalogue import VERBS
from isolane.wire.verbs.declaration import Declaration
from isolane.wire.verbs.interlock import Interlock

LISTED: Final = 50
SIGNER_PORT: Final = 8790
_TEXT_CHARS_MAX: Final = 256
_Word = Annotated[str, Query(max_length=64)]
_Number = Annotated[int, Query(ge=0, le=2**53)]


@dataclass(frozen=True, slots=True)
class _Listing:
    """What of the list is shown."""

    gateway: str
    state: str
    before: int

    def query(self) -> CommandQuery:
        states = frozenset({CommandState(self.state)}) if self.state in set(CommandState) else None
        return CommandQuery(
            sites=caller().sites,
            gateway=self.gateway or None,
            states=states,
            before=self.before or None,
            limit=LISTED,
        )

    def address(self, before: int) -> str:
        return f"/commands?gateway={quote(self.gateway)}&state={quote(self.state)}&before={before}"


def command_pages(commands: Commands, alerts: Alerts) -> APIRouter:
    """Give the routes of these pages; include them before the console's own, which ends every other path.

    Args:
        commands: What was proposed, and what became of it.
        alerts: What is to be done, for the list beneath.
    """
    router = APIRouter(include_in_schema=False, route_class=PageRoute)
    _add_listing(router, commands, alerts)
    _add_proposing(router, commands)
    _add_command(router, commands)
    _add_gateway(router, commands)
    return router


def _add_listing(router: APIRouter, commands: Commands, alerts: Alerts) -> None:
    async def listing(template: str, shown: _Listing, tasks: Tasks | None = None) -> Response:
        found = await commands.page(shown.query())
        statements = await commands.statements(caller().sites)
        return render(
            template,
            nav="commands",
            rows=[command_row(each) for each in found.commands],
            shown=shown,
            older=shown.address(found.next_before) if found.next_before else "",
            gateways=[each.gateway for each in statements],
            states=STATES,
            may_propose=_may_any(),
            tasks=tasks,
        )

    @router.get("/commands")
    async def commands_page(gateway: _Word = "", state: _Word = "", before: _Number = 0) -> Response:
        return await listing("command_book.html", _Listing(gateway, state, before), await tasks_of(alerts))

    @router.get("/fragments/commands")
    async def commands_fragment(gateway: _Word = "", state: _Word = "", before: _Number = 0) -> Response:
        return await listing("command_list.html", _Listing(gateway, state, before))


def _add_proposing(router: APIRouter, commands: Commands) -> None:
    @router.get("/commands/new")
    async def new(gateway: _Word = "", verb: _Word = "", charger: _Word = "", again: _Word = "") -> Response:
        values = {"gateway": gateway, "verb": verb, argument_fields.PREFIX + "charger": charger}
        if again:
            found = await _seen(commands, again)
            if found is None:
                return missing_page("There is no command of that name.")
            old = found.command
            values = {"gateway": old.gateway, "verb": old.verb, "ticket": old.ticket, "reason": old.reason}
            if old.verb in VERBS:
                values |= argument_fields.written(VERBS[old.verb], old.args)
        return await _new_page(commands, Fields(values))

    @router.post("/commands")
    async def propose(request: Request) -> Response:
        form = Fields(form_of(await request.body()))
        verb = VERBS.get(form.values.get("verb", ""))
        statement = await _gateway(commands, form.values.get("gateway", ""))
        if verb is None or statement is None:
            return await _new_page(
                commands, form, HTTPStatus.UNPROCESSABLE_ENTITY, "Choose a gateway and a verb that are listed."
            )
        if not may_propose(caller(), verb.kind):
            sentence = f"You have no right to propose commands of class {verb.kind}."
            return await _new_page(commands, form, HTTPStatus.FORBIDDEN, sentence)
        args = argument_fields.read(verb, form)
        ticket = form.text("ticket", _TEXT_CHARS_MAX)
        reason = form.text("reason", _TEXT_CHARS_MAX, empty="Say why: whoever signs reads it.")
        if form.errors:
            return await _new_page(
                commands, form, HTTPStatus.UNPROCESSABLE_ENTITY, form.errors.get(argument_fields.PREFIX, "")
            )
        me = caller()
        tenant = next(iter(me.tenants)) if me.tenants is not None and len(me.tenants) == 1 else ""
        asked = Asked(
            gateway=statement.gateway,
            verb=verb.name,
            args=args,
            person=me.name,
            ticket=ticket,
            reason=reason,
            proposed_by=me.name,
            tenant=tenant,
        )
        try:
            made = await commands.propose(asked)
        except CommandError as error:
            return await _new_page(commands, form, HTTPStatus.CONFLICT, f"Nothing was proposed: {error}.")
        return RedirectResponse(f"/commands/{made.jti}", HTTPStatus.SEE_OTHER)


def _add_command(router: APIRouter, commands: Commands) -> None:
    async def page(template: str, jti: str, error: str = "") -> Response:
        found = await _seen(commands, jti)
        if found is None:
            return missing_page("There is no command of that name.")
        command = found.command
        points = await commands.checkpoints(command.gateway)
        return render(
            template,
            HTTPStatus.CONFLICT if error else HTTPStatus.OK,
            nav="commands",
            row=command_row(command),
            history=found,
            words=words_of(command),
            receipts=receipt_rows(found, points),
            left_s=max(0, (command.exp_ms - utc_ms()) // 1000),
            may_withdraw=command.state in WAITING and may_propose(caller(), command.kind),
            may_propose=command.verb in VERBS and may_propose(caller(), command.kind),
            signer_port=SIGNER_PORT,
            error=error,
        )

    @router.get("/commands/{jti}")
    async def command_page(jti: str) -> Response:
        return await page("command.html", jti)

    @router.get("/fragments/commands/{jti}")
    async def command_fragment(jti: str) -> Response:
        return await page("command_state.html", jti)

    @router.post("/commands/{jti}")
    async def withdraw(jti: str) -> Response:
        found = await _seen(commands, jti)
        if found is None:
            return missing_page("There is no command of that name.")
        if not may_propose(caller(), found.command.kind):
            return await page("command.html", jti, "You have no right to withdraw it.")
        try:
            await commands.withdraw(jti, caller().name)
        except CommandError as error:
            return await page("command.html", jti, f"It was not withdrawn: {error}.")
        except NoSuchCommandError:
            return missing_page("There is no command of that name.")
        return RedirectResponse(f"/commands/{found.command.jti}", HTTPStatus.SEE_OTHER)


def _add_gateway(router: APIRouter, commands: Commands) -> None:
    @router.get("/fragments/gateways/{site}/{gateway}")
    async def gateway_fragment(site: str, gateway: str) -> Response:
        statement = await _gateway(commands, gateway, site)
        waiting = []
        if statement is not None:
            query = CommandQuery(sites=caller().sites, gateway=gateway, states=frozenset(WAITING), limit=LISTED)
            waiting = [each for each in (await commands.page(query)).commands if each.kind == "R4"]
        return render(
            "command_gateway.html",
            site=site,
            gateway=gateway,
            statement=statement,
            waiting=waiting,
            may_freeze=may_propose(caller(), "R4"),
            may_propose=_may_any(),
        )

    @router.get("/audits/{site}/{gateway}")
    async def audit_page(site: str, gateway: str) -> Response:
        statement = await _gateway(commands, gateway, site)
        if statement is None:
            return missing_page("No gateway of that name at this site has stated anything yet.")
        suspicions = [each for each in await commands.suspicions(frozenset({site})) if each.gateway == gateway]
        points = point_rows(await commands.checkpoints(gateway))
        return render(
            "command_audit.html",
            nav="commands",
            site=site,
            gateway=gateway,
            statement=statement,
            suspicions=suspicions,
            points=points,
        )


async def _new_page(commands: Commands, form: Fields, status: int = HTTPStatus.OK, error: str = "") -> Response:
    statements = await commands.statements(caller().sites)
    verb = VERBS.get(form.values.get("verb", ""))
    keys = await commands.manifest()
    return render(
        "command_new.html",
        status,
        nav="commands",
        form=form,
        gateways=[each.gateway for each in statements],
        statement=next((each for each in statements if each.gateway == form.values.get("gateway", "")), None),
        verbs=[each for each in VERBS.values() if may_propose(caller(), each.kind)],
        verb=verb,
        fields=[] if verb is None else argument_fields.fields_of(verb),
        prefix=argument_fields.PREFIX,
        needs_idle=verb is not None and verb.kind == "R2" and Interlock.IDLE.value in _conditions(verb),
        may_propose=_may_any() if verb is None else may_propose(caller(), verb.kind),
        roles=[] if keys is None else sorted({h.role for h in keys.holders.values() if h.person == caller().name}),
        has_manifest=keys is not None,
        error=error,
    )


async def _seen(commands: Commands, jti: str) -> CommandHistory | None:
    """Find a command that the caller may know of."""
    found = await commands.one(jti) if "\0" not in jti else None
    return found if found is not None and caller().sees(found.command.site) else None


async def _gateway(commands: Commands, gateway: str, site: str | None = None) -> GatewayStatement | None:
    """Find a gateway that takes commands, of a site if one is named, that the caller may know of."""
    found = await commands.statement(gateway) if "\0" not in gateway else None
    if found is None or not caller().sees(found.site) or site not in {None, found.site}:
        return None
    return found


def _may_any() -> bool:
    return any(may_propose(caller(), each.kind) for each in VERBS.values())


def _conditions(verb: Declaration) -> str:
    """Name the interlocks of a verb for a charger of any name; "" where it cannot be asked without arguments."""
    try:
        return " ".join(verb.pre({"charger": "CP1"}))
    except ValueError:
        return ""
