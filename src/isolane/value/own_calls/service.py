"""This file decides about own calls and makes them.

It guards that nothing is asked that may not be asked, nothing before it is in the audit, and that a caller learns
whether anything was sent.

The order: what the settings say, what the payload says, what the connection says, the pace of the charger; then the
audit, whose disk is waited for in a thread; then the connection again, for it went on meanwhile; then the call. Who
asks for something that the settings do not allow causes a security event.
"""

import asyncio
import dataclasses
import hashlib
import logging
from collections import Counter
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec

from isolane.core import strict_json
from isolane.value.door.handshake import Upgrade
from isolane.value.legs.pace import Bucket
from isolane.value.legs.stream import Stream
from isolane.value.own_calls.actions import OFFERED
from isolane.value.own_calls.audit import Entry
from isolane.value.own_calls.dialogue import Boots, Ids
from isolane.value.own_calls.heads import CALL, CALLERROR, CALLRESULT
from isolane.value.own_calls.leg import OwnCallLeg, Reply
from isolane.value.own_calls.secrecy import without_secrets
from isolane.value.own_calls.settings import OwnCallsSettings
from isolane.value.registry import Histogram
from isolane.value.security_events import Kind, SecurityEvents
from isolane.value.settings import Limits
from isolane.wire.own_call import (
    PAYLOAD_BYTES_MAX,
    VERSION,
    Answer,
    Error,
    Failed,
    Failure,
    Refusal,
    Refused,
    Request,
    Result,
)

_log = logging.getLogger(__name__)

_FORBIDDEN: Final = (Refusal.NOT_ENABLED, Refusal.ACTION_NOT_ALLOWED, Refusal.PAYLOAD_NOT_ALLOWED)
_HELD_BOUNDS_S: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_CHARGERS_MAX: Final = 10_000
_UNANSWERED_MAX: Final = 1000
_DESCRIPTION_CHARS_MAX: Final = 255
_CODE_CHARS_MAX: Final = 64
_S_PER_MIN: Final = 60


class Audit(Protocol):
    """Where everything is written down."""

    def append(self, entry: Entry) -> None:
        """Write an entry for good; raises OSError. Called in a thread, one call at a time."""


