"""This file checks that calls of the CSMS, and nothing else, wait while a window is open."""

import json
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from isolane.value.own_calls.dialogue import Boots, Dialogue
from isolane.value.own_calls.downward import HELD_BYTES_MAX, Downward
from isolane.value.own_calls.heads import CALL, CALLRESULT, Head
from support.raw_peer import BINARY, CLOSE, PING, TEXT, frame


class Way:
    """A CSMS's stream, and a clock that is set."""

    def __init__(self) -> None:
        self.now = 0
        self.dialogue = Dialogue("CP1", Boots(), 60.0, lambda: self.now)
        self.held: list[int] = []
        self.downward = Downward(self.dialogue, self.held.append, lambda: self.now)


def text(*array: object) -> bytes:
    return json.dumps(array).encode()


CALLED = frame(TEXT, text(2, "1", "Reset", {"type": "Soft"}))
ANSWERED = frame(TEXT, text(3, "2", {}))
ODD = [
    CALLED,
    ANSWERED,
    frame(TEXT, b"no JSON"),
    frame(BINARY, b"[2,"),
    frame(PING, b"ping"),
    frame(TEXT, b"[", fin=False) + frame(PING, b"") + frame(0, b'2,"3","A",{}]'),
    frame(TEXT, b"[3", fin=False) + frame(0, b',"4",{}]'),
    frame(3, b"reserved"),
    frame(TEXT, b"x" * 70_000),
]


@settings(max_examples=200, deadline=None)
@given(
    stream=st.lists(st.sampled_from(ODD), max_size=6).map(b"".join),
    sizes=st.lists(st.tuples(st.integers(1, 60), st.sampled_from(["", "open", "close"])), max_size=60),
    goodbye=st.sampled_from([b"", frame(CLOSE, b"\x03\xe8") + b"rest", b"\x81"]),
)
def test_every_byte_passes_in_its_order(stream: bytes, sizes: list[tuple[int, str]], goodbye: bytes) -> None:
    way, passed, at = Way(), b"", 0
    stream += goodbye
    for size, action in [*sizes, (len(stream), "")]:
        if action == "open":
            way.downward.window = True
        elif action == "close":
            passed += way.downward.close_window()
        passed += way.downward.take(stream[at : at + size])
        at += size
        assert stream.startswith(passed)
        assert len(passed) + way.downward.held_bytes + 14 > min(at, len(stream)), "a header is all that waits else"
    assert passed + way.downward.end() == stream


def test_outside_a_window_nothing_waits() -> None:
    way = Way()
    for byte in CALLED[2:]:
        assert way.downward.held_bytes == 0
        way.downward.take(bytes([byte]))
    way = Way()
    assert way.downward.take(CALLED[:7]) == CALLED[:7]
    way.downward.window = True
    assert way.downward.take(CALLED[7:]) == CALLED[7:], "begun before the window, it goes on"


def test_a_call_waits_until_the_window_is_closed() -> None:
    way = Way()
    way.downward.window = True
    assert way.downward.take(CALLED) == b""
    assert way.downward.held_bytes == len(CALLED)
    way.now = 7_000
    assert way.downward.take(CALLED) == b""
    way.now = 10_000
    assert way.downward.close_window() == CALLED * 2
    assert way.held == [10_000, 3_000]
    assert way.downward.between
    assert way.downward.take(CALLED) == CALLED


def test_what_may_not_wait_lets_a_call_go() -> None:
    for urgent in (ANSWERED, frame(PING, b"p"), frame(CLOSE, b""), frame(TEXT, b"no JSON"), frame(3, b"")):
        way = Way()
        way.downward.window = True
        assert way.downward.take(CALLED) == b""
        assert way.downward.take(urgent) == CALLED + urgent
        assert way.held == [0]


def test_a_long_call_does_not_wait() -> None:
    way = Way()
    way.downward.window = True
    long = frame(TEXT, text(2, "1", "SendLocalList", {"x": "y" * HELD_BYTES_MAX}))
    assert way.downward.take(long[:1000]) == b""
    assert way.downward.take(long[1000:]) == long[:1000] + long[1000:]


def test_the_answer_to_a_boot_is_read_however_it_comes() -> None:
    for cuts in ((), (5, 30), tuple(range(1, 60))):
        way = Way()
        way.dialogue.charger_said(Head(CALL, "b", "BootNotification", whole=True))
        answer = text(3, "b", {"currentTime": "2026-01-01T00:00:00Z", "interval": 300, "status": "Accepted"})
        edges = [0, *cuts, len(answer)]
        for number, (start, end) in enumerate(pairwise(edges)):
            opcode = TEXT if number == 0 else 0
            wire = frame(opcode, answer[start:end], fin=end == len(answer))
            assert way.downward.take(wire) == wire
        assert way.dialogue.booted


def test_a_boot_that_is_too_long_is_not_accepted() -> None:
    way = Way()
    way.dialogue.charger_said(Head(CALL, "b", "BootNotification", whole=True))
    answer = text(3, "b", {"x": "y" * 70_000, "status": "Accepted"})
    way.downward.take(frame(TEXT, answer[:40_000], fin=False) + frame(0, answer[40_000:]))
    assert not way.dialogue.booted
    way.dialogue.charger_said(Head(CALL, "h", "Heartbeat", whole=True))
    assert not way.dialogue.csms_said(Head(CALLRESULT, "h", "", whole=True))
    assert not way.dialogue.booted
