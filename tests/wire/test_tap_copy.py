"""This file tests `wire.tap_copy`: what is packed is read as it was, and what is not of its form is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.wire import tap_copy
from isolane.wire.tap_copy import NO_BOUNDARY, Copy, Direction, Kind, Packet, unpack

U64 = st.integers(0, 2**64 - 1)
COPIES = st.lists(
    st.builds(
        Copy,
        st.sampled_from(Kind),
        st.sampled_from(Direction),
        U64,
        U64,
        U64,
        st.none() | st.integers(0, NO_BOUNDARY - 1),
        st.binary(max_size=300),
    ),
    min_size=1,
    max_size=20,
)


def pack(packet: Packet) -> bytes:
    parts = [tap_copy.pack_packet_header(packet.lost)]
    for copy in packet.copies:
        boundary = NO_BOUNDARY if copy.boundary is None else copy.boundary
        size = len(copy.payload)
        parts += (
            tap_copy.pack_copy_header(
                copy.kind, copy.direction, size, copy.connection, copy.mono_ns, copy.offset, boundary
            ),
            copy.payload,
        )
    return b"".join(parts)


@given(lost=st.integers(0, 2**32 - 1), copies=COPIES)
def test_a_packet_is_read_as_it_was_packed(lost: int, copies: list[Copy]) -> None:
    packet = Packet(lost, copies)
    assert unpack(pack(packet)) == packet


@given(copies=COPIES, data=st.data())
def test_a_packet_that_was_cut_is_refused_or_shorter(copies: list[Copy], data: st.DataObject) -> None:
    whole = pack(Packet(0, copies))
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    try:
        left = unpack(cut).copies
    except ValueError:
        return
    assert left == copies[: len(left)]
    assert len(left) < len(copies)


@given(packet=st.binary(max_size=200))
def test_no_bytes_raise_anything_else(packet: bytes) -> None:
    for each in (packet, tap_copy.pack_packet_header(0) + packet):
        try:
            unpack(each)
        except ValueError:
            continue


def test_the_layout_is_the_one_that_is_written() -> None:
    packet = tap_copy.pack_packet_header(7) + tap_copy.pack_copy_header(2, 1, 1, 3, 4, 5, 6) + b"x"
    told = "02000000 07000000 02010000 01000000 0300000000000000 0400000000000000 0500000000000000 06000000 78"
    assert packet == bytes.fromhex(told)


def test_a_count_that_does_not_fit_is_told_as_the_largest() -> None:
    copy = Copy(Kind.CLOSE, Direction.FROM_CSMS, 1, 2, 0, None, b"")
    assert unpack(pack(Packet(2**40, [copy]))).lost == 2**32 - 1


@pytest.mark.parametrize("size", [0, tap_copy.PACKET_HEADER_BYTES, tap_copy.PACKET_BYTES_MAX + 1])
def test_a_size_that_is_none_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="bytes"):
        unpack((tap_copy.pack_packet_header(0) + bytes(tap_copy.PACKET_BYTES_MAX))[:size])


def test_another_version_is_told_apart() -> None:
    with pytest.raises(ValueError, match="different releases"):
        unpack(b"\x01" + bytes(60))
