"""This file tests `tap.connections`: which copies belong together, and that chargers come and go in turn."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.core.clock import SystemClock
from isolane.tap import connections as subject
from isolane.tap.connections import Connections
from isolane.tap.session import Rules
from isolane.tap.stream import Budget
from isolane.wire import tap_event as ev
from isolane.wire.tap_copy import Copy, Direction, Kind
from isolane.wire.tap_event import Connected, Disconnected
from support.tap_rules import make_rules
from support.tap_traffic import Leg, copy

CHARGER, CSMS = Direction.FROM_CHARGER, Direction.FROM_CSMS


@pytest.fixture
def connections(rules: Rules, events: list[ev.AnyEvent]) -> Connections:
    return Connections(rules, events.append, SystemClock(), 3)


def states(events: list[ev.AnyEvent]) -> list[tuple[str, str]]:
    return [
        (event.charger, event.by if isinstance(event, Disconnected) else "+")
        for event in events
        if isinstance(event, Connected | Disconnected)
    ]


def test_open_data_close(connections: Connections, events: list[ev.AnyEvent]) -> None:
    leg = Leg()
    connections.take(1, copy(leg.opened()))
    connections.take(1, copy(leg.says(CHARGER, 2, "1", "Heartbeat", {})))
    connections.take(1, copy(leg.says(CSMS, 3, "1", {})))
    connections.take(1, copy(leg.closed(CSMS)))
    assert [type(event) for event in events] == [Connected, ev.Called, ev.Answered, Disconnected]
    assert states(events) == [("CP1", "+"), ("CP1", "csms")]
    assert len(connections) == 0


def test_copies_of_a_connection_that_was_not_opened_are_counted(connections: Connections, rules: Rules) -> None:
    connections.take(1, copy(Leg().says(CHARGER, 2, "1", "Heartbeat", {})))
    connections.take(1, copy(Leg().closed(CSMS)))
    assert rules.tally.copies_unknown == 1


def test_workers_number_their_connections_by_themselves(connections: Connections, events: list[ev.AnyEvent]) -> None:
    for link, charger in ((1, "CP1"), (2, "CP2")):
        connections.take(link, copy(Leg(charger=charger, connection=7).opened()))
    connections.take(2, copy(Leg(connection=7).closed(CHARGER)))
    assert states(events) == [("CP1", "+"), ("CP2", "+"), ("CP2", "charger")]


def test_a_second_connection_ends_the_first_whose_close_then_says_nothing(
    connections: Connections, events: list[ev.AnyEvent]
) -> None:
    old, new = Leg(connection=1), Leg(connection=2, opened_mono_ns=99)
    connections.take(1, copy(old.opened()))
    connections.take(2, copy(new.opened()))
    connections.take(1, copy(old.closed(CHARGER)))
    assert states(events) == [("CP1", "+"), ("CP1", "relay"), ("CP1", "+")]
    assert len(connections) == 1


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"null",
        b"[" * 100_00,
        b'{"charger":"a/b","subprotocol":"","extensions":"","opened_mono_ns":1,"secure":true}',
    ],
)
def test_an_open_that_cannot_be_used_is_counted(payload: bytes, connections: Connections, rules: Rules) -> None:
    connections.take(1, Copy(Kind.OPEN, CHARGER, 1, 1, 0, None, payload))
    assert rules.tally.copies_bad + rules.tally.opens_refused == 1
    assert len(connections) == 0


def test_connections_are_bounded(connections: Connections, rules: Rules) -> None:
    for number in range(5):
        connections.take(1, copy(Leg(charger=f"CP{number}", connection=number).opened()))
    assert len(connections) == 3
    assert rules.tally.opens_refused == 2


def test_an_open_that_is_told_twice_changes_nothing(
    connections: Connections, events: list[ev.AnyEvent], rules: Rules
) -> None:
    leg = Leg()
    connections.take(1, copy(leg.opened()))
    connections.take(1, copy(leg.opened()))
    assert states(events) == [("CP1", "+")]
    assert rules.tally.opens_refused == 1


async def test_what_a_relay_tells_again_goes_on_and_the_rest_ends(
    connections: Connections, events: list[ev.AnyEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "GRACE_S", 0.05)
    stays, goes, changes = Leg("CP1", 1), Leg("CP2", 2), Leg("CP3", 3)
    for leg in (stays, goes, changes):
        connections.take(1, copy(leg.opened()))
    connections.end_link(1)
    stays.says(CHARGER, 2, "0", "Heartbeat", {})
    connections.take(2, copy(stays.opened()))
    connections.take(2, copy(Leg("CP3", 4, opened_mono_ns=77).opened()))
    connections.take(2, copy(stays.says(CHARGER, 2, "1", "Heartbeat", {})))
    connections.take(2, copy(stays.says(CSMS, 3, "1", {})))
    async with asyncio.timeout(30):
        while len(connections) > 2:
            await asyncio.sleep(0.01)
    assert states(events[3:]) == [("CP3", "relay"), ("CP3", "+"), ("CP2", "relay")]
    assert [event.action for event in events if isinstance(event, ev.Answered)] == ["Heartbeat"]


async def test_a_link_without_connections_ends_without_a_word(
    connections: Connections, events: list[ev.AnyEvent]
) -> None:
    connections.end_link(1)
    assert events == []


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["open", "close", "data"]), st.integers(1, 2), st.integers(1, 3), st.sampled_from(["A", "B"])
    ),
    max_size=40,
)


@given(steps=STEPS)
def test_connected_and_disconnected_alternate(steps: list[tuple[str, int, int, str]]) -> None:
    events: list[ev.AnyEvent] = []
    budget = Budget(1 << 20)
    connections = Connections(make_rules(budget), events.append, SystemClock(), 2)
    for number, (step, link, connection, charger) in enumerate(steps):
        leg = Leg(charger, connection, opened_mono_ns=number)
        if step == "open":
            packet = leg.opened()
        else:
            packet = leg.closed(CHARGER) if step == "close" else leg.data(CHARGER, b"\x81")
        connections.take(link, copy(packet))
    for charger in ("A", "B"):
        kinds = [type(event) for event in events if event.charger == charger]
        assert kinds == [Connected, Disconnected] * (len(kinds) // 2) + [Connected] * (len(kinds) % 2)


def test_a_fault_of_our_own_ends_one_connection_and_quotes_nothing(
    connections: Connections,
    rules: Rules,
    events: list[ev.AnyEvent],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    leg, other = Leg(), Leg("CP2", 2)
    connections.take(1, copy(leg.opened()))
    connections.take(1, copy(other.opened()))

    def broken(_: bytes) -> object:
        raise KeyError("CANARY")

    with monkeypatch.context() as patch:
        patch.setattr("isolane.tap.ocpp.read", broken)
        connections.take(1, copy(leg.says(CHARGER, 2, "1", "Authorize", {"idTag": "CANARY"})))
    assert rules.tally.crashes == 1
    assert "KeyError at test_connections.py" in caplog.text
    assert "CANARY" not in caplog.text
    assert states(events)[2:] == [("CP1", "relay")]
    connections.take(1, copy(other.says(CHARGER, 2, "1", "Heartbeat", {})))
    assert rules.tally.messages == 2


def test_no_packet_raises(connections: Connections) -> None:
    for kind in Kind:
        for direction in Direction:
            connections.take(1, Copy(kind, direction, 1, 0, 2**63, 7, b"x"))


COPIES = st.lists(
    st.builds(
        Copy,
        st.sampled_from(Kind),
        st.sampled_from(Direction),
        st.integers(1, 3),
        st.integers(0, 2**64 - 1),
        st.integers(0, 2**64 - 1) | st.just(0),
        st.none() | st.integers(0, 100),
        st.binary(max_size=80) | st.just(copy(Leg().opened()).payload),
    ),
    max_size=20,
)


@given(copies=COPIES)
def test_no_sequence_of_copies_meets_a_fault_of_our_own(copies: list[Copy]) -> None:
    rules = make_rules(Budget(1 << 20))
    connections = Connections(rules, lambda _: None, SystemClock(), 2)
    for number, each in enumerate(copies):
        connections.take(number % 2, each)
    assert rules.tally.crashes == 0
