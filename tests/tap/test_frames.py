"""This file tests `tap.frames` against the frames that the `websockets` library writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame as Written
from websockets.frames import Opcode

from isolane.tap import frames


@given(
    opcode=st.sampled_from([Opcode.CONT, Opcode.TEXT, Opcode.BINARY]),
    payload=st.binary(max_size=300) | st.integers(65_500, 65_600).map(bytes),
    final=st.booleans(),
    masked=st.booleans(),
    before=st.binary(max_size=5),
)
def test_reads_what_websockets_writes(
    *, opcode: Opcode, payload: bytes, final: bool, masked: bool, before: bytes
) -> None:
    data = before + Written(opcode, payload, fin=final).serialize(mask=masked)
    frame = frames.read_head(data, len(before))
    assert frame is not None
    body = data[frame.start : frame.start + frame.length]
    assert (frames.unmask(body, frame.key) if frame.key else body) == payload
    assert (frame.final, frame.compressed, frame.opcode, bool(frame.key)) == (final, False, opcode, masked)
    assert frame.start + frame.length == len(data)


@given(payload=st.integers(0, 70_000).map(bytes), masked=st.booleans())
def test_an_incomplete_header_is_not_an_error(payload: bytes, *, masked: bool) -> None:
    data = Written(Opcode.TEXT, payload).serialize(mask=masked)
    whole = frames.read_head(data, 0)
    assert whole is not None
    assert all(frames.read_head(data[:end], 0) is None for end in range(whole.start))
    assert frames.read_head(data[: whole.start], 0) == whole


@pytest.mark.parametrize(
    "head",
    [
        pytest.param("a100", id="RSV2"),
        pytest.param("9100", id="RSV3"),
        pytest.param("8300", id="reserved data opcode"),
        pytest.param("8b00", id="reserved control opcode"),
        pytest.param("0900", id="fragmented ping"),
        pytest.param("c900", id="compressed ping"),
        pytest.param("897e007e", id="long ping"),
        pytest.param("817e007d", id="16-bit length below 126"),
        pytest.param("817f000000000000ffff", id="64-bit length below 65536"),
        pytest.param("817fffffffffffffffff", id="64-bit length with its highest bit"),
    ],
)
def test_an_invalid_header_is_refused(head: str) -> None:
    with pytest.raises(frames.FrameError):
        frames.read_head(bytes.fromhex(head) + bytes(200), 0)


@given(payload=st.binary(max_size=1000), key=st.binary(min_size=4, max_size=4))
def test_unmasking_is_the_exclusive_or_of_each_byte(payload: bytes, key: bytes) -> None:
    assert frames.unmask(payload, key) == bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))
    assert frames.unmask(frames.unmask(payload, key), key) == payload


@pytest.mark.parametrize(
    ("payload", "code"), [(b"", None), (b"\x03", None), (b"\x03\xe8", 1000), (b"\x03\xf3bye", 1011)]
)
def test_close_code(payload: bytes, code: int | None) -> None:
    assert frames.close_code(payload) == code
