"""This file tells of a charger what a tap would; it guards that what is not known is never taken for idle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.health.commands.occupancy import Occupancy
from isolane.wire.tap_event import (
    Answered,
    AnyEvent,
    Called,
    Connected,
    Disconnected,
    Packet,
    StatusChanged,
    TransactionChanged,
    Unread,
)
from support.commanded import HandClock

FRESH_S = 60.0


class Tap:
    """A tap that tells of CP1, which has two EVSEs."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.occupancy = Occupancy({"CP1": 2}, self.clock, FRESH_S)

    def tell(self, *events: AnyEvent, lost: int = 0) -> bool | None:
        self.occupancy.hear(Packet(1, lost, events))
        return self.occupancy.is_idle("CP1")

    @property
    def now(self) -> int:
        return self.clock.mono_ns()

    def connected(self) -> Connected:
        return Connected("CP1", self.now, "ocpp2.0.1", secure=True)

    def status(self, status: str, evse: int = 1, connector: int = 1) -> StatusChanged:
        return StatusChanged("CP1", self.now, evse, connector, status)

    def transaction(self, phase: str, evse: int = 1, name: str = "t") -> TransactionChanged:
        return TransactionChanged("CP1", self.now, evse, phase, name)


@pytest.fixture
def tap() -> Tap:
    return Tap()


def test_idle_is_when_every_evse_has_said_so(tap: Tap) -> None:
    assert tap.tell() is None
    assert tap.tell(tap.connected()) is None
    assert tap.tell(tap.status("Available")) is None
    assert tap.tell(tap.status("Available", 2)) is True
    assert tap.occupancy.ocpp("CP1") == "ocpp2.0.1"


@pytest.mark.parametrize("evse", [0, 1, 2, 3])
@pytest.mark.parametrize("phase", ["started", "updated"])
def test_a_transaction_is_active_until_it_ends(tap: Tap, evse: int, phase: str) -> None:
    assert tap.tell(tap.connected(), tap.status("Available"), tap.status("Available", 2)) is True
    assert tap.tell(tap.transaction(phase, evse)) is False
    assert tap.tell(tap.status("Available", evse or 1)) is False
    assert tap.tell(tap.transaction("ended", 0, "another")) is False
    assert tap.tell(tap.transaction("ended", 0)) is True


def test_an_end_frees_though_a_cable_is_still_there(tap: Tap) -> None:
    tap.tell(tap.connected(), tap.status("Available", 2), tap.status("Occupied"))
    assert tap.occupancy.is_idle("CP1") is None
    assert tap.tell(tap.transaction("started"), tap.transaction("ended")) is True
    assert tap.tell(tap.status("Faulted")) is True


@pytest.mark.parametrize("status", ["Charging", "SuspendedEV", "SuspendedEVSE"])
def test_a_status_of_charging_is_active_without_any_transaction_heard(tap: Tap, status: str) -> None:
    assert tap.tell(tap.connected(), tap.status(status), tap.status("Available", 2)) is False
    assert tap.tell(tap.status("Finishing")) is None
    assert tap.tell(tap.status("Available")) is True


@pytest.mark.parametrize("status", ["Occupied", "Preparing", "Finishing", "Unavailable", "Faulted", "whatever"])
def test_what_leaves_it_open_is_unknown(tap: Tap, status: str) -> None:
    assert tap.tell(tap.connected(), tap.status(status), tap.status("Available", 2)) is None


def test_whatever_was_lost_is_unknown_until_it_is_told_again(tap: Tap) -> None:
    free = (tap.status("Available"), tap.status("Available", 2))
    assert tap.tell(tap.connected(), *free) is True
    assert tap.tell(Unread("CP1", tap.now, "copies-lost", 1)) is None
    assert tap.tell(*free) is True
    assert tap.tell(lost=1) is None
    assert tap.tell(*free) is True
    tap.occupancy.hear(None)
    assert tap.occupancy.is_idle("CP1") is None
    assert tap.tell(*free) is True
    assert tap.tell(Disconnected("CP1", tap.now, "charger", 1000)) is None
    assert tap.occupancy.ocpp("CP1") == ""
    assert tap.tell(tap.connected()) is None


def test_a_charger_that_is_silent_is_unknown_whoever_else_speaks(tap: Tap) -> None:
    tap.tell(tap.connected(), tap.status("Available"), tap.status("Available", 2))
    tap.clock.pass_s(FRESH_S + 1)
    assert (
        tap.tell(Called("CP1", tap.now, "csms"), Answered("CP1", tap.now, "Heartbeat", "csms", 1.0, "result")) is None
    )
    assert tap.tell(Called("CP2", tap.now, "charger")) is None
    assert tap.tell(Called("CP1", tap.now - int(FRESH_S * 2e9), "charger")) is None, "an old fact that comes late"
    assert tap.tell(Called("CP1", tap.now, "charger")) is True


def test_a_charger_that_no_setting_names_is_unknown(tap: Tap) -> None:
    tap.occupancy.hear(
        Packet(1, 0, (Connected("CP9", tap.now, "", secure=False), StatusChanged("CP9", 1, 1, 1, "Available")))
    )
    assert tap.occupancy.is_idle("CP9") is None


_EVENTS = st.one_of(
    st.builds(lambda s, e: ("status", s, e), st.sampled_from(["Available", "Charging", "Occupied"]), st.integers(0, 3)),
    st.builds(
        lambda p, e, n: (p, n, e), st.sampled_from(["started", "ended"]), st.integers(0, 3), st.sampled_from("ab")
    ),
    st.sampled_from([("lost", "", 0), ("gone", "", 0), ("come", "", 0)]),
)


@given(st.lists(_EVENTS, max_size=40))
def test_it_is_never_idle_while_a_transaction_that_was_told_goes_on(events: list[tuple[str, str, int]]) -> None:
    tap, running = Tap(), set[str]()
    tap.tell(tap.connected())
    for kind, word, evse in events:
        match kind:
            case "status":
                tap.tell(tap.status(word, evse))
            case "started" | "ended":
                tap.tell(tap.transaction(kind, evse, word))
                running = running | {word} if kind == "started" else running - {word}
            case "lost":
                tap.occupancy.hear(None)
                running.clear()
            case "gone":
                tap.tell(Disconnected("CP1", tap.now, "charger", None))
                running.clear()
            case "come":
                tap.tell(tap.connected())
        assert not (running and tap.occupancy.is_idle("CP1")), (running, events)
