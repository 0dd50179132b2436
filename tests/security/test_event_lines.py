"""This file checks that security events are told once, cleanly and boundedly."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.security.event_lines import EventLines, Kind

_LINE = re.compile(
    r'security-event type=[a-z-]+ gateway=\S+ peer=\S+ detail="[^"\x00-\x1f\x7f-\uffff]*"( suppressed=\d+)?'
)


def test_an_attack_is_one_line_a_minute_and_the_rest_is_told_later(caplog: pytest.LogCaptureFixture) -> None:
    now_ns = 0
    events = EventLines(lambda: now_ns)
    for _ in range(120):
        events.report(Kind.QUOTA, gateway="gw-7", detail="too much")
        now_ns += 500_000_000
    events.report(Kind.QUOTA, gateway="gw-8")
    events.report(Kind.QUOTA, gateway="gw-7", peer="10.0.0.7", detail="too much")
    assert caplog.messages == [
        'security-event type=quota gateway=gw-7 peer=- detail="too much"',
        'security-event type=quota gateway=gw-8 peer=- detail=""',
        'security-event type=quota gateway=gw-7 peer=10.0.0.7 detail="too much" suppressed=119',
    ]
    assert events.counts == {Kind.QUOTA: 122}


@given(text=st.text(max_size=300))
def test_whatever_came_from_outside_is_one_line_of_printable_ascii(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setattr("isolane.security.event_lines._LOG.warning", lambda form, *words: lines.append(form % words))
        EventLines().report(Kind.IDENTITY, gateway=text, peer=text, detail=text)
    assert [bool(_LINE.fullmatch(line)) for line in lines] == [True]
