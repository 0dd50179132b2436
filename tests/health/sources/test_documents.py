"""This file tests paths into JSON and times in it; it guards that a strange document is a reason, never an accident."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.core.clock import NS_PER_S
from isolane.core.failures import IsolaneError
from isolane.core.samples import Reason
from isolane.health.sources.documents import MISSING, decode, find, parse, sampled_ns

DOCUMENT = {"outputs": [{"volts": 230.1}, {"volts": 0}], "mains.l1": {"a": [[1, 2]]}, "on": True, "none": None}
NOW_UTC = 1_800_000_000 * NS_PER_S
NOW_MONO = 1000 * NS_PER_S


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("outputs[0].volts", 230.1),
        ('"mains.l1".a[0][1]', 2),
        ("on", True),
        ("none", None),
        ("", DOCUMENT),
        ("outputs[2].volts", MISSING),
        ("outputs.volts", MISSING),
        ("on.off", MISSING),
        ("nothing", MISSING),
        ("outputs[0][0]", MISSING),
    ],
)
def test_a_path_leads_to_a_value_or_nowhere(path: str, value: object) -> None:
    assert find(DOCUMENT, parse(path)) == value


@pytest.mark.parametrize("path", [".a", "a..b", "a.", "a[x]", "a[", "a b]", '"a', "a[-1]"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(IsolaneError, match="no JSON path"):
        parse(path)


@pytest.mark.parametrize("data", [b"", b"{", b"[" * 100_000, b"\xff", b"{'a': 1}"])
def test_what_is_no_json_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(data)


@pytest.mark.parametrize(
    ("sent", "age_s"),
    [
        (1_800_000_000, 0),
        (1_799_999_990.5, 9.5),
        (1_799_999_990_500, 9.5),
        ("2027-01-15T07:59:50Z", 10),
        ("2027-01-15T09:59:50+02:00", 10),
        (1_800_000_004, 0),  # a clock a little ahead is taken for now, never for the future
    ],
)
def test_a_devices_own_time_becomes_ours(sent: object, age_s: float) -> None:
    assert sampled_ns(sent, NOW_UTC, NOW_MONO) == pytest.approx(NOW_MONO - age_s * NS_PER_S, abs=1e6)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (1_800_000_060, Reason.OUT_OF_RANGE),
        (-5, Reason.OUT_OF_RANGE),
        ("2027-01-15T08:00:00", Reason.MALFORMED),
        ("yesterday", Reason.MALFORMED),
        (True, Reason.MALFORMED),
        (None, Reason.MALFORMED),
        (float("nan"), Reason.OUT_OF_RANGE),
    ],
)
def test_a_time_that_cannot_be_is_a_reason(sent: object, reason: Reason) -> None:
    found = sampled_ns(sent, NOW_UTC, NOW_MONO)
    assert isinstance(found, Reason)
    assert found is reason


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40))
def test_no_time_raises_or_lies_in_the_future(sent: object) -> None:
    found = sampled_ns(sent, NOW_UTC, NOW_MONO)
    assert isinstance(found, Reason) or found <= NOW_MONO
