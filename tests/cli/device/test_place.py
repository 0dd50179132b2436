"""This file checks where a device is said to be; it guards that what is not sound is a sentence with a remedy."""

import argparse
from pathlib import Path

import pytest

from isolane.cli.device.place import place_of, timeout_s, units_of
from isolane.config.values import Address
from isolane.core.failures import IsolaneError
from isolane.health.sources.modbus.settings import SerialSettings


def options(**said: object) -> argparse.Namespace:
    whole = {"host": None, "serial": None, "baud": 9600, "line": "8N1", "framing": "tcp", "timeout": None}
    return argparse.Namespace(**(whole | said))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", Address("192.0.2.1", 502)),
        ("meter.lan:5020", Address("meter.lan", 5020)),
        ("[2001:db8::1]", Address("2001:db8::1", 502)),
        ("[2001:db8::1]:503", Address("2001:db8::1", 503)),
    ],
)
def test_hosts_with_and_without_a_port(text: str, address: Address) -> None:
    assert place_of(options(host=text)) == address


def test_a_serial_port() -> None:
    place = place_of(options(serial=Path("/dev/ttyUSB0"), baud=19_200, line="8e2"))
    assert place == SerialSettings(path=Path("/dev/ttyUSB0"), baud=19_200, parity="even", stop_bits=2)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({}, "give either HOST"),
        ({"host": "a", "serial": Path("b")}, "give either HOST"),
        ({"host": "2001:db8::1"}, "is not an address"),
        ({"host": "meter:99999"}, "is not an address"),
        ({"serial": Path("b"), "line": "7E1"}, "--line"),
        ({"serial": Path("b"), "baud": 1}, "--baud"),
    ],
)
def test_what_is_not_sound_is_said(said: dict[str, object], sentence: str) -> None:
    with pytest.raises(IsolaneError, match=sentence):
        place_of(options(**said))


def test_how_long_an_answer_is_waited_for() -> None:
    assert timeout_s(options(host="a")) == 1.0
    assert timeout_s(options(host="a", timeout=3.0)) == 3.0
    assert timeout_s(options(serial=Path("b"), baud=9600)) == pytest.approx(0.498, abs=0.001)
    with pytest.raises(IsolaneError, match="--timeout"):
        timeout_s(options(host="a", timeout=0.0))


def test_unit_ids() -> None:
    assert units_of("1-3,100, 2") == (1, 2, 3, 100)
    for wrong in ("", "a", "1-", "256", "5-1", "-1", "1,,2"):
        with pytest.raises(IsolaneError, match="--units"):
            units_of(wrong)
