"""This file tests the wording of alerts; it guards that a value has its unit and a device's text stays on its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.center.alerts.wording import check_template, duration, printable, quantity, words


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (91.25, "Celsius", "91.25 °C"),
        (21500, "W", "21.5 kW"),
        (99_000, "Ohm", "99 kΩ"),
        (0.0031, "A", "0.0031 A"),
        (-1234567, "W", "-1.235 MW"),
        (123456.0, "V", "123456 V"),
        (3, "", "3"),
        (0.5, "Celsius/s", "0.5 °C/s"),
        (None, "V", "no value"),
        (86_399, "s", "86399 s"),
        (2_592_000, "s", "30 d"),
        (-93_600, "s", "-1 d 2 h"),
    ],
)
def test_quantities(value: float | None, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (90, "90 s"), (3600, "1 h"), (7500, "2 h 5 min"), (90_000, "1 d 1 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_template_names_facts() -> None:
    assert check_template("{value} of {device} {{x}}") == ""
    assert words("{value} of {device} {{x}}", {"value": "3 V", "device": "<b>\r\nX: y"}) == "3 V of <b>  X: y {x}"
    assert words("{sd}", {}) == "unknown"


@given(st.text())
def test_what_a_device_says_is_never_a_template(text: str) -> None:
    assert words("{device}", {"device": text or "-"}) == printable(text or "-")


@given(st.text())
def test_printable_is_one_line(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text)
    assert all(char.isprintable() for char in shown)
