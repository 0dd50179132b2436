"""This file reads one connection between a charger and its CSMS; it guards that facts come from whole messages.

Facts are taken from the charger's calls only, and from the one answer of the CSMS that names a transaction (OCPP
1.6). Whatever of the connection was missed makes it forget the open calls, so that no answer is paired with a
stranger's call. Those messages, and the calls of the CSMS that switch or reconfigure, are shown to `watch` too.
"""

from collections.abc import Callable
from dataclasses import dataclass

from isolane.tap import facts, facts_v16, facts_v201, mass_control, ocpp, reconfiguration, vocabulary
from isolane.tap.frame_tree import FrameTree
from isolane.tap.inflate import Inflater, agreement
from isolane.tap.pairing import Call, Pairing
from isolane.tap.pseudonym import Transactions
from isolane.tap.security_events import Source
from isolane.tap.stream import Budget, Closing, Stream, Text
from isolane.tap.tally import Tally
from isolane.tap.watch import ConnectionWatch, SiteWatch, bill
from isolane.wire import tap_event as ev
from isolane.wire.tap_copy import Copy, Direction, Opened

Emit = Callable[[ev.AnyEvent], None]
"""Takes an event over; never blocks, never raises."""

_NAMES = {Direction.FROM_CHARGER: "charger", Direction.FROM_CSMS: "csms"}
_START = "StartTransaction"
_WATCHED = mass_control.SWITCHING | reconfiguration.WHOLE


@dataclass(frozen=True, slots=True)
class Rules:
    """What all sessions share."""

    transactions: Transactions
    vendor_codes: frozenset[str]
    budget: Budget
    tally: Tally
    message_bytes_max: int
    calls_max: int
    watch: SiteWatch
    frames: FrameTree | None = None


