"""This file goes through the catalogue; it guards what holds for each verb, whichever is added."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.wire.verbs import interlock
from isolane.wire.verbs.catalogue import VERBS, declared
from isolane.wire.verbs.declaration import NEED, Arguments, Declaration

_NEVER = re.compile(r"start|stop|tariff|token|tag\b|shell|exec|raw|write|unlock|authori")
"""What no verb is about: charging, what it costs, whose it is, and whatever else."""
_BAD: list[object] = [
    "--output=/etc/x",
    "",
    "$(id)",
    "`id`",
    "a;id",
    "a|id",
    "../../etc/passwd",
    "a\x00b",
    "a\nb",
    "A" * (1 << 20),
    [[]],
    2**60,
]
EXAMPLES: dict[str, dict[str, object]] = {
    "ledger": {"epoch": 1},
    "log.tail": {"lines": 5},
    "registers.read": {"source": "meter", "charger": "CP1", "signals": ["1.0/ElectricalFeed/ACVoltage[L1]"]},
    "net.ping": {"target": "router", "count": 2},
    "net.trace": {"target": "router", "hops": 3},
    "snapshot.take": {"charger": "CP1"},
    "snapshot.fetch": {"snapshot": "0" * 32},
    "telemetry.refine": {"from_ms": 0, "to_ms": 3_600_000},
    "charger.trigger_message": {"charger": "CP1", "message": "Heartbeat", "evse": 1, "connector": 1},
    "charger.get_log": {"charger": "CP1", "log": "security", "by": "ftp", "from_ms": 1, "to_ms": 2},
    "charger.get_configuration": {"charger": "CP1", "keys": ["HeartbeatInterval"]},
    "charger.get_variables": {"charger": "CP1", "variables": [{"component": "OCPPCommCtrlr", "variable": "X"}]},
    "telemetry.set_rate": {"rate": "full", "for_s": 60},
    "source.restart": {"source": "meter"},
    "charger.reset": {"charger": "CP1", "evse": 1},
}
"""Arguments of each verb that takes some."""


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())
def test_each_verb_says_what_signers_and_gateway_have_to_know(verb: Declaration) -> None:
    assert re.fullmatch(r"[a-z]+(\.[a-z_]+)?", verb.name)
    assert not _NEVER.search(verb.name.replace("restart", ""))
    assert verb.need >= NEED[verb.kind]
    assert 0 < verb.timeout_s <= 930
    assert verb.words.endswith(".")
    assert verb.result
    arguments = verb.read(EXAMPLES.get(verb.name, {}))
    assert isinstance(verb.told(arguments), str)
    for name in verb.interlocks(arguments):
        assert interlock.words(name)


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())
def test_each_argument_is_described_bounded_and_nothing_else_is_taken(verb: Declaration) -> None:
    for field in msgspec.json.schema(verb.arguments)["$defs"][verb.arguments.__name__]["properties"].values():
        assert field.get("description"), f"{verb.name}: {field}"
    example = EXAMPLES.get(verb.name, {})
    hostiles: list[dict[str, object]] = [{"cmd": "id"}, {"__proto__": {}}, {"": 1}]
    for hostile in hostiles:
        with pytest.raises(ValueError, match="unknown field"):
            verb.read(example | hostile)
    for name, value in example.items():
        for bad in _BAD:
            if isinstance(value, str) or not isinstance(bad, str):
                with pytest.raises(ValueError, match=r"."):
                    verb.read(example | {name: bad})


def test_a_verb_of_the_class_of_reading_disturbs_nobody() -> None:
    for verb in VERBS.values():
        arguments = verb.read(EXAMPLES.get(verb.name, {}))
        assert bool(verb.interlocks(arguments)) == (verb.kind == "R2"), verb.name


def test_a_declaration_cannot_weaken_its_class() -> None:
    with pytest.raises(ValueError, match="needs 2 people"):
        Declaration(name="charger.restart", kind="R2", need=1, timeout_s=1, words="restart it.", result="nothing")


def test_what_is_not_there_is_no_verb() -> None:
    with pytest.raises(ValueError, match="no verb"):
        declared("exec")
    with pytest.raises(TypeError):
        VERBS["exec"] = VERBS["status"]  # type: ignore[index]


@given(st.text())
def test_a_name_is_an_interlock_or_none(name: str) -> None:
    try:
        kind, charger = interlock.split(name)
    except ValueError:
        return
    assert name == (f"{kind}:{charger}" if charger else kind)


def test_an_interlock_is_about_a_charger_or_about_none() -> None:
    assert [interlock.split(name)[1] for name in interlock.disruptive("CP1")] == ["CP1", "CP1", "", ""]
    for name in ("charger-idle", "charger-idle:", "in-window:CP1", "in-window:", "idle:CP1", ""):
        with pytest.raises(ValueError, match="is no"):
            interlock.split(name)


def test_a_verb_that_takes_nothing_takes_nothing() -> None:
    assert msgspec.structs.fields(Arguments) == ()
