"""This file checks that a stream is cut into frames and is the same when the pieces are joined."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.value.own_calls.frames import CLOSE, RAW, TEXT, Cutter, Piece, text_frame
from support.raw_peer import PING, frame

MASK = b"\x11\x22\x33\x44"


def cut(stream: bytes, sizes: list[int], *, masked: bool) -> tuple[list[Piece], Cutter]:
    cutter, pieces, at = Cutter(masked=masked), [], 0
    for size in [*sizes, len(stream)]:
        pieces += list(cutter.cut(stream[at : at + size]))
        at += size
    return pieces, cutter


@given(
    frames=st.lists(
        st.tuples(st.integers(0, 2), st.binary(max_size=300), st.booleans()) | st.just((PING, b"x", True)), max_size=8
    ),
    sizes=st.lists(st.integers(1, 40), max_size=40),
    masked=st.booleans(),
    tail=st.sampled_from([b"", b"\x88\x80", b"\x81", b"\xff\xff"]),
)
def test_the_pieces_are_the_stream(
    *, frames: list[tuple[int, bytes, bool]], sizes: list[int], masked: bool, tail: bytes
) -> None:
    wires = [frame(op, body, mask=MASK if masked else b"", fin=fin) for op, body, fin in frames]
    pieces, cutter = cut(b"".join(wires) + tail, sizes, masked=masked)
    assert b"".join(piece.wire for piece in pieces) + cutter.rest() == b"".join(wires) + tail
    bodies: list[bytes] = []
    for piece in pieces:
        if piece.begins:
            bodies.append(b"")
        if piece.opcode != RAW:
            bodies[-1] += piece.text()
    assert bodies[: len(frames)] == [body for _, body, _ in frames]
    assert sum(piece.final for piece in pieces) >= sum(fin for _, _, fin in frames)


@pytest.mark.parametrize(
    "wrong",
    [b"\x81\x01a", b"\x89\xfe\x00\x7e" + MASK, b"\x81\xff" + b"\xff" * 8 + MASK],
    ids=["unmasked", "long ping", "no length"],
)
def test_what_is_no_frame_ends_the_frames(wrong: bytes) -> None:
    good = frame(TEXT, b"good", mask=MASK)
    pieces, cutter = cut(good + wrong + good, [], masked=True)
    assert [piece.opcode for piece in pieces] == [TEXT, RAW]
    assert cutter.over
    assert not cutter.between


def test_behind_a_close_frame_there_are_none() -> None:
    goodbye = frame(CLOSE, b"\x03\xe8")
    pieces, cutter = cut(goodbye + b"anything", [3], masked=False)
    assert [(piece.opcode, piece.wire) for piece in pieces] == [
        (CLOSE, goodbye[:3]),
        (CLOSE, goodbye[3:]),
        (RAW, b"anything"),
    ]
    assert cutter.over


def test_between_two_messages() -> None:
    cutter = Cutter(masked=False)
    for wire, between in (
        (frame(TEXT, b"ab"), True),
        (frame(TEXT, b"ab", fin=False), False),
        (frame(PING, b""), False),
        (frame(0, b"ab")[:3], False),
        (frame(0, b"ab")[3:], True),
        (b"\x81", False),
    ):
        list(cutter.cut(wire))
        assert cutter.between is between


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_our_frames_are_those_of_everybody(size: int) -> None:
    assert text_frame(b"x" * size) == frame(TEXT, b"x" * size)
