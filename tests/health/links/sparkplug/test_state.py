"""This file tests the primary host's state; it guards that an old or odd message never decides."""

import pytest

from isolane.health.links.sparkplug.state import HostState


def test_without_a_primary_host_there_is_nobody_to_wait_for() -> None:
    assert HostState(None).online
    assert HostState(None).topic is None


def test_the_newest_word_holds() -> None:
    state = HostState("scada")
    assert state.topic == "spBv1.0/STATE/scada"
    assert not state.online
    for payload, online in (
        (b'{"online":true,"timestamp":10}', True),
        (b'{"online":false,"timestamp":9}', True),
        (b'{"online":false,"timestamp":10}', False),
        (b'{"timestamp":12,"online":true}', True),
    ):
        state.take(payload)
        assert state.online is online
    state.forget()
    assert not state.online


@pytest.mark.parametrize("payload", [b"", b"ONLINE", b"{}", b'{"online":"true","timestamp":1}', b"\xff"])
def test_what_is_no_state_says_nothing(payload: bytes) -> None:
    state = HostState("scada")
    with pytest.raises(ValueError, match=r"."):
        state.take(payload)
    assert not state.online
