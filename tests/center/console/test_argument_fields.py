"""This file fills the forms of all verbs; it guards that the verb's own declaration decides what fits."""

import pytest

from isolane.center.console.argument_fields import PREFIX, fields_of, read, written
from isolane.center.console.fields import Fields
from isolane.wire.verbs.catalogue import VERBS

GOOD: dict[str, dict[str, object]] = {
    "status": {},
    "ledger": {"epoch": 3},
    "log.tail": {"lines": 50},
    "charger.reset": {"charger": "CP1", "evse": 2},
    "charger.get_configuration": {"charger": "CP1", "keys": ["HeartbeatInterval", "MeterValueSampleInterval"]},
    "charger.get_variables": {"charger": "CP1", "variables": [{"component": "EVSE", "variable": "Power"}]},
    "telemetry.set_rate": {"rate": "rapid", "for_s": 60},
    "telemetry.refine": {"from_ms": 1_700_000_040_000, "to_ms": 1_700_000_100_000},
}


def _form(**values: str) -> Fields:
    return Fields({PREFIX + name: value for name, value in values.items()})


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_has_a_form_that_says_what_it_wants(name: str) -> None:
    for field in fields_of(VERBS[name]):
        assert len(field.hint) > 5, field
        assert field.label
        assert (field.kind == "choice") == bool(field.choices)


@pytest.mark.parametrize("name", GOOD)
def test_what_is_written_is_read_again(name: str) -> None:
    verb = VERBS[name]
    verb.read(GOOD[name])
    form = Fields(written(verb, GOOD[name]))
    assert read(verb, form) == GOOD[name]
    assert form.errors == {}


@pytest.mark.parametrize(
    ("verb", "values", "name", "sentence"),
    [
        ("charger.reset", {}, "charger", "This is needed."),
        ("charger.reset", {"charger": "../x"}, "charger", "This does not fit"),
        ("charger.reset", {"charger": "CP1", "evse": "0"}, "evse", "Write a whole number from 1 to 99."),
        ("charger.reset", {"charger": "CP1", "evse": "one"}, "evse", "Write a whole number"),
        ("telemetry.set_rate", {"rate": "warp"}, "rate", "This does not fit"),
        ("telemetry.refine", {"from_ms": "yesterday", "to_ms": "2026-10-31 13:05"}, "from_ms", "Write a day"),
        ("telemetry.refine", {"from_ms": "2026-10-31 13:05", "to_ms": "2026-10-30 13:05"}, "", "This does not fit"),
        ("charger.get_variables", {"charger": "CP1", "variables": "{"}, "variables", "This is no JSON."),
        ("charger.get_variables", {"charger": "CP1", "variables": "[]"}, "variables", "This does not fit"),
    ],
)
def test_what_does_not_fit_is_said_beside_its_field(
    verb: str, values: dict[str, str], name: str, sentence: str
) -> None:
    form = _form(**values)
    read(VERBS[verb], form)
    assert sentence in form.errors[PREFIX + name]


def test_what_is_left_empty_is_left_out() -> None:
    form = _form(charger="CP1", evse=" ")
    assert read(VERBS["charger.reset"], form) == {"charger": "CP1"}
