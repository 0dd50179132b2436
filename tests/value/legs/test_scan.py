"""This file checks that frames are found however the stream is cut, and that limits hold at their exact edge."""

import random
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isolane.value.legs.scan import (
    CLOSE,
    CONTROLS,
    FRAGMENTS,
    INCOMPLETE,
    MESSAGE,
    NO_STATUS,
    OWN_PONG,
    OWN_PONG_BYTES,
    PROTOCOL,
    TOO_FAST,
    Offence,
    Scanner,
    close_frame,
    ping_frame,
)
from isolane.value.settings import Limits
from isolane.wire.tap_copy import NO_BOUNDARY
from support.raw_peer import BINARY, PING, PONG, TEXT, close_code, frame

LIMITS = Limits(message_bytes=70_000, fragments=4)
MASK = b"\x11\x22\x33\x44"


@dataclass(frozen=True)
class Spec:
    """One frame of a stream."""

    opcode: int
    size: int
    fin: bool

    def wire(self, mask: bytes) -> bytes:
        return frame(self.opcode, bytes(self.size), mask=mask, fin=self.fin)


SIZES = [0, 1, 125, 126, 127, 400, 65_535, 65_536]
SPECS = st.one_of(
    st.builds(Spec, st.sampled_from([TEXT, BINARY]), st.sampled_from(SIZES), st.just(True)),
    st.builds(Spec, st.just(PING), st.integers(0, 125), st.just(True)),
)


def walk(scanner: Scanner, pieces: list[bytes]) -> tuple[bytes, list[int]]:
    """Scan as the splice does: give what passed and where frames were said to begin."""
    passed, boundaries, held = b"", [], b""
    for piece in pieces:
        data = held + piece
        may_pass = scanner.scan(data)
        if scanner.boundary != NO_BOUNDARY:
            boundaries.append(len(passed) + scanner.boundary)
        passed += data[:may_pass]
        held = data[may_pass:]
        assert may_pass == len(data) or scanner.stop == INCOMPLETE
    assert held == b""
    return passed, boundaries


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(SPECS, max_size=6), st.booleans(), st.integers(0, 2**32), st.sampled_from([1, 2, 7, 1000, 100_000]))
def test_every_cut_gives_the_same_frames(specs: list[Spec], masked: bool, seed: int, piece_max: int) -> None:  # noqa: FBT001 - drawn
    frames = [spec.wire(MASK if masked else b"") for spec in specs if piece_max > 2 or spec.size < 1000]
    stream = b"".join(frames)
    starts = {sum(map(len, frames[:index])) for index in range(len(frames))}
    rng, pieces, at = random.Random(seed), [], 0
    while at < len(stream):
        size = rng.randint(1, piece_max)
        pieces.append(stream[at : at + size])
        at += size
    scanner = Scanner(LIMITS, masked=masked)
    passed, boundaries = walk(scanner, pieces)
    assert passed == stream
    assert scanner.frames == len(frames)
    assert scanner.left == 0
    assert set(boundaries) <= starts
    assert len(set(boundaries)) == len(boundaries)


def stopped(wire: bytes, *, masked: bool = True) -> tuple[int, str | Offence]:
    scanner = Scanner(LIMITS, masked=masked)
    return scanner.scan(wire), scanner.stop


WHOLE = frame(TEXT, b"ok", mask=MASK)


@pytest.mark.parametrize(
    ("wire", "stop"),
    [
        (frame(TEXT, b"x"), PROTOCOL),
        (frame(TEXT, bytes(70_001), mask=MASK)[:14], MESSAGE),
        (b"\x82\xff" + (1 << 63).to_bytes(8, "big") + MASK, PROTOCOL),
        (b"\x89\xfe\x00\x80" + MASK, PROTOCOL),
        (b"\x88\xfe\x00\x80" + MASK, PROTOCOL),
        (frame(8, b"\x03\xe8", mask=MASK), CLOSE),
        (frame(8, b"", mask=MASK), CLOSE),
        (frame(8, b"\x03\xe8", mask=MASK)[:7], INCOMPLETE),
        (WHOLE[:5], INCOMPLETE),
    ],
)
def test_nothing_of_the_frame_that_stops_passes(wire: bytes, stop: str | Offence) -> None:
    assert stopped(WHOLE + wire) == (len(WHOLE), stop)


def test_a_masked_frame_from_the_csms_is_an_offence() -> None:
    assert stopped(WHOLE, masked=False) == (0, PROTOCOL)


def test_a_message_of_the_limit_passes_and_one_byte_more_does_not() -> None:
    first = frame(TEXT, bytes(69_999), mask=MASK, fin=False)
    assert stopped(frame(TEXT, bytes(70_000), mask=MASK))[0] == 70_000 + 14
    assert stopped(first + frame(0, b"1", mask=MASK))[0] == len(first) + 7
    assert stopped(first + frame(0, b"12", mask=MASK)) == (len(first), MESSAGE)


def test_fragments_have_a_limit_and_a_ping_between_is_none() -> None:
    ping = frame(PING, b"p", mask=MASK)
    begin, more, last = (
        frame(TEXT, b"a", mask=MASK, fin=False),
        frame(0, b"b", mask=MASK, fin=False),
        frame(0, b"c", mask=MASK),
    )
    good = (begin + ping + more + ping + more + last) * 3
    assert stopped(good)[0] == len(good)
    assert stopped(begin + more * 3 + last) == (len(begin + more * 3), FRAGMENTS)


