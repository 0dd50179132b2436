"""This file keeps commands from their proposal to the signed envelope; it guards that nothing here can sign one.

What it signs with does not exist: a command is ready when the signatures of people, made elsewhere with keys that the
manifest lists, hold over the very bytes that it proposed.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from isolane.center.store.audit_lines import line_about
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.command_compose import Signing, compose, is_complete, may_sign
from isolane.center.store.command_keys import enrol, in_force, read_public, take_manifest
from isolane.center.store.command_read import found_command, history, latest_statement, page, shown, statements
from isolane.center.store.command_tables import (
    DIGEST_CHARS,
    CommandCheckpointRow,
    CommandRow,
    CommandSignatureRow,
    CommandSuspicionRow,
)
from isolane.center.store.command_views import (
    WAITING,
    Asked,
    CheckpointLine,
    CommandError,
    CommandHistory,
    CommandPage,
    CommandQuery,
    CommandState,
    CommandSuspicion,
    GatewayStatement,
    ProposedCommand,
)
from isolane.center.store.people_views import caller_or_none
from isolane.center.store.tables import GatewayRow
from isolane.security.envelope import COMMAND, EnvelopeError, Signature, assemble, signature_of, verify_one
from isolane.security.key_manifest import Trusted
from isolane.security.signing import PublicKey
from isolane.wire.command import CommandClass, write

NAME = "center"
"""Of a center in the commands that it proposes, where its settings give no other."""
REFUSALS_PER_H: Final = 1000
"""Lines of the audit about signatures that were not taken; who sends more of them must not fill the disk."""
_HOUR_MS: Final = 3_600_000


class SqlCommands:
    """Commands in the catalogue's database.

    Args:
        catalogue: Whose database holds them.
        name: The center's, as commands name who proposed them.
        clock: UTC, s.
    """

    def __init__(self, catalogue: SqlCatalogue, name: str = NAME, clock: Callable[[], float] = time.time) -> None:
        self._catalogue, self._name, self._clock = catalogue, name, clock
        self._hour = self._refusals = 0

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

    async def propose(self, asked: Asked) -> ProposedCommand:
        """See `Commands.propose`."""
        now_ms = self._now_ms()
        add_line = line_about(asked.proposed_by, now_ms)

        def change(session: Session) -> ProposedCommand:
            command = compose(
                asked,
                center=self._name,
                seq=_next_seq(session, asked.gateway, now_ms),
                statement=latest_statement(session, asked.gateway),
                keys=in_force(session),
                now_ms=now_ms,
            )
            payload = write(command)
            gateway = session.get(GatewayRow, asked.gateway)
            row = CommandRow(
                jti=command.jti,
                digest=hashlib.sha256(payload).hexdigest(),
                tenant=asked.tenant,
                site="" if gateway is None else gateway.site,
                gateway=command.aud,
                seq=command.seq,
                verb=command.verb,
                kind=command.appr.kind,
                need=command.appr.need,
                sub=command.req.sub,
                role=command.req.role,
                ticket=command.req.ticket,
                reason=command.req.reason,
                proposed_by=asked.proposed_by,
                proposed_ms=now_ms,
                exp_ms=command.exp * 1000,
                keys_ver=command.keys_ver,
                payload=payload,
                envelope=b"",
                state=CommandState.PROPOSED,
                why="",
                changed_ms=now_ms,
                sent_ms=0,
            )
            session.add(row)
            session.flush()
            add_line(session, "command-proposed", f"{row.jti} {row.verb} at {row.gateway}")
            return shown(row, [])

        return await self._catalogue.write(change)

    async def sign(self, jti: str, kid: str, signature: str) -> ProposedCommand:
        """See `Commands.sign`."""
        now_ms = self._now_ms()
        add_line = line_about(_asking(), now_ms)

        def change(session: Session) -> ProposedCommand:
            row = found_command(session, jti)
            if _state_at(row, now_ms) != CommandState.PROPOSED:
                raise CommandError("state", f"it is {_state_at(row, now_ms)}")
            keys = in_force(session)
            if keys is None or keys.manifest.version != row.keys_ver:
                raise CommandError("keys", "the key manifest has changed since it was proposed")
            holder, key = keys.holders.get(kid), keys.keys.get(kid)
            if holder is None or key is None:
                raise CommandError("rights", "that key is not in the manifest in force")
            lines = _signatures(session, jti)
            people = {each.person: each.role for each in lines}
            may_sign(_signing(row), holder, people)
            _verified(row.payload, kid, key, signature)
            line = CommandSignatureRow(
                jti=jti, person=holder.person, kid=kid, role=holder.role, signature=signature, at_ms=now_ms
            )
            session.add(line)
            add_line(session, "command-signed", f"{jti} {holder.person} {holder.role}")
            people[holder.person] = holder.role
            if is_complete(_signing(row), people):
                held = [
                    _verified(row.payload, each.kid, keys.keys[each.kid], each.signature) for each in (*lines, line)
                ]
                row.envelope = assemble(row.payload, held)
                row.state, row.changed_ms = CommandState.READY, now_ms
            return shown(row, [*people])

        try:
            return await self._catalogue.write(change)
        except CommandError as error:
            await self._note_refused(jti, error.reason, now_ms)
            raise

    async def _note_refused(self, jti: str, reason: str, now_ms: int) -> None:
        """Write to the audit that a signature was not taken."""
        if now_ms // _HOUR_MS != self._hour:
            self._hour, self._refusals = now_ms // _HOUR_MS, 0
        self._refusals += 1
        if self._refusals <= REFUSALS_PER_H:
            add_line = line_about(_asking(), now_ms)
            await self._catalogue.write(
                lambda session: add_line(session, "command-signature-refused", f"{jti} {reason}")
            )

    async def withdraw(self, jti: str, who: str) -> ProposedCommand:
        """See `Commands.withdraw`."""
        now_ms = self._now_ms()
        add_line = line_about(who, now_ms)

        def change(session: Session) -> ProposedCommand:
            row = found_command(session, jti)
            state = _state_at(row, now_ms)
            if state not in WAITING:
                raise CommandError("state", f"it is {state}")
            row.state, row.changed_ms, row.why = CommandState.WITHDRAWN, now_ms, f"by {who}"[:100]
            add_line(session, "command-withdrawn", jti)
            return shown(row, [each.person for each in _signatures(session, jti)])

        return await self._catalogue.write(change)

    async def page(self, query: CommandQuery) -> CommandPage:
        """See `Commands.page`."""
        await self.expire()
        return await self._catalogue.read(lambda session: page(session, query))

    async def one(self, jti: str) -> CommandHistory | None:
        """See `Commands.one`."""
        await self.expire()
        return await self._catalogue.read(lambda session: history(session, jti))

    async def expire(self) -> None:
        """Note what is good no longer and was never sent.

        Raises:
            UnavailableError: The database is away.
        """
        now_ms = self._now_ms()
        late = (CommandRow.state.in_(WAITING), CommandRow.exp_ms <= now_ms)
        if await self._catalogue.read(lambda session: session.scalar(select(CommandRow.number).where(*late).limit(1))):
            change = update(CommandRow).where(*late)
            change = change.values(state=CommandState.EXPIRED, changed_ms=CommandRow.exp_ms, why="it was never sent")
            await self._catalogue.write(lambda session: session.execute(change).close())

    async def statement(self, gateway: str) -> GatewayStatement | None:
        """See `Commands.statement`."""
        return await self._catalogue.read(lambda session: latest_statement(session, gateway))

    async def statements(self, sites: frozenset[str] | None = None) -> list[GatewayStatement]:
        """See `Commands.statements`."""
        return await self._catalogue.read(lambda session: statements(session, sites))

    async def checkpoints(self, gateway: str, limit: int = 100) -> list[CheckpointLine]:
        """See `Commands.checkpoints`."""
        query = select(CommandCheckpointRow).filter_by(gateway=gateway)
        query = query.order_by(CommandCheckpointRow.size.desc()).limit(limit)
        rows = await self._catalogue.read(lambda session: list(session.scalars(query)))
        return [CheckpointLine(row.size, row.root, row.note, row.at_ms, row.old, path_of(row.path)) for row in rows]

    async def manifest(self) -> Trusted | None:
        """See `Commands.manifest`."""
        return await self._catalogue.read(in_force)

    async def take_manifest(self, data: bytes, who: str) -> Trusted:
        """See `Commands.take_manifest`."""
        now_ms = self._now_ms()

        return await self._catalogue.write(lambda session: take_manifest(session, data, who, now_ms))

    async def enrol(self, gateway: str, public_key: bytes, who: str) -> str:
        """See `Commands.enrol`."""
        key, now_ms = read_public(public_key), self._now_ms()
        return await self._catalogue.write(lambda session: enrol(session, gateway, key, who, now_ms))

    async def suspicions(self, sites: frozenset[str] | None = None) -> list[CommandSuspicion]:
        """See `Commands.suspicions`."""
        query = select(CommandSuspicionRow, GatewayRow.site).outerjoin(
            GatewayRow, GatewayRow.name == CommandSuspicionRow.gateway
        )
        if sites is not None:
            query = query.where(GatewayRow.site.in_(sorted(sites)))
        query = query.order_by(CommandSuspicionRow.last_ms.desc())
        rows = await self._catalogue.read(lambda session: list(session.execute(query)))
        return [
            CommandSuspicion(row.gateway, site or "", row.kind, row.detail, row.count, row.first_ms, row.last_ms)
            for row, site in rows
        ]


def _asking() -> str:
    """Name who hands something in; "" outside a request."""
    found = caller_or_none()
    return "" if found is None else found.name


def path_of(text: str) -> tuple[str, ...]:
    """Take a proof's hashes apart, as they are kept."""
    return tuple(text[at : at + DIGEST_CHARS] for at in range(0, len(text), DIGEST_CHARS))


