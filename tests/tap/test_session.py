"""This file tests `tap.session`: one connection from raw bytes to events."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Opcode

from isolane.tap import facts_v16, facts_v201, reconfiguration
from isolane.tap.session import Rules, Session
from isolane.tap.stream import Budget
from isolane.wire import tap_event as ev
from isolane.wire.tap_copy import Direction, Opened
from isolane.wire.tap_event import Answered, Connected, Disconnected, Unread
from support.tap_rules import make_rules
from support.tap_traffic import Leg, control, copies, copy, deflate, message, ocpp

CHARGER, CSMS = Direction.FROM_CHARGER, Direction.FROM_CSMS
START = {"connectorId": 2, "idTag": "04A1", "meterStart": 100, "timestamp": ""}


class Talk:
    """A session and the leg that feeds it."""

    def __init__(
        self, rules: Rules, events: list[ev.AnyEvent], *, subprotocol: str = "ocpp1.6", extensions: str = ""
    ) -> None:
        self.leg = Leg(subprotocol=subprotocol, extensions=extensions)
        self.rules = rules
        self.events = events
        self.session = Session(Opened("CP1", subprotocol, extensions, 5, secure=True), rules, events.append)

    def says(self, direction: Direction, *array: object) -> None:
        self.session.data(copy(self.leg.says(direction, *array)))

    def answers(self) -> list[tuple[str, str, float, str]]:
        found = [event for event in self.events if isinstance(event, Answered)]
        return [(event.action, event.by, event.latency_ms, event.outcome) for event in found]


@pytest.fixture
def talk(rules: Rules, events: list[ev.AnyEvent]) -> Talk:
    return Talk(rules, events)


def test_answers_of_both_ends_are_paired(talk: Talk) -> None:
    talk.says(CHARGER, 2, "1", "Heartbeat", {})
    talk.says(CSMS, 2, "1", "Reset", {"type": "Soft"})
    talk.says(CSMS, 3, "1", {"currentTime": ""})
    talk.says(CHARGER, 4, "1", "NotSupported", "text about John", {"John": 1})
    talk.says(CHARGER, 2, "2", "John", {})
    talk.says(CSMS, 4, "2", "John", "", {})
    talk.says(CSMS, 3, "3", {})
    assert talk.answers() == [
        ("Heartbeat", "csms", 2.0, "result"),
        ("Reset", "charger", 2.0, "NotSupported"),
        ("other", "csms", 1.0, "other"),
    ]
    assert talk.rules.tally.answers_unpaired == 1


def test_the_answer_names_the_transaction(talk: Talk, pseudonym: Callable[[str], str]) -> None:
    talk.says(CHARGER, 2, "1", "StartTransaction", START)
    talk.says(CSMS, 3, "1", {"transactionId": 77, "idTagInfo": {"status": "Accepted"}})
    started = [event for event in talk.events if isinstance(event, ev.TransactionChanged)]
    assert [(event.evse, event.phase, event.pseudonym) for event in started] == [(2, "started", pseudonym("77"))]


def test_facts_are_the_chargers_alone(talk: Talk) -> None:
    talk.says(CSMS, 2, "1", "StatusNotification", {"connectorId": 1, "status": "Available", "errorCode": "NoError"})
    talk.says(CSMS, 2, "2", "StartTransaction", START)
    talk.says(CHARGER, 3, "2", {"transactionId": 77})
    assert [type(event) for event in talk.events] == [ev.Called, ev.Called, Answered]
    assert [event.by for event in talk.events if isinstance(event, ev.Called)] == ["csms", "csms"]


def test_the_subprotocol_chooses_the_table(rules: Rules, events: list[ev.AnyEvent]) -> None:
    talk = Talk(rules, events, subprotocol="ocpp2.0.1")
    talk.says(CHARGER, 2, "1", "StatusNotification", {"evseId": 1, "connectorId": 2, "connectorStatus": "Occupied"})
    talk.says(CHARGER, 2, "2", "StartTransaction", START)
    talk.says(CSMS, 3, "2", {"transactionId": 77})
    assert [type(event) for event in events] == [ev.StatusChanged, ev.Called, ev.Called, Answered]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"not json", "malformed-json"),
        (b'[2,"9","StatusNotification",{"connectorId":1,"connectorId":2,"status":"Faulted"}]', "ambiguous-json"),
        (b'[2,"9","DataTransfer",{"data":"' + b"x" * 70_000 + b'"}]', "oversize"),
    ],
    ids=["malformed", "ambiguous", "oversize"],
)
def test_what_cannot_be_read_is_told(text: bytes, reason: str, talk: Talk) -> None:
    for offset in range(0, len(frame := message(text, masked=True)[0]), 60_000):
        talk.session.data(copy(talk.leg.data(CHARGER, frame[offset : offset + 60_000], None if offset else 0)))
    assert [(event.charger, event.reason, event.count) for event in talk.rules.tally.tell()] == [("CP1", reason, 1)]
    assert not [event for event in talk.events if not isinstance(event, ev.Called)]


@pytest.mark.parametrize("lost", [CHARGER, CSMS])
def test_after_a_loss_an_old_call_is_not_paired(lost: Direction, talk: Talk) -> None:
    talk.says(CHARGER, 2, "1", "StartTransaction", START)
    talk.leg.says(lost, 3, "0", {})
    talk.says(lost, 3, "none", {})
    talk.says(CSMS, 3, "1", {"transactionId": 77})
    assert talk.answers() == []
    assert talk.rules.tally.tell() == [Unread("CP1", 4_000_000, "copies-lost", 1)]


def test_opening_and_closing(rules: Rules, events: list[ev.AnyEvent]) -> None:
    talk = Talk(rules, events, subprotocol="ocpp2.1")
    assert talk.session.connected() == Connected("CP1", 5, "ocpp2.1", secure=True)
    assert Talk(rules, events, subprotocol="John").session.connected().ocpp == "other"
    assert Talk(rules, events, subprotocol="").session.connected().ocpp == ""
    talk.session.data(copy(talk.leg.data(CSMS, control(Opcode.CLOSE, b"\x03\xe9John", masked=False))))
    talk.session.data(copy(talk.leg.data(CHARGER, control(Opcode.CLOSE, b"\x03\xe8", masked=True))))
    talk.session.close("csms", 9)
    assert events == [Disconnected("CP1", 9, "csms", 1001)]


CALLS = st.lists(st.sampled_from(["Heartbeat", "Reset", "DataTransfer", "Authorize"]), max_size=12)
WAYS = st.sampled_from(["", "permessage-deflate", "permessage-deflate; client_no_context_takeover"])


@given(actions=CALLS, extensions=WAYS, cuts=st.lists(st.integers(0, 60), max_size=4), data=st.data())
def test_whatever_is_lost_no_answer_is_paired_with_another_call(
    actions: list[str], extensions: str, cuts: list[int], data: st.DataObject
) -> None:
    """Every call has the same id, asked again after its answer, so each pairing that is not the right one shows."""
    extension = deflate(takeover="no_context" not in extensions) if extensions else None
    events: list[ev.AnyEvent] = []
    rules = make_rules(Budget(1 << 20))
    session, leg = Session(Opened("CP1", "ocpp1.6", extensions, 5, secure=True), rules, events.append), Leg()
    for action in actions:
        frames = message(ocpp(2, "1", action, {}), masked=True, extension=extension)
        packets = [leg.data(CHARGER, payload, boundary) for _, boundary, payload in copies(frames, cuts)]
        packets.append(leg.says(CSMS, 3, "1", {}))
        for packet in packets:
            if data.draw(st.booleans()):
                session.data(copy(packet))
        assert {event.action for event in events if isinstance(event, Answered)} <= {action}
        events.clear()


FIELDS = """
    transactionId connectorId evseId evse id timestamp meterValue sampledValue value unit unitOfMeasure multiplier
    measurand phase location format context meterStart meterStop transactionData reason idTag status errorCode
    vendorErrorCode connectorStatus eventType seqNo transactionInfo stoppedReason chargingState triggerReason eventData
    component variable name instance actualValue chargingStation vendorName model firmwareVersion chargePointVendor key
    setVariableData attributeValue