class Session:
    """One connection.

    Args:
        opened: What the relay said of it.
        rules: What all sessions share.
        emit: Where its events go.
        connection: Its number, for the log.
    """

    __slots__ = ("_calls", "_code", "_emit", "_is_v16", "_look", "_pairing", "_rules", "_streams", "_watch", "opened")

    def __init__(self, opened: Opened, rules: Rules, emit: Emit, connection: int = 0) -> None:
        self.opened = opened
        self._rules = rules
        self._emit = emit
        self._code: int | None = None
        self._is_v16 = not opened.subprotocol.startswith("ocpp2")
        self._calls = facts_v16.CALLS if self._is_v16 else facts_v201.CALLS
        self._pairing = Pairing(rules.calls_max)
        self._watch = ConnectionWatch(rules.watch, Source(opened.charger, connection))
        self._look = self._watch.call_v16 if self._is_v16 else self._watch.call_v2
        agreed, size = agreement(opened.extensions), rules.message_bytes_max
        self._streams = tuple(
            Stream(Inflater(way, size) if way else None, rules.budget, size) for way in agreed or (None, None)
        )

    def connected(self) -> ev.Connected:
        """Give the fact that this connection was opened."""
        known = self.opened.subprotocol in vocabulary.SUBPROTOCOLS or not self.opened.subprotocol
        ocpp_version = self.opened.subprotocol if known else "other"
        return ev.Connected(self.opened.charger, self.opened.opened_mono_ns, ocpp_version, self.opened.secure)

    def data(self, copy: Copy) -> None:
        """Read one DATA copy."""
        for item in self._streams[copy.direction].feed(copy.offset, copy.boundary, copy.payload):
            if isinstance(item, Text):
                self._rules.tally.messages += 1
                if self._rules.frames is not None:
                    self._rules.frames.note(self.opened.charger, copy.direction, copy.mono_ns, item.payload)
                self._read(copy.direction, copy.mono_ns, item.payload)
            elif isinstance(item, Closing):
                self._code = self._code or item.code
            else:
                self._miss(item.reason, copy.mono_ns)
                if self._rules.frames is not None:
                    self._rules.frames.gap(self.opened.charger, copy.direction, copy.mono_ns, item.reason)
                if item.reason == "malformed-frame":
                    self._watch.odd(copy.direction, "frame", copy.mono_ns)

    def close(self, by: str, mono_ns: int) -> None:
        """End the session and emit that it ended."""
        for stream in self._streams:
            stream.end()
        self._emit(ev.Disconnected(self.opened.charger, mono_ns, by, self._code))

    def end(self) -> None:
        """End the session without a word."""
        for stream in self._streams:
            stream.end()

    def _miss(self, reason: str, mono_ns: int) -> None:
        self._pairing.forget()
        self._watch.miss()
        self._rules.tally.lose(self.opened.charger, reason, mono_ns)

    def _read(self, direction: Direction, mono_ns: int, text: bytes) -> None:
        try:
            message = ocpp.read(text)
        except ocpp.JsonError as error:
            self._miss(error.reason, mono_ns)
            self._watch.odd(direction, error.why, mono_ns)
            return
        if message.is_odd:
            self._watch.odd(direction, "form", mono_ns)
        if message.type is ocpp.Type.CALL:
            self._call(direction, mono_ns, message)
        elif message.type in {ocpp.Type.CALLRESULT, ocpp.Type.CALLERROR}:
            self._answer(direction, mono_ns, message)

    def _call(self, direction: Direction, mono_ns: int, message: ocpp.Message) -> None:
        action = message.word if message.word in vocabulary.ACTIONS else "other"
        evse, start = 0, None
        if direction is Direction.FROM_CHARGER:
            read = self._calls.get(action)
            payload = self._payload(direction, message, mono_ns) if read else None
            if read and payload is not None:
                self._look(action, payload, self._take(read, payload, mono_ns), mono_ns)
                if action == _START:
                    evse = facts_v16.started_at(payload)
                    start = bill(payload.get("meterStart"), payload.get("timestamp"), mono_ns)
        elif action in _WATCHED:
            self._watch.command(action, mono_ns)
        elif action in reconfiguration.READ:
            payload = self._payload(direction, message, mono_ns)
            if payload is not None:
                self._watch.configure(action, payload, mono_ns)
        if self._pairing.ask(direction, message.id, Call(action, mono_ns, evse, start)):
            self._emit(ev.Called(self.opened.charger, mono_ns, _NAMES[direction]))
        else:
            self._rules.tally.calls_dropped += 1

    def _answer(self, direction: Direction, mono_ns: int, message: ocpp.Message) -> None:
        call = self._pairing.answer(direction, message.id)
        if call is None:
            self._rules.tally.answers_unpaired += 1
            return
        is_result = message.type is ocpp.Type.CALLRESULT
        error = message.word if message.word in vocabulary.CALL_ERRORS else "other"
        latency_ms = (mono_ns - call.mono_ns) / 1e6
        self._emit(
            ev.Answered(
                self.opened.charger,
                mono_ns,
                call.action,
                _NAMES[direction],
                latency_ms,
                "result" if is_result else error,
            )
        )
        if is_result and self._is_v16 and call.action == _START and direction is Direction.FROM_CSMS:
            payload = self._payload(direction, message, mono_ns)
            if payload is not None:
                self._take(lambda result, origin: facts_v16.started(call.evse, result, origin), payload, mono_ns)
                self._watch.started(payload, call.start)

    def _payload(self, direction: Direction, message: ocpp.Message, mono_ns: int) -> dict[str, object] | None:
        try:
            return ocpp.read_payload(message.payload)
        except ocpp.JsonError as error:
            self._rules.tally.lose(self.opened.charger, error.reason, mono_ns)
            if error.reason != "oversize" and not (message.is_odd and error.why == "form"):
                self._watch.odd(direction, error.why, mono_ns)
            return None

    def _take(self, read: facts.Read, payload: dict[str, object], mono_ns: int) -> list[ev.AnyEvent]:
        rules = self._rules
        origin = facts.Origin(self.opened.charger, mono_ns, rules.transactions, rules.vendor_codes)
        found = read(payload, origin)
        for event in found:
            self._emit(event)
        rules.tally.facts_refused += origin.refused
        return found