def _state_at(row: CommandRow, now_ms: int) -> CommandState:
    is_late = row.state in WAITING and row.exp_ms <= now_ms
    return CommandState.EXPIRED if is_late else CommandState(row.state)


def _signing(row: CommandRow) -> Signing:
    classes: dict[str, CommandClass] = {"R0": "R0", "R1": "R1", "R2": "R2", "R3": "R3", "R4": "R4"}
    return Signing(classes[row.kind], row.need, row.sub, row.role)


def _signatures(session: Session, jti: str) -> Sequence[CommandSignatureRow]:
    query = (
        select(CommandSignatureRow).filter_by(jti=jti).order_by(CommandSignatureRow.at_ms, CommandSignatureRow.person)
    )
    return list(session.scalars(query))


def _verified(payload: bytes, kid: str, key: PublicKey, text: str) -> Signature:
    try:
        signature = signature_of(kid, key, text, COMMAND)
        verify_one(payload, signature, key)
    except EnvelopeError as error:
        raise CommandError("signature", str(error)) from error
    return signature


def _next_seq(session: Session, gateway: str, now_ms: int) -> int:
    """Give the center's next number for a gateway.

    It counts up by one while commands are alive, and begins again at the time when none is: so a center whose database
    was put back to an older state does not go on with numbers that its gateways have seen.
    """
    mine = CommandRow.gateway == gateway
    next_one = (session.scalar(select(func.max(CommandRow.seq)).where(mine)) or 0) + 1
    is_alive = session.scalar(select(CommandRow.number).where(mine, CommandRow.exp_ms > now_ms).limit(1)) is not None
    return next_one if is_alive else max(next_one, now_ms // 1000)
