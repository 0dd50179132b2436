"""This file tests `tap.allow`: what may pass and, above all, what may not."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.tap import allow

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("230.1", 230.1),
        (" 12 ", 12.0),
        ("-0", 0.0),
        ("1.", 1.0),
        ("1E2", 100.0),
        ("+5e-3", 0.005),
        (7, 7.0),
        (7.5, 7.5),
        (True, None),
        (None, None),
        ("", None),
        ("12,5", None),
        ("NaN", None),
        ("inf", None),
        ("0x10", None),
        ("1_000", None),
        ("\u0661", None),
        ("1e999", None),
        ("9" * 100_000, None),
        (10**16, None),
        (10**400, None),
        (float("inf"), None),
        (float("nan"), None),
        ([1], None),
    ],
)
def test_number(value: object, number: float | None) -> None:
    assert allow.number(value) == number


@pytest.mark.parametrize(
    ("value", "index"),
    [(0, 0), (999, 999), (1000, None), (-1, None), (True, None), (1.0, None), ("1", None), (None, None)],
)
def test_index(value: object, index: int | None) -> None:
    assert allow.index(value) == index


@pytest.mark.parametrize(
    "code", ["CX001", "CX026", "A001", "F0B2", "A001,F0B2,A0FF", "E12", "ERR-1234", "F_7", "W3", "0x1F"]
)
def test_error_codes_pass(code: str) -> None:
    assert allow.vendor_code(code, frozenset()) == code


@pytest.mark.parametrize(
    "code",
    [
        "04A1B2C3",  # RFID identifiers of 4, 7 and 10 bytes
        "04A1B2C3D4E5F6",
        "0x04A1B2C3",
        "04:A1:B2:C3",
        "04A1B2C3D4E5F6A7B8C9",
        "DE-8AA-C12345678-X",  # contract identifiers
        "DE8AAC12345678X",
        "M-AB 1234",  # plates
        "AB-123-CD",
        "E12345",
        "1234",  # a PIN or a member number
        "20481632",
        "tag 04A1B2C3 refused",
        "CX0011",
        "cx001",
        "CX001 04A1B2C3",
        "CX001\n",
        "A001,04A1B2C3",
        "\uff23X001",
        "CX\u0660\u0661\u0662",
        "",
        7,
        None,
        ["CX001"],
    ],
)
def test_what_may_be_an_identity_does_not_pass_as_an_error_code(code: object) -> None:
    assert allow.vendor_code(code, frozenset()) == ""


def test_the_operator_lets_codes_pass_by_name() -> None:
    assert allow.vendor_code("Ev.Lock-7", frozenset({"Ev.Lock-7"})) == "Ev.Lock-7"
    assert allow.vendor_code("Ev.Lock-8", frozenset({"Ev.Lock-7"})) == ""


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("ACME B.V.", "ACME B.V."),
        ("Model 3+ (AC)", "Model 3+ (AC)"),
        ("a" * 50, "a" * 50),
        ("a" * 51, ""),
        ("", ""),
        (" ACME", ""),
        ("x\r\n2026-01-01 CRITICAL forged", ""),
        ("\x1b]0;pwn\x07", ""),
        ("${jndi:ldap://x}", ""),
        ("%n%n%s", ""),
        ('{"level":"admin"}', ""),
        ("\u202e", ""),
        ("=cmd|' /C calc'!A0", ""),
        ("http://user:pass@host", ""),
        ("me@example.com", ""),
        ("ACME\n", ""),
        (7, ""),
        (None, ""),
    ],
)
def test_model_name(value: object, name: str) -> None:
    assert allow.model_name(value) == name


@pytest.mark.parametrize(
    ("value", "version"), [("1.2.3-rc.1+b5", "1.2.3-rc.1+b5"), ("v 1", ""), ("a/b", ""), ("1\n", "")]
)
def test_version(value: object, version: str) -> None:
    assert allow.version(value) == version


@pytest.mark.parametrize(
    ("value", "ms"),
    [
        ("1970-01-01T00:00:01Z", 1000),
        ("1970-01-01T01:00:01.5+01:00", 1500),
        ("1970-01-01T00:00:01", 1000),
        ("0001-01-01T00:00:00+23:59", -62135683140000),
        ("9" * 100_000, None),
        ("2026-" + "-" * 100_000, None),
        ("yesterday", None),
        ("", None),
        (5, None),
        (None, None),
    ],
    ids=lambda value: str(value)[:30],
)
def test_utc_ms(value: object, ms: int | None) -> None:
    assert allow.utc_ms(value) == ms


@given(value=ANY)
def test_no_value_raises_and_what_passes_is_finite_or_listed(value: object) -> None:
    words = frozenset({"a", "b"})
    number, at = allow.number(value), allow.utc_ms(value)
    assert number is None or math.isfinite(number)
    assert at is None or isinstance(at, int)
    assert allow.word(value, words) in {"", "a", "b"}
    assert len(allow.model_name(value)) <= 50
    assert len(allow.version(value)) <= 50
    assert allow.vendor_code(value, words).isascii()
    assert allow.index(value) in {None, *range(1000)}
    assert isinstance(allow.record(value), dict)
    assert all(isinstance(each, dict) for each in allow.records(value))
