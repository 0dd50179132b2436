"""This file reads one connection between a charger and its CSMS; it guards that facts come from whole messages.

Facts are taken from the charger's calls only, and from the one answer of the CSMS that names a transaction (OCPP
1.6). Whatever of the connection was missed makes it forget the open calls, so that no answer is paired with a
stranger's call.
"""

from collections.abc import Callable
from dataclasses import dataclass

from isolane.tap import facts, facts_v16, facts_v201, ocpp, vocabulary
from isolane.tap.inflate import Inflater, agreement
from isolane.tap.pairing import Call, Pairing
from isolane.tap.pseudonym import Transactions
from isolane.tap.stream import Budget, Closing, Stream, Text
from isolane.tap.tally import Tally
from isolane.wire import tap_event as ev
from isolane.wire.tap_copy import Copy, Direction, Opened

Emit = Callable[[ev.AnyEvent], None]
"""Takes an event over; never blocks, never raises."""

_NAMES = {Direction.FROM_CHARGER: "charger", Direction.FROM_CSMS: "csms"}
_START = "StartTransaction"


@dataclass(frozen=True, slots=True)
class Rules:
    """What all sessions share."""

    transactions: Transactions
    vendor_codes: frozenset[str]
    budget: Budget
    tally: Tally
    message_bytes_max: int
    calls_max: int


class Session:
    """One connection.

    Args:
        opened: What the relay said of it.
        rules: What all sessions share.
        emit: Where its events go.
    """

    __slots__ = ("_calls", "_code", "_emit", "_is_v16", "_pairing", "_rules", "_streams", "opened")

    def __init__(self, opened: Opened, rules: Rules, emit: Emit) -> None:
        self.opened = opened
        self._rules = rules
        self._emit = emit
        self._code: int | None = None
        self._is_v16 = not opened.subprotocol.startswith("ocpp2")
        self._calls = facts_v16.CALLS if self._is_v16 else facts_v201.CALLS
        self._pairing = Pairing(rules.calls_max)
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
                self._read(copy.direction, copy.mono_ns, item.payload)
            elif isinstance(item, Closing):
                self._code = self._code or item.code
            else:
                self._miss(item.reason, copy.mono_ns)

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
        self._rules.tally.lose(self.opened.charger, reason, mono_ns)

    def _read(self, direction: Direction, mono_ns: int, text: bytes) -> None:
        try:
            message = ocpp.read(text)
        except ocpp.JsonError as error:
            self._miss(error.reason, mono_ns)
            return
        if message.type is ocpp.Type.CALL:
            self._call(direction, mono_ns, message)
        elif message.type in {ocpp.Type.CALLRESULT, ocpp.Type.CALLERROR}:
            self._answer(direction, mono_ns, message)

    def _call(self, direction: Direction, mono_ns: int, message: ocpp.Message) -> None:
        action = message.word if message.word in vocabulary.ACTIONS else "other"
        evse = 0
        read = self._calls.get(action) if direction is Direction.FROM_CHARGER else None
        if read:
            payload = self._payload(message, mono_ns)
            if payload is not None:
                self._take(read, payload, mono_ns)
                evse = facts_v16.started_at(payload) if action == _START else 0
        if not self._pairing.ask(direction, message.id, Call(action, mono_ns, evse)):
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
            payload = self._payload(message, mono_ns)
            if payload is not None:
                self._take(lambda result, origin: facts_v16.started(call.evse, result, origin), payload, mono_ns)

    def _payload(self, message: ocpp.Message, mono_ns: int) -> dict[str, object] | None:
        try:
            return ocpp.read_payload(message.payload)
        except ocpp.JsonError as error:
            self._rules.tally.lose(self.opened.charger, error.reason, mono_ns)
            return None

    def _take(self, read: facts.Read, payload: dict[str, object], mono_ns: int) -> None:
        rules = self._rules
        origin = facts.Origin(self.opened.charger, mono_ns, rules.transactions, rules.vendor_codes)
        for event in read(payload, origin):
            self._emit(event)
        rules.tally.facts_refused += origin.refused
