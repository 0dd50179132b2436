"""This file tests what a charger at a glance is made of."""

import time
from collections.abc import Callable

import pytest

from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.port import Batch
from isolane.center.store.summary import power_columns, session_active, state, temperature_max_c
from isolane.center.store.views import SignalNow
from isolane.core.signals import Signal
from isolane.wire.schema import Column
from support.gateways import GOOD, T0_MS, TIMEOUT, FakeGateway


def now(key: str, value: float | None, unit: str = "") -> SignalNow:
    return SignalNow(key, unit, 1.0, T0_MS, value, "bad" if value is None else "good", "none")


@pytest.mark.parametrize(
    ("signals", "expected"),
    [
        ([], "unknown"),
        ([now("1.0/EVSE/xState", None)], "unknown"),
        ([now("1.0/EVSE/xState", 2)], "charging"),
        ([now("1.0/EVSE/xState", 77)], "unknown"),
        ([now("1.0/EVSE/xState", 1.5)], "unknown"),
        ([now("1.0/ConnectorPlugRetentionLock/xState", 2)], "unknown"),
        ([now("1.0/EVSE/AvailabilityState", 0), now("2.0/EVSE/AvailabilityState", 4)], "faulted"),
        ([now("1.1/Connector/AvailabilityState", 9), now("2.0/EVSE/AvailabilityState", 0)], "occupied"),
        ([now("1.0/Connector/AvailabilityState", 6)], "suspended"),
        ([now("1.0/Connector/AvailabilityState", 2)], "charging"),
        ([now("1.0/EVSE/xState", 0), now("2.0/EVSE/xState", 2)], "charging"),
    ],
)
def test_the_state_is_the_most_telling_one(signals: list[SignalNow], expected: str) -> None:
    assert state(signals) == expected


@pytest.mark.parametrize(
    ("charger_state", "expected"),
    [
        ("charging", True),
        ("suspended", True),
        ("available", False),
        ("faulted", False),
        ("occupied", None),
        ("unknown", None),
    ],
)
def test_without_a_transaction_signal_the_state_tells_of_a_session(charger_state: str, expected: bool | None) -> None:  # noqa: FBT001 - a table's column
    assert session_active([now("1.0/EVSE/xTransactionActive", None)], charger_state) is expected


def test_a_transaction_signal_tells_of_a_session_whatever_the_state() -> None:
    idle, running = now("1.0/EVSE/xTransactionActive", 0), now("2.0/EVSE/xTransactionActive", 1)
    assert session_active([idle, running], "available") is True
    assert session_active([idle], "charging") is False


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        (["1.0/EVSE/Power", "2.0/EVSE/Power", "1.0/ElectricalFeed/Power"], ["1.0/EVSE/Power", "2.0/EVSE/Power"]),
        (["0.0/ElectricalFeed/Power", "1.0/ElectricalFeed/Power"], ["1.0/ElectricalFeed/Power"]),
        (["0.0/ElectricalFeed/Power"], ["0.0/ElectricalFeed/Power"]),
        (["1.0/AcDcConverter[1]/Power", "1.0/ElectricalFeed/Power[L1]"], []),
    ],
)
def test_power_is_that_to_the_vehicles(keys: list[str], chosen: list[str]) -> None:
    assert power_columns({key: Column("CP-1", key, "W", 1.0) for key in keys}) == chosen


def test_only_temperatures_with_a_value_count() -> None:
    signals = [now("a", 50, "Celsius"), now("b", None, "Celsius"), now("c", 99, "V")]
    assert temperature_max_c(signals) == 50
    assert temperature_max_c(signals[1:]) is None


async def test_a_fleet_is_told_worst_first(
    open_telemetry: Callable[[], EmbeddedTelemetry], gateway: FakeGateway
) -> None:
    telemetry = open_telemetry()
    signals = [
        Signal(charger, key, unit, 0.5)
        for charger in ("well", "sick", "away")
        for key, unit in (("1.0/EVSE/xState", ""), ("1.0/EVSE/Power", "W"), ("1.0/EVSE/Temperature", "Celsius"))
    ]
    schema = gateway.schema(*signals)
    now_ms = time.time_ns() // 1_000_000 // 60_000 * 60_000
    values = [[4] * 60, [20_000] * 60, [60] * 60] * 3
    codes = [[GOOD] * 60] * 3 + [[GOOD] * 60, [TIMEOUT] * 60, [GOOD] * 60] + [[TIMEOUT] * 60] * 3
    block = gateway.block(schema.schema, values, codes, t0_ms=now_ms - 60_000, received_ms=now_ms)
    await telemetry.commit(Batch(schemas=(schema,), blocks=(block,)))
    away, sick, well = await telemetry.fleet()
    assert [away.charger, sick.charger, well.charger] == ["away", "sick", "well"]
    assert (well.online, well.state, well.power_w, well.temperature_max_c) == (True, "charging", 10_000, 30)
    assert (well.signals, well.bad_signals, well.stale_signals, well.session_active) == (3, 0, 0, True)
    assert (sick.online, sick.power_w, sick.bad_signals) == (True, None, 1)
    assert (away.online, away.state, away.bad_signals, away.session_active) == (False, "unknown", 3, None)
    assert well.power_recent_w[-3:].count(10_000) == 1
    assert set(sick.power_recent_w) == {None}
    assert len(well.power_recent_w) == 60
    assert await telemetry.fleet("elsewhere") == []
