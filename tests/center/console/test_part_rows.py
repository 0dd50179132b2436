"""This file tests rows of parts; it guards that scores are never averaged, and have their uncertainty."""

import pytest

from isolane.center.console.part_rows import amount, row, standing
from isolane.center.store.health_views import PartHealth
from isolane.wire.health_paper import Part, ScoreNote
from support.health_papers import CONTACT, WELD, change, score


def part(number: int, name: Part = CONTACT, note: ScoreNote | None = None, level: int = -1) -> PartHealth:
    own = change(name, 100, -1, level) if note is None else None
    value = note.value if note is not None else None
    names = name.charger, name.place, name.component, name.model, name.measure
    return PartHealth(number, "depot", "gw-1", *names, level, value, 100_000, 0, note, own)


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.00158, "K/A2", "0.00158\u202fK/A\u00b2"),
        (8e6, "Ohm", "8.00\u202fM\u03a9"),
        (None, "V", "\u2013"),
        (float("nan"), "V", "\u2013"),
        (0.0, "Percent", "0\u202f%"),
        (27_429.0, "h", "27\u202f429\u202fh"),
        (1e-12, "F", "1.00e-12\u202fF"),
        (12.0, "", "12.0"),
    ],
)
def test_an_amount_has_three_digits_and_its_unit(value: float | None, unit: str, shown: str) -> None:
    assert amount(value, unit) == shown


def test_a_row_says_all_that_a_score_says() -> None:
    one = row(part(1, note=score(CONTACT, 100, 42.0, 2), level=2))
    assert (one.shown, one.low, one.high) == ("42 \u00b1 4", 38.0, 46.0)
    assert (one.name, one.outlet, one.measure) == ("Contact DC+", "Outlet 1", "Contact heating DCplus")
    assert one.rests == "Measured, 60 features, trust good"
    assert one.limits == "as new 0.00100\u202fK/A\u00b2, end of life 0.00200\u202fK/A\u00b2"
    assert one.prognosis == "No prognosis: less than a quarter of the way."
    assert (one.level, one.codes) == ("L2 Plan", "MREC CX018, CharIN HighTemperature")


def test_a_prognosis_has_its_interval() -> None:
    note = score(CONTACT, 100, 42.0, fail_30d=0.034, fail_90d=0.5, days=(40.0, 90.0, 200.0))
    said = row(part(1, note=note)).prognosis
    assert said == "Fails with 3.4\u202f% within 30 d, 50\u202f% within 90 d. End of life in 90 d (40 to 200)."


def test_of_a_finding_there_is_no_score_but_what_was_seen() -> None:
    one = row(part(1, WELD, level=4))
    assert (one.shown, one.theta, one.limits, one.level) == (
        "Not scored",
        "400\u202fV",
        "limit 60.0\u202fV",
        "L4 Safety",
    )


def test_the_lowest_measure_is_the_components_and_nothing_is_averaged() -> None:
    other = Part("CP-1", "1.1", CONTACT.component, "connector/1", "contact_excess[DCplus]")
    fan = Part("CP-1", "1.0", "AirCoolingSystem[1]", "cooling/1", "fan_speed")
    parts = [
        part(1, note=score(CONTACT, 1, 90.0)),
        part(2, other, score(other, 1, 30.0)),
        part(3, fan, score(fan, 1, 10.0)),
    ]
    found = standing([*parts, part(4, note=score(CONTACT, 1, None))])
    assert [one.part.number for one in found.lowest] == [3, 2]
    assert found.safety is not None
    assert found.safety.part.number == 2
    assert found.learning == 1
