"""This file tests cards and chunks as bytes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.wire.paper import BODY_BYTES_MAX
from isolane.wire.snapshot import (
    CHUNK_BYTES,
    OPEN,
    Card,
    CardTrigger,
    Chunk,
    decode_card,
    decode_chunk,
    encode_card,
    encode_chunk,
)

ID = "0123456789abcdef" * 2


@given(size=st.integers(1, 3 * CHUNK_BYTES), data=st.data())
def test_a_chunk_comes_back(size: int, data: st.DataObject) -> None:
    parts = (size + CHUNK_BYTES - 1) // CHUNK_BYTES
    number = data.draw(st.integers(0, parts - 1))
    body = bytes(min(CHUNK_BYTES, size - number * CHUNK_BYTES))
    chunk = Chunk(snapshot=ID, number=number, parts=parts, size=size, sha256=bytes(32), data=body)
    assert decode_chunk(encode_chunk(chunk)) == chunk
    assert len(encode_chunk(chunk)) < BODY_BYTES_MAX


@pytest.mark.parametrize(
    ("number", "parts", "size", "length"),
    [(1, 1, 10, 10), (0, 2, 10, 10), (0, 1, 10, 9), (3, 2, CHUNK_BYTES + 1, 0), (0, 1, CHUNK_BYTES + 1, CHUNK_BYTES)],
)
def test_a_chunk_that_contradicts_itself_is_refused(number: int, parts: int, size: int, length: int) -> None:
    chunk = Chunk(snapshot=ID, number=number, parts=parts, size=size, sha256=bytes(32), data=bytes(length))
    with pytest.raises(ValueError, match="contradict"):
        decode_chunk(encode_chunk(chunk))


def test_a_card_comes_back() -> None:
    card = Card(
        id=ID,
        charger="CP1",
        state=OPEN,
        level=3,
        begun_ms=9,
        from_ms=1,
        to_ms=20,
        triggers=(CardTrigger("door", 3, 9),),
    )
    assert decode_card(encode_card(card)) == card


@pytest.mark.parametrize("change", [{"id": "../../etc/passwd"}, {"state": "odd"}, {"version": 2}])
def test_a_card_of_nothing_known_is_refused(change: dict[str, object]) -> None:
    card = Card(id=ID, charger="", state=OPEN, level=1, begun_ms=0, from_ms=0, to_ms=0, triggers=())
    card = msgspec.structs.replace(card, **change)
    with pytest.raises(ValueError, match="card"):
        decode_card(encode_card(card))