"""
KEYS = st.sampled_from(FIELDS.split())
WORDS = st.sampled_from(["Started", "Updated", "Ended", "Wh", "kWh", "Energy.Active.Import.Register", "Outlet", "EVSE"])
MOMENTS = st.sampled_from(["2026-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-23:59", "2026-13"])
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-2, 3)
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | WORDS
    | MOMENTS
)
HOSTILE = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=25
)
ACTIONS = st.sampled_from(sorted({*facts_v16.CALLS, *facts_v201.CALLS, *reconfiguration.READ, "Reset"}))


@given(
    subprotocol=st.sampled_from(["ocpp1.6", "ocpp2.0.1"]),
    calls=st.lists(st.tuples(st.sampled_from(Direction), ACTIONS, HOSTILE, HOSTILE), max_size=4),
)
def test_no_payload_raises_whatever_stands_where(
    subprotocol: str, calls: list[tuple[Direction, str, object, object]]
) -> None:
    events: list[ev.AnyEvent] = []
    talk = Talk(make_rules(Budget(1 << 20)), events, subprotocol=subprotocol)
    for caller, action, request, response in calls:
        talk.says(caller, 2, "1", action, request)
        talk.says(Direction(1 - caller), 3, "1", response)
    assert ev.decode(ev.encode(ev.Packet(1, 0, tuple(events)))).events == tuple(events)
