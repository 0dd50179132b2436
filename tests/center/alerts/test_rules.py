"""This file tests rules files; it guards that a mistake is an error that says what and where."""

import re
from pathlib import Path

import pytest

from isolane.center.alerts.rules import DEFAULT_RULES, ThresholdRule, Where, load_rules
from isolane.center.alerts.subjects import Place, signal_subject, takes_signal
from isolane.core.failures import IsolaneError
from isolane.core.signals import is_signal_key

RULE = """
[[rule]]
id = "hot"
kind = "threshold"
level = "L3"
above = 80
title = "t"
seen = "{value}"
why = "w"
action = "a"
"""


def read(folder: Path, text: str) -> tuple[object, ...]:
    file = folder / "rules.toml"
    file.write_text(text, encoding="utf-8")
    return load_rules(file)


def test_the_shipped_rules_are_fine_and_of_every_kind() -> None:
    rules = load_rules()
    assert {rule.__struct_config__.tag for rule in rules} == {
        "threshold",
        "rate",
        "health",
        "keys",
        "absence",
        "ledger",
        "certificate",
        "command",
        "cusum",
        "part",
    }
    assert {rule.level for rule in rules} == {"L1", "L2", "L3", "L4"}
    assert all(len(rule.why) > 20 and len(rule.action) > 20 for rule in rules)


@pytest.mark.parametrize("pattern", sorted(set(re.findall(r'"(\*/[^"]+)"', DEFAULT_RULES.read_text(encoding="utf-8")))))
def test_the_shipped_rules_name_signals_as_ocpp_does(pattern: str) -> None:
    assert is_signal_key(f"1.0{pattern.removeprefix('*')}".replace("*/", "EVSE/").replace("*", "X"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("abvoe = 3", "did you mean 'above'"),
        ("where.signal = ['x']", "did you mean 'signals'"),
        ("below = 3", "give `above` or `below`, one of them"),
        ("clear = 81", "clear must not be greater than above"),
        ("above = nan", "not finite"),
        ("for_s = -1", "for_s"),
        ("for_s = 1e400", "for_s"),
        ('level = "L5"', "level"),
        ('kind = "treshold"', "is no kind of rule"),
        ('seen = "{value.__class__}"', "is not a fact"),
        ('seen = "{0}"', "is not a fact"),
        ('seen = "{value:>99999999}"', "is not a fact"),
        ('seen = "{value!r}"', "is not a fact"),
        ('title = "{"', "title"),
        ('id = "Hot!"', "id"),
        ('consequence_of = ["hto"]', "which is no rule here"),
        ('consequence_of = ["hot"]', "consequence of itself"),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, change: str, sentence: str) -> None:
    key = change.partition(" ")[0]
    text = re.sub(rf"^{re.escape(key)} = .*\n", "", RULE, flags=re.MULTILINE) + change + "\n"
    with pytest.raises(IsolaneError, match=re.escape(sentence)) as raised:
        read(tmp_path, text)
    assert "rules.toml" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (RULE + RULE, "two rules are called 'hot'"),
        ("[rules]\n", "unknown table 'rules'"),
        ("rule = 3\n", "rules are tables"),
        ("[[rule]\n", "not valid TOML"),
        (RULE * 501, "at most 500"),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(IsolaneError, match=re.escape(sentence)):
        read(tmp_path, text)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(IsolaneError, match="cannot read"):
        load_rules(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("pattern", "key", "takes"),
    [
        ("*/TemperatureSensor[Contact*]/Temperature", "1.0/TemperatureSensor[ContactDCplus]/Temperature", True),
        ("*/TemperatureSensor[Contact*]/Temperature", "1.0/TemperatureSensor[Handle]/Temperature", False),
        ("*/TemperatureSensor[*]/Temperature", "1.0/TemperatureSensor/Temperature", False),
        ("1.0/*", "1.0/EVSE/Power", False),
        ("1.0/*/*", "1.0/EVSE/Power", True),
        ("*", "1.0/EVSE/Power", True),
        ("1.0/EVSE/Powe.", "1.0/EVSE/Power", False),
    ],
)
def test_patterns(pattern: str, key: str, *, takes: bool) -> None:
    where = Where(signals=(pattern,))
    rule = ThresholdRule(id="x", level="L1", above=1, where=where, title="t", seen="s", why="w", action="a")
    assert takes_signal(rule, key) == takes


def test_places_are_within_each_other() -> None:
    site = Place("site/a", "a")
    gateway = Place("gateway/a/g", "a", "g", "gateway:g")
    charger = Place("charger/a/c", "a", "g", "c")
    signal = Place("signal/a/c/k", "a", "g", "c", "k")
    order = [Place("center"), site, gateway, charger, signal]
    for at, inner in enumerate(order):
        assert [inner.within(outer) for outer in order] == [other <= at for other in range(5)]
    assert not signal.within(Place("charger/a/d", "a", "g", "d"))
    assert not charger.within(Place("gateway/a/h", "a", "h", "gateway:h"))
    assert not charger.within(Place("site/b", "b"))


def test_a_long_subject_fits_and_stays_its_own() -> None:
    one, other = (signal_subject("s", "c" * 48, "1.0/" + "x" * 300 + end) for end in "ab")
    assert len(one) == len(other) == 256
    assert one != other
