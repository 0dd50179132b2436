"""This file reads proofs of anybody's choosing; it guards that one is what its page says, or nothing."""

import msgspec
import pytest

from isolane.wire.command_proof import BYTES_MAX, CommandProof, ProofPoint, decode, encode

PROOF = CommandProof(
    v=1,
    gateway="gw-01",
    jti="A" * 22,
    payload="e30",
    command="",
    receipts=("{}",),
    checkpoints=(ProofPoint(note="n"), ProofPoint(note="m", old=3, path=("0" * 64,))),
    keys="",
)


def test_a_proof_is_read_as_it_was_written() -> None:
    assert decode(encode(PROOF)) == PROOF
    assert encode(PROOF).count(b"\n") > 10


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b" " * (BYTES_MAX + 1),
        encode(PROOF).replace(b'"v": 1', b'"v": 2'),
        encode(PROOF).replace(b'"keys"', b'"more"'),
        encode(PROOF).replace(b'"gw-01"', b'"../gw"'),
        encode(PROOF).replace(b"0" * 64, b"Z" * 64),
    ],
)
def test_anything_else_is_none(data: bytes) -> None:
    with pytest.raises((ValueError, msgspec.ValidationError)):
        decode(data)
