"""This file compares the OCPP source's names and numbers with the page; it guards that the page cannot go stale."""

import re
from pathlib import Path

import pytest

from isolane.core.failures import IsolaneError
from isolane.core.signals import Signal
from isolane.health.sources.host.connect import ClockFacts, HostFacts
from isolane.health.sources.host.plan import plan_signals as host_signals
from isolane.health.sources.ocpp.plan import NUMBER_OF, plan_signals, signals_of
from isolane.health.sources.ocpp.settings import ChargerSettings, OcppSettings, VariableSettings

PAGE = (Path(__file__).parents[4] / "docs/reference/signals.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([^`]+)` \| (\w*) ?\| ([\d.]+) \|", PAGE, re.MULTILINE)


def test_states_have_the_numbers_of_the_page() -> None:
    told = {name: int(number) for number, name in re.findall(r"^\| (\d+) \| (\w+) \|$", PAGE, re.MULTILINE)}
    assert told == NUMBER_OF


def test_signals_are_those_of_the_page() -> None:
    told = {(key.replace("n.0/", "1.0/"), unit, float(resolution)) for key, unit, resolution in ROWS}
    ocpp = [signal for signal, _ in signals_of(ChargerSettings(charger="CP1", meter_period_s=60))]
    host = host_signals(HostFacts(0, 0, 0, 0, 0, 0, ClockFacts(0, 0, 0), (0.0, 0.0), 0.0, 0.0))
    named = {(re.sub(r"\[\d+\]", "[n]", each.key), each.unit, each.resolution) for each in (*ocpp, *host)}
    assert named == told


def test_variables_are_signals_with_their_period() -> None:
    key = "1.0/TemperatureSensor[Handle]/Temperature"
    settings = OcppSettings(
        chargers=(ChargerSettings(charger="CP1"),),
        variables=(VariableSettings(charger="CP1", key=key, unit="Celsius", resolution=0.1, period_s=30),),
    )
    assert plan_signals(settings)[Signal("CP1", key, "Celsius", 0.1)] == 30


@pytest.mark.parametrize(
    ("charger", "key", "words"),
    [
        ("CP2", "1.0/Controller/Active", "'CP2'"),
        ("CP1", "1.0/Connector/AvailabilityState", "already known"),
        ("CP1", "Connector/State", "no signal key"),
    ],
)
def test_a_variable_that_cannot_be_is_refused_in_words(charger: str, key: str, words: str) -> None:
    variables = (VariableSettings(charger=charger, key=key),)
    with pytest.raises(IsolaneError, match=words):
        plan_signals(OcppSettings(chargers=(ChargerSettings(charger="CP1"),), variables=variables))
