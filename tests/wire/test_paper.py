"""This file tests papers as bytes: round trips, damage, and what cannot be one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.wire.block import BlockKey, gateway_tag
from isolane.wire.paper import BODY_BYTES_MAX, PAPERS, Paper, decode_paper, encode_paper, is_paper, read_key

TAG = gateway_tag("depot", "gw1")
PAPER = Paper(BlockKey(7, PAPERS, 3), 1_700_000_000_000, "level", b'{"a":1}')


@given(
    key=st.builds(BlockKey, st.integers(0, 2**63 - 1), st.integers(0, 2**32 - 1), st.integers(1, 2**63 - 1)),
    at_ms=st.integers(0, 2**63 - 1),
    kind=st.from_regex(r"\A[a-z][a-z0-9-]{0,31}\Z"),
    body=st.binary(max_size=300),
)
def test_a_paper_comes_back(key: BlockKey, at_ms: int, kind: str, body: bytes) -> None:
    paper = Paper(key, at_ms, kind, body)
    data = encode_paper(paper, TAG)
    assert is_paper(data)
    assert decode_paper(data, TAG) == paper
    assert read_key(data) == key


@pytest.mark.parametrize("at", range(len(encode_paper(PAPER, TAG))))
def test_a_changed_byte_is_seen(at: int) -> None:
    data = bytearray(encode_paper(PAPER, TAG))
    data[at] ^= 0x10
    with pytest.raises(ValueError, match="paper"):
        decode_paper(bytes(data), TAG)


@pytest.mark.parametrize("length", range(len(encode_paper(PAPER, TAG))))
def test_a_cut_paper_is_none(length: int) -> None:
    with pytest.raises(ValueError, match="paper"):
        decode_paper(encode_paper(PAPER, TAG)[:length], TAG)


def test_a_paper_of_another_gateway_is_refused() -> None:
    with pytest.raises(ValueError, match="another gateway"):
        decode_paper(encode_paper(PAPER, TAG), gateway_tag("depot", "gw2"))


@pytest.mark.parametrize(
    ("kind", "body"), [("", b""), ("Level", b""), ("x" * 33, b""), ("a", bytes(BODY_BYTES_MAX + 1))]
)
def test_what_the_layout_cannot_hold_is_refused(kind: str, body: bytes) -> None:
    with pytest.raises(ValueError, match="paper"):
        encode_paper(Paper(PAPER.key, 0, kind, body), TAG)