class _RefusingError(Exception):
    """Nothing is sent."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclasses.dataclass(frozen=True, slots=True)
class _Asked:
    """A request, as the audit has it, and the id it was sent with."""

    request: Request
    payload_sha256: str
    id: str = ""


class OwnCalls:
    """The service.

    Args:
        settings: The [value.own_calls] table.
        events: Who is told of misuse.
        audit: See there.

    Attributes:
        outcomes: Ends of requests, and "late" replies.
        held_s: For how long CALLs of the CSMS have waited.
        ids: Of this process's own calls.
        boots: See `Dialogue`.
    """

    def __init__(self, settings: OwnCallsSettings, events: SecurityEvents, audit: Audit) -> None:
        self._events = events
        self._audit = audit
        self._writing = asyncio.Lock()
        self._legs: dict[str, OwnCallLeg] = {}
        self._unanswered: dict[str, _Asked] = {}
        self._tasks: set[asyncio.Task[bool]] = set()
        self.hold_to(settings)
        self.outcomes: Counter[str] = Counter()
        self.held_s = Histogram(_HELD_BOUNDS_S)
        self.ids = Ids()
        self.boots = Boots()

    def hold_to(self, settings: OwnCallsSettings) -> None:
        """Use other settings from the next request on; a connection keeps the leg that it has, or has not."""
        self._settings = settings
        self._allowed = {
            subprotocol: frozenset(settings.actions_v16 if subprotocol == "ocpp1.6" else settings.actions_v2)
            for subprotocol in OFFERED
        }
        self._paces: dict[str, Bucket] = {}

    def narrow(self, upgrade: Upgrade) -> Upgrade:
        """Give the request for the CSMS: without extensions where the charger may be asked."""
        if not self._settings.enables(upgrade.charger):
            return upgrade
        return dataclasses.replace(upgrade, extensions="")

    def attach(self, charger: str, subprotocol: str, stream: Stream, limits: Limits) -> OwnCallLeg | None:
        """Put a leg around a charger's stream; None where the charger may not be asked."""
        settings = self._settings
        if not settings.enables(charger):
            return None
        leg = OwnCallLeg(
            stream, charger, subprotocol, self, limits,
            csms_call_s=settings.csms_call_s, answer_bytes_max=settings.answer_bytes_max,
        )  # fmt: skip
        self._legs[charger] = leg
        return leg

    def left(self, leg: OwnCallLeg) -> None:
        """Know that a charger is gone."""
        if self._legs.get(leg.charger) is leg:
            del self._legs[leg.charger]

    def held(self, ns: int) -> None:
        """Know how long a CALL of the CSMS has waited."""
        self.held_s.add_ns(ns)

    def late(self, charger: str, identity: str) -> None:
        """Know that a reply came which nobody waits for; the first one to a call is in the audit."""
        self.outcomes["late"] += 1
        asked = self._unanswered.pop(identity, None)
        if asked is None:
            return
        _log.info("own-call-late charger=%s action=%s id=%s", charger, asked.request.action, identity)
        task = asyncio.get_running_loop().create_task(self._write(asked, "late"))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def malformed(self) -> Refused:
        """Answer what is no request."""
        self.outcomes[f"refused-{Refusal.MALFORMED}"] += 1
        self._events.report(Kind.OWN_CALL, detail="not a request")
        return Refused(VERSION, Refusal.MALFORMED)

    async def close(self) -> None:
        """Wait until what is being written is written."""
        await asyncio.gather(*self._tasks)

    async def call(self, request: Request) -> Answer:
        """Make a call, or say why not."""
        asked = _Asked(request, hashlib.sha256(request.payload).hexdigest())
        try:
            leg, payload = self._judge(request)
        except _RefusingError as no:
            return await self._refuse(asked, no.reason)
        leg.reserved = True
        try:
            asked = dataclasses.replace(asked, id=self.ids.issue())
            if not await self._write(asked, "accepted"):
                return await self._refuse(asked, Refusal.AUDIT)
            reason = leg.refusal()
            if reason is not None:
                return await self._refuse(asked, reason)
            text = strict_json.write([CALL, asked.id, request.action, payload])
            reply = await self._ask(leg, asked, text)
        finally:
            leg.reserved = False
        answer, outcome = _read(reply)
        if isinstance(reply, Failure):
            self._unanswered[asked.id] = asked
            if len(self._unanswered) > _UNANSWERED_MAX:
                del self._unanswered[next(iter(self._unanswered))]
        self._note(asked, outcome)
        await self._write(asked, outcome)
        return answer

    async def _ask(self, leg: OwnCallLeg, asked: _Asked, text: bytes) -> Reply:
        settings = self._settings
        reply = leg.send(asked.id, text, settings.csms_delay_ms_max / 1000)
        try:
            await asyncio.wait({reply}, timeout=min(asked.request.deadline_ms / 1000, settings.answer_s))
        finally:
            if not reply.done():
                leg.give_up()
        return reply.result()

    def _judge(self, request: Request) -> tuple[OwnCallLeg, dict[str, object]]:
        """Give who is asked what; a request that is granted counts for the pace.

        Raises:
            _RefusingError: It is not.
        """
        _demand(self._settings.enables(request.charger), Refusal.NOT_ENABLED)
        _demand(any(request.action in allowed for allowed in self._allowed.values()), Refusal.ACTION_NOT_ALLOWED)
        payload = _payload(request)
        leg = self._legs.get(request.charger)
        if leg is None:
            raise _RefusingError(Refusal.NOT_CONNECTED)
        _demand(leg.subprotocol in OFFERED, Refusal.VERSION_UNKNOWN)
        _demand(request.action in self._allowed[leg.subprotocol], Refusal.ACTION_NOT_ALLOWED)
        fits = OFFERED[leg.subprotocol][request.action]
        _demand(fits(payload, self._settings.upload_to), Refusal.PAYLOAD_NOT_ALLOWED)
        _demand(not leg.reserved, Refusal.OWN_CALL_OUTSTANDING)
        reason = leg.refusal()
        if reason is not None:
            raise _RefusingError(reason)
        _demand(self._pace(request.charger).take() == 1, Refusal.TOO_OFTEN)
        return leg, payload

    def _pace(self, charger: str) -> Bucket:
        bucket = self._paces.pop(charger, None)
        if bucket is None:
            bucket = Bucket(self._settings.calls_per_min / _S_PER_MIN, self._settings.calls_burst)
            if len(self._paces) >= _CHARGERS_MAX:
                del self._paces[next(iter(self._paces))]
        self._paces[charger] = bucket
        return bucket

    async def _refuse(self, asked: _Asked, reason: Refusal) -> Refused:
        request = asked.request
        if reason in _FORBIDDEN:
            self._events.report(Kind.OWN_CALL, charger=request.charger, detail=f"{reason} {request.action}")
        self._note(asked, f"refused-{reason}")
        if reason is not Refusal.AUDIT:
            await self._write(asked, f"refused-{reason}")
        return Refused(VERSION, reason)

    def _note(self, asked: _Asked, outcome: str) -> None:
        self.outcomes[outcome] += 1
        _log.info(
            "own-call charger=%r action=%s id=%s reference=%s outcome=%s",
            asked.request.charger,
            asked.request.action,
            asked.id or "-",
            asked.request.reference or "-",
            outcome,
        )

    async def _write(self, asked: _Asked, outcome: str) -> bool:
        """Write a line of the audit; tell whether the disk has it."""
        request = asked.request
        entry = Entry(
            at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            charger=request.charger,
            action=request.action,
            payload_sha256=asked.payload_sha256,
            reference=request.reference,
            id=asked.id,
            outcome=outcome,
        )
        try:
            async with self._writing:
                await asyncio.to_thread(self._audit.append, entry)
        except OSError as error:
            _log.error("audit-failed error=%s", error.strerror or error)
            self._events.report(Kind.STATE, charger=request.charger, detail="the audit of own calls is not written")
            return False
        return True


