"""This file tests what both tables share: bounds and defaults of meter values."""

import pytest

from isolane.tap import facts, vocabulary
from isolane.tap.facts import Origin
from isolane.wire import tap_event as ev
from isolane.wire.tap_event import Metered, MeterValue


def value_of(sampled: object) -> MeterValue | None:
    return MeterValue("Voltage", "", "", "V", 1.0) if sampled == {"good": 1} else None


def test_one_event_for_each_timestamp_and_only_what_may_pass(origin: Origin) -> None:
    groups = [
        {"timestamp": "1970-01-01T00:00:01Z", "sampledValue": [{"good": 1}, {"bad": 1}, "text"]},
        {"sampledValue": [{"good": 1}]},
        {"sampledValue": [{"bad": 1}]},
        {"sampledValue": "none"},
        "none",
    ]
    value = MeterValue("Voltage", "", "", "V", 1.0)
    assert facts.metered(2, groups, value_of, origin) == [
        Metered("CP1", 9, 2, (value,), 1000),
        Metered("CP1", 9, 2, (value,), None),
    ]
    assert origin.refused == 2


def test_a_message_gives_a_bounded_number_of_values_in_packets_that_fit(origin: Origin) -> None:
    groups = [{"sampledValue": [{"good": 1}] * 900}] * 3
    events = [event for event in facts.metered(1, groups, value_of, origin) if isinstance(event, Metered)]
    assert [len(event.values) for event in events] == [200, 200, 200, 200, 100, 100]
    assert origin.refused == 1700
    longest = max(vocabulary.MEASURANDS, key=len)
    widest = MeterValue(longest, "L1-L2", "Upstream", "Fahrenheit", -123456789.12345679)
    full = Metered("\u00e9" * 48, 2**63, 999, (widest,) * facts.VALUES_PER_EVENT_MAX, 2**50)
    assert len(ev.encode(ev.Packet(1, 2**40, (full,)))) <= ev.PACKET_BYTES_MAX


def test_without_a_known_place_nothing_is_metered(origin: Origin) -> None:
    assert facts.metered(None, [{"sampledValue": [{"good": 1}]}], value_of, origin) == []
    assert facts.register(None, 100, None, origin) == []
    assert origin.refused == 2


@pytest.mark.parametrize(
    ("sampled", "unit", "expected"),
    [
        ({}, None, MeterValue("Energy.Active.Import.Register", "", "", "Wh", 1.0)),
        ({"measurand": "Voltage", "phase": "L1-N"}, None, MeterValue("Voltage", "L1-N", "", "", 1.0)),
        ({"measurand": "SoC", "location": "EV"}, "Percent", MeterValue("SoC", "", "EV", "Percent", 1.0)),
        ({"measurand": "04A1B2C3"}, None, None),
        ({"measurand": None}, None, MeterValue("Energy.Active.Import.Register", "", "", "Wh", 1.0)),
        ({"measurand": "Voltage", "phase": "L4"}, None, None),
        ({"measurand": "Voltage", "location": "Home of J"}, None, None),
        ({"measurand": "Voltage"}, "Volts of J", None),
        ({"measurand": ["Voltage"]}, None, None),
    ],
)
def test_a_number_passes_only_with_words_that_are_known(
    sampled: dict[str, object], unit: object, expected: MeterValue | None
) -> None:
    assert facts.meter_value(sampled, unit, 1.0) == expected


def test_a_meter_register_is_a_meter_value(origin: Origin) -> None:
    value = MeterValue("Energy.Active.Import.Register", "", "", "Wh", 1234.0)
    assert facts.register(1, 1234, "1970-01-01T00:00:00Z", origin) == [Metered("CP1", 9, 1, (value,), 0)]
    assert facts.register(1, "ID12", None, origin) == []
