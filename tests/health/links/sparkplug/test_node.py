"""This file tests names and aliases of an Edge Node; it guards that a topic never gets another level."""

from isolane.core.signals import Signal
from isolane.health.links.sparkplug.node import Aliases, Names, device_id
from support.target_rows import SIGNALS


def test_a_charger_is_one_level_of_a_topic() -> None:
    assert device_id("CP/1+#%") == "CP%2F1%2B%23%25"
    assert Names("g", "n").topic("DDATA", "a/b") == "spBv1.0/g/DDATA/n/a%2Fb"
    assert Names("g", "n").topic("NCMD") == "spBv1.0/g/NCMD/n"


def test_a_number_belongs_to_one_signal_for_ever() -> None:
    aliases = Aliases()
    assert aliases.learn(SIGNALS)
    assert not aliases.learn(SIGNALS[:2])
    numbers = [aliases.of(signal) for signal in SIGNALS]
    assert len(set(numbers)) == len(SIGNALS)
    changed = Signal(SIGNALS[1].charger, SIGNALS[1].key, "V", 0.01)
    assert aliases.learn([changed])
    assert aliases.of(changed) == numbers[1]
    assert changed in aliases.signals("CP-1")
    assert SIGNALS[1] not in aliases.signals("CP-1")
    assert aliases.chargers == ["CP-1"]