def _demand(granted: bool, otherwise: Refusal) -> None:  # noqa: FBT001 - a condition and what follows from it
    if not granted:
        raise _RefusingError(otherwise)


def _payload(request: Request) -> dict[str, object]:
    """Read the payload: an unambiguous object."""
    _demand(len(request.payload) <= PAYLOAD_BYTES_MAX, Refusal.MALFORMED)
    try:
        payload = strict_json.read(bytes(request.payload))
    except ValueError:
        raise _RefusingError(Refusal.MALFORMED) from None
    if not isinstance(payload, dict):
        raise _RefusingError(Refusal.MALFORMED)
    return payload


def _read(reply: Reply) -> tuple[Answer, str]:
    """Read a reply for the caller; give the outcome too."""
    if isinstance(reply, Failure):
        return Failed(VERSION, reply), f"failed-{reply}"
    try:
        message = strict_json.read(reply)
    except ValueError:
        message = None
    match message:
        case [kind, _, dict() as payload] if kind == CALLRESULT:
            return Result(VERSION, msgspec.Raw(strict_json.write(without_secrets(payload)))), "result"
        case [kind, _, str() as code, str() as description, dict()] if kind == CALLERROR:
            plain = code if code.isascii() and code.isalnum() and len(code) <= _CODE_CHARS_MAX else ""
            return Error(VERSION, plain, description[:_DESCRIPTION_CHARS_MAX]), "error"
    return Failed(VERSION, Failure.MALFORMED_ANSWER), f"failed-{Failure.MALFORMED_ANSWER}"
