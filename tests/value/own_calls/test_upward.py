"""This file checks that replies to own calls, and nothing else, are cut out of a charger's stream."""

import json
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isolane.value.legs.scan import FRAGMENTS, MESSAGE
from isolane.value.own_calls.dialogue import Boots, Dialogue, Ids
from isolane.value.own_calls.upward import REPLIES_PACE, Upward
from isolane.value.settings import Limits
from support.raw_peer import BINARY, CLOSE, PING, PONG, TEXT, frame

MASK = b"\xa1\x22\x93\x44"
UNPACED = Limits(messages_per_s=1e9, messages_burst=1_000_000, control_frames_per_s=1_000_000)


class Way:
    """A charger's stream, cut."""

    def __init__(self, limits: Limits = UNPACED, *, answer_bytes_max: int = 4096, issued: int = 3) -> None:
        self.ids = Ids()
        self.own = [self.ids.issue() for _ in range(issued)]
        self.dialogue = Dialogue("CP1", Boots(), 60.0)
        self.replies: list[tuple[str, bytes | None]] = []
        self.upward = Upward(
            self.ids, self.dialogue, limits, answer_bytes_max, lambda *reply: self.replies.append(reply)
        )

    def take(self, stream: bytes, *sizes: int) -> bytes:
        """Feed a stream in parts; give all that passes."""
        passed, at = b"", 0
        for size in [*sizes, len(stream)]:
            passed += self.upward.take(stream[at : at + size])
            at += size
        return passed


def text(*array: object) -> bytes:
    return json.dumps(array).encode()


def whole(content: bytes, opcode: int = TEXT) -> bytes:
    return frame(opcode, content, mask=MASK)


@dataclass
class Said:
    """One message of a charger: its frames with control frames between them, and what of it should pass."""

    wire: bytes
    passes: bytes
    reply: bytes | None


@st.composite
def messages(draw: st.DrawFn, own: list[str]) -> Said:
    """Make a message, some of them replies of ours, fragmented, with control frames in between."""
    ours = draw(st.booleans())
    identity = draw(st.sampled_from(own)) if ours else draw(st.sampled_from([*[f"{each}0" for each in own], "1", ""]))
    written = identity
    if draw(st.booleans()):
        written = "".join(f"\\u{ord(char):04X}" for char in identity)
    white = draw(st.sampled_from(["", " ", "\n  "]))
    kinds = ["3", "4", "5", "3.0"] if ours else ["2", "3", "4", "6", "9", "x"]
    kind = draw(st.sampled_from(kinds))
    tail = draw(st.sampled_from([',{"status":"Accepted"}]', ',"InternalError","",{}]', ",{", "", ',{"a":"' + "é" * 99]))
    content = f'{white}[{white}{kind}{white},{white}"{written}"{tail}'.encode()
    if not ours and draw(st.booleans()):
        content = draw(st.binary(max_size=60) | st.sampled_from([text(2, own[0], "BootNotification", {}), b"[3,"]))
    cuts = sorted(draw(st.sets(st.integers(0, len(content)), max_size=6)))
    edges = [0, *cuts, len(content)]
    said = Said(b"", b"", content if ours else None)
    for number, (start, end) in enumerate(pairwise(edges)):
        last = number == len(edges) - 2
        opcode = draw(st.sampled_from([TEXT, BINARY])) if number == 0 else 0
        wire = frame(opcode, content[start:end], mask=draw(st.binary(min_size=4, max_size=4)), fin=last)
        between = b""
        if draw(st.integers(0, 3)) == 0:
            between = frame(draw(st.sampled_from([PING, PONG])), draw(st.binary(max_size=9)), mask=MASK)
        said.wire += wire + between
        said.passes += between if ours else wire + between
    return said


@settings(max_examples=300, deadline=None)
@given(data=st.data(), sizes=st.lists(st.integers(1, 30), max_size=60))
def test_what_passes_is_everything_but_our_replies(data: st.DataObject, sizes: list[int]) -> None:
    way = Way()
    said = data.draw(st.lists(messages(way.own), max_size=6))
    goodbye = data.draw(st.sampled_from([b"", frame(CLOSE, b"\x03\xe8", mask=MASK) + b"rest", b"\x81"]))
    passed = way.take(b"".join(each.wire for each in said) + goodbye, *sizes)
    assert passed + way.upward.end() == b"".join(each.passes for each in said) + goodbye
    assert [reply for _, reply in way.replies] == [each.reply for each in said if each.reply is not None]
    assert way.upward.offence is None


