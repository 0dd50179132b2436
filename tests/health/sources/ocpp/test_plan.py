"""This file compares the OCPP source's names and numbers with the page; it guards that the page cannot go stale."""

import re
from pathlib import Path

from isolane.health.sources.host.connect import ClockFacts, HostFacts
from isolane.health.sources.host.plan import plan_signals as host_signals
from isolane.health.sources.ocpp.plan import NUMBER_OF, signals_of
from isolane.health.sources.ocpp.settings import ChargerSettings

PAGE = (Path(__file__).parents[4] / "docs/reference/signals.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([^`]+)` \| (\w*) ?\| ([\d.]+) \|", PAGE, re.MULTILINE)


def test_states_have_the_numbers_of_the_page() -> None:
    told = {name: int(number) for number, name in re.findall(r"^\| (\d+) \| (\w+) \|$", PAGE, re.MULTILINE)}
    assert told == NUMBER_OF


def test_signals_are_those_of_the_page() -> None:
    told = {(key.replace("n.0/", "1.0/"), unit, float(resolution)) for key, unit, resolution in ROWS}
    ocpp = [signal for signal, _ in signals_of(ChargerSettings(charger="CP1", meter_period_s=60))]
    host = host_signals(HostFacts(0, 0, 0, 0, 0, 0, ClockFacts(0, 0, 0), (0.0, 0.0), 0.0))
    named = {(re.sub(r"\[\d+\]", "[n]", each.key), each.unit, each.resolution) for each in (*ocpp, *host)}
    assert named == told
