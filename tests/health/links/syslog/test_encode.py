"""This file tests syslog messages; it guards that a strict reader gets back every value, whatever it holds."""

import re

from hypothesis import given
from hypothesis import strategies as st

from isolane.health.links.facts import Fact
from isolane.health.links.syslog.encode import framed, message
from support.syslog_target import parse

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def written(fact: Fact) -> bytes:
    return message(fact, host="gw-1", site="north", facility=16, enterprise=32473)


def test_a_message_is_as_the_specification_says() -> None:
    fact = Fact(1_700_000_000_007, "quality", True, 'CP"1]', {"signal": "1.0/EVSE/Power", "to": "BAD"})
    assert written(fact) == (
        b"<132>1 2023-11-14T22:13:20.007Z gw-1 isolane - quality "
        b'[isolane@32473 site="north" charger="CP\\"1\\]" signal="1.0/EVSE/Power" to="BAD"] '
        b"quality signal=1.0/EVSE/Power to=BAD"
    )
    assert framed([b"abc", b"d"]) == b"3 abc1 d"


@given(TEXT, TEXT, st.integers(0, 4_000_000_000_000), st.booleans())
def test_a_strict_reader_gets_back_what_was_written(charger: str, value: str, t_ms: int, is_warning: bool) -> None:  # noqa: FBT001
    record = parse(written(Fact(t_ms, "state", is_warning, charger, {"signal": value, "to": -7})))
    (pairs,) = record.data.values()
    assert pairs.get("charger", "") == _CONTROL.sub(" ", charger)
    assert pairs["signal"] == _CONTROL.sub(" ", value)
    assert pairs["to"] == "-7"
    assert (record.facility, record.severity) == (16, 4 if is_warning else 6)
    assert record.t_ms == t_ms
    assert (record.host, record.app, record.kind) == ("gw-1", "isolane", "state")
