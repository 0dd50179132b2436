"""This file tests which signals share a chart; it guards that a chart has two units and six lines at most."""

from hypothesis import given
from hypothesis import strategies as st

from isolane.center.console.groups import AXES_MAX, LINES_MAX, charts
from isolane.center.store.views import SignalNow


def signal(key: str, unit: str = "W") -> SignalNow:
    return SignalNow(key, unit, 1.0, 0, 0.0, "good", "none")


def test_a_dc_charger_has_its_charts_in_reading_order() -> None:
    found = charts(
        [
            signal("0.0/DataLink/xRoundTrip", "s"),
            signal("1.0/TemperatureSensor[ContactDCminus]/Temperature", "Celsius"),
            signal("1.0/TemperatureSensor[ContactDCplus]/Temperature", "Celsius"),
            signal("0.0/ExternalTemperatureSensor/Temperature", "Celsius"),
            signal("1.0/EVSE/DCCurrent", "A"),
            signal("1.0/ElectricalFeed/Power"),
            signal("1.0/EVSE/Power"),
        ]
    )
    assert [chart.name for chart in found] == ["power", "current", "contacts", "link"]
    assert [line.label for line in found[0].lines] == ["Power to vehicle", "Supply power"]
    assert [line.label for line in found[2].lines] == ["Contact DC+", "Contact DC\u2212", "Outdoor air"]
    assert [limit.value for limit in found[2].limits] == [80, 90]


def test_a_second_unit_gets_the_right_axis() -> None:
    (chart,) = charts(
        [signal("1.0/GroundIsolationProtection/Impedance", "Ohm"), signal("0.0/HumiditySensor/Humidity", "RH")]
    )
    assert [(line.unit, line.axis) for line in chart.lines] == [("Ohm", 0), ("RH", 1)]


def test_a_meter_stands_in_where_the_charger_tells_nothing() -> None:
    meter = [signal(f"1.0/ElectricalFeed[Meter]/ACVoltage[L{phase}]", "V") for phase in (1, 2, 3)]
    assert len(charts(meter)[0].lines) == 3
    own = [signal("1.0/ElectricalFeed/ACVoltage[L1]", "V")]
    assert [line.key for chart in charts([*meter, *own]) for line in chart.lines] == [own[0].key]


def test_each_outlet_has_charts_of_its_own() -> None:
    found = charts([signal("1.0/EVSE/Power"), signal("2.0/EVSE/Power"), signal("0.0/DataLink/xRoundTrip", "s")])
    assert [chart.name for chart in found] == ["power-1", "link-1", "power-2"]
    assert found[2].title == "Power, outlet 2"


KEYS = st.builds(
    "{}.0/{}/{}".format,
    st.integers(0, 3),
    st.sampled_from(
        ["EVSE", "ElectricalFeed", "TemperatureSensor[X]", "TemperatureSensor[Y]", "AirCoolingSystem[1]", "RCD"]
    ),
    st.sampled_from(["Power", "ACCurrent[L1]", "ACVoltage[L1]", "Temperature", "FanSpeed", "xResidualCurrent"]),
)


@given(
    st.lists(st.tuples(KEYS, st.sampled_from(["W", "A", "V", "Celsius", "RPM", ""])), unique_by=lambda pair: pair[0])
)
def test_charts_keep_their_bounds(pairs: list[tuple[str, str]]) -> None:
    found = charts([signal(key, unit) for key, unit in pairs])
    keys = [line.key for chart in found for line in chart.lines]
    assert len(keys) == len(set(keys))
    assert len({chart.name for chart in found}) == len(found)
    for chart in found:
        assert 1 <= len(chart.lines) <= LINES_MAX
        assert len({line.unit for line in chart.lines}) <= AXES_MAX
        assert all(
            (line.axis == other.axis) == (line.unit == other.unit) for line in chart.lines for other in chart.lines
        )