@given(at=st.integers(0, 60))
def test_only_what_may_be_ours_is_kept_back(at: int) -> None:
    way = Way()
    foreign = [text(2, "1", "Heartbeat", {}), text(3, "77", {}), b"not JSON", b"{}"]
    for content in foreign:
        wire = whole(content)
        head = 6 + 8  # its header and `[3, "77"`
        passed = way.take(wire[: max(at, head)])
        assert passed == wire[: max(at, head)]
        assert passed + way.take(wire[len(passed) :]) == wire


def test_nothing_is_kept_back_before_anything_was_asked() -> None:
    way = Way(issued=0)
    for byte in whole(text(3, "ab", {}))[6:]:
        assert not way.replies
        way.take(bytes([byte]))
    assert way.take(frame(TEXT, b"[3", mask=MASK, fin=False)) == frame(TEXT, b"[3", mask=MASK, fin=False)


def test_what_was_begun_before_the_question_passes_whole() -> None:
    way = Way(issued=0)
    first = frame(TEXT, b"[3,", mask=MASK, fin=False)
    assert way.take(first) == first
    rest = frame(0, f'"{way.ids.issue()}",{{}}]'.encode(), mask=MASK)
    assert way.take(rest) == rest


def test_a_message_that_is_cut_off_passes_as_far_as_it_came() -> None:
    way = Way()
    begun = frame(TEXT, b'[3,"' + way.own[0][:20].encode(), mask=MASK, fin=False)
    assert way.take(begun) == b""
    ping = frame(PING, b"p", mask=MASK)
    assert way.take(ping) == b"", "the order stays"
    goodbye = frame(CLOSE, b"", mask=MASK)
    assert way.take(goodbye) == begun + ping + goodbye


def test_somebody_who_plays_with_us_does_not_fill_the_memory() -> None:
    way = Way()
    begun = frame(TEXT, b"[3,", mask=MASK, fin=False)
    ping = frame(PING, b"p", mask=MASK)
    stream = begun + ping * 3000
    assert way.take(stream) == stream
    endless = frame(TEXT, b'[3,"' + b" " * 2000, mask=MASK, fin=False)
    assert way.take(endless) == endless


def test_a_reply_that_is_too_long_is_dropped_and_not_kept() -> None:
    way = Way(answer_bytes_max=1024)
    long, short = text(3, way.own[0], {"a": "x" * 2000}), text(3, way.own[1], {})
    assert way.take(whole(long) + whole(short), 900) == b""
    assert way.replies == [(way.own[0], None), (way.own[1], short)]
    assert way.take(frame(TEXT, long[:500], mask=MASK, fin=False) + frame(0, long[500:], mask=MASK)) == b""
    assert way.replies[2] == (way.own[0], None)


@pytest.mark.parametrize("limit", [MESSAGE, FRAGMENTS, REPLIES_PACE])
def test_dropped_frames_are_held_to_the_limits(limit: object) -> None:
    way = Way(Limits(message_bytes=2000, fragments=5, messages_per_s=1, messages_burst=20))
    content = text(3, way.own[0], {"a": "x"})
    wires = {
        MESSAGE: whole(text(3, way.own[0], {"a": "x" * 2000})),
        FRAGMENTS: frame(TEXT, content, mask=MASK, fin=False) + frame(0, b"", mask=MASK, fin=False) * 6,
        REPLIES_PACE: whole(content) * 40,
    }
    assert way.take(wires[limit]) == b""  # type: ignore[index]  # the parameters are its keys
    assert way.upward.offence == limit


def test_the_rest_is_followed() -> None:
    way = Way()
    way.take(whole(text(2, "b1", "BootNotification", {})) + whole(text(3, "c1", {})))
    assert way.dialogue._charger_calls == {"b1": True}