@pytest.mark.parametrize(("payload", "code"), [(b"\x03\xe9gone", 1001), (b"", NO_STATUS), (b"\x03", NO_STATUS)])
@pytest.mark.parametrize("mask", [MASK, b""])
def test_a_close_code_is_read(payload: bytes, code: int, mask: bytes) -> None:
    scanner = Scanner(LIMITS, masked=bool(mask))
    assert scanner.scan(frame(8, payload, mask=mask)) == 0
    assert (scanner.stop, scanner.close_code) == (CLOSE, code)


def test_our_close_frames_say_what_they_should() -> None:
    assert close_code(close_frame(1009, key=None)) == 1009
    assert close_code(close_frame(1001, key=MASK)) == 1001
    assert close_frame(1001, key=None) == frame(8, b"\x03\xe9")
    assert close_frame(1001, key=MASK) == frame(8, b"\x03\xe9", mask=MASK)


OWN = b"8 bytes!"


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.sampled_from([0, 1, 2]), min_size=1, max_size=8), st.integers(1, 30), st.integers(0, 2**32))
def test_only_the_pong_that_is_ours_is_taken_out(kinds: list[int], piece: int, seed: int) -> None:
    others = [
        frame(TEXT, b"business", mask=MASK),
        frame(PONG, b"8 bytes?", mask=MASK),
        frame(PING, OWN, mask=MASK),
        frame(PONG, b"short", mask=MASK),
        frame(TEXT, OWN, mask=MASK, fin=False) + frame(PONG, OWN[::-1], mask=MASK) + frame(0, OWN, mask=MASK),
    ]
    rng = random.Random(seed)
    sent = [frame(PONG, OWN, mask=rng.randbytes(4)) if not kind else rng.choice(others) for kind in kinds]
    scanner = Scanner(LIMITS, masked=True)
    scanner.own_ping = OWN
    passed, held, dropped, stream = b"", b"", 0, b"".join(sent)
    for at in range(0, len(stream), piece):
        data = held + stream[at : at + piece]
        held = b""
        while data:
            may_pass = scanner.scan(data)
            passed, rest = passed + data[:may_pass], data[may_pass:]
            data = b""
            if rest and scanner.stop == OWN_PONG:
                dropped += 1
                data = rest[OWN_PONG_BYTES:]
            elif rest:
                assert scanner.stop == INCOMPLETE
                assert len(rest) < 16, "no more than the start of a frame is held"
                held = rest
    assert held == b""
    assert dropped == kinds.count(0)
    assert passed == b"".join(each for kind, each in zip(kinds, sent, strict=True) if kind)


def test_a_ping_of_ours_is_a_ping() -> None:
    assert ping_frame(OWN) == frame(PING, OWN)


PACED = Limits(messages_per_s=10, messages_burst=8, control_frames_per_s=5, fragments=128)
S = 1_000_000_000


def messages_passed(scanner: Scanner, wire: bytes, most: int) -> int:
    """Give how many of so many passed before the scanner stopped."""
    for count in range(most):
        if scanner.scan(wire) != len(wire):
            return count
    return most


@pytest.mark.parametrize("fragments", [1, 2, 5])
def test_messages_over_their_pace_do_not_pass(fragments: int) -> None:
    now = 0
    scanner = Scanner(PACED, masked=True, clock_ns=lambda: now)
    message = frame(TEXT, b"", mask=MASK, fin=fragments == 1)
    message += frame(PING, b"", mask=MASK) * (fragments == 2)
    message += b"".join(frame(0, b"", mask=MASK, fin=part == fragments - 2) for part in range(fragments - 1))
    assert messages_passed(scanner, message, 5) == 5
    now += 10 * S
    passed = messages_passed(scanner, message, 30) if fragments != 2 else messages_passed(scanner, message, 5)
    assert passed == (5 if fragments == 2 else 9), "a burst of 8 and what was taken out before"
    if fragments != 2:
        assert scanner.stop == TOO_FAST
        now += S
        assert messages_passed(scanner, message, 30) == 8


def test_who_waits_as_long_as_told_may_go_on_and_near_the_end_nobody_waits() -> None:
    now = 0
    scanner = Scanner(PACED, masked=True, clock_ns=lambda: now)
    message = frame(TEXT, b"x", mask=MASK)
    assert messages_passed(scanner, message, 30) == 8
    for _ in range(20):
        assert scanner.stop == TOO_FAST
        assert 0 < scanner.wait_s() <= 0.1
        now += int(scanner.wait_s() * S) + 1_000
        assert messages_passed(scanner, message, 30) == 1
    scanner.hurry()
    assert messages_passed(scanner, message, 1000) == 1000


def test_a_patient_charger_is_never_stopped() -> None:
    now = 0
    scanner = Scanner(PACED, masked=True, clock_ns=lambda: now)
    for _ in range(1000):
        now += S // 10
        assert messages_passed(scanner, frame(TEXT, b"", mask=MASK), 1) == 1


def test_the_csms_may_send_as_fast_as_it_likes_but_not_ping() -> None:
    scanner = Scanner(PACED, masked=False, clock_ns=lambda: 0)
    assert messages_passed(scanner, frame(TEXT, b""), 1000) == 1000
    assert messages_passed(scanner, frame(PING, b""), 1000) == 5
    assert scanner.stop == CONTROLS


@pytest.mark.parametrize("opcode", [PING, PONG])
def test_control_frames_over_their_pace_do_not_pass(opcode: int) -> None:
    now = 0
    scanner = Scanner(PACED, masked=True, clock_ns=lambda: now)
    wire = frame(opcode, b"x" * 125, mask=MASK)
    assert messages_passed(scanner, wire, 1000) == 5
    assert scanner.stop == CONTROLS
    now += S // 5
    assert messages_passed(scanner, wire, 1000) == 1
