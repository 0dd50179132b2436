"""This file defines what the center hands out as the proof of a command; it guards that none of it has to be believed.

Each part carries its own signatures: the command those of the people, receipts and checkpoints the gateway's,
checkpoints and the key manifest also the center's and the root holders'. `isolane audit verify` checks all of it
without the center and without a network.

Layout: JSON, ``v`` 1; ``gateway``; ``jti``; ``payload``, the command's, base64url; ``command``, its envelope with all
    signatures, "" before; ``receipts``, envelopes in the order in which they came; ``checkpoints`` of the gateway's
    audit, from small to large, each ``note`` (signed), and what proves that it goes on from the one with ``old``
    entries, ``path`` in hex; ``keys``, the manifest in force at the center, an envelope, "" for none.
"""

from typing import Annotated, Final, Literal

import msgspec

from isolane.wire.command import Name, Token

BYTES_MAX: Final = 4 << 20
CHECKPOINTS_MAX: Final = 64
_Hash = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class ProofPoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A checkpoint; `old` is 0 where nothing proves that it goes on from another."""

    note: Annotated[str, msgspec.Meta(max_length=4096)]
    old: Annotated[int, msgspec.Meta(ge=0)] = 0
    path: Annotated[tuple[_Hash, ...], msgspec.Meta(max_length=128)] = ()


class CommandProof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A proof; see the top of this file."""

    v: Literal[1]
    gateway: Name
    jti: Token
    payload: str
    command: str
    receipts: Annotated[tuple[str, ...], msgspec.Meta(max_length=16)]
    checkpoints: Annotated[tuple[ProofPoint, ...], msgspec.Meta(max_length=CHECKPOINTS_MAX)]
    keys: str


def encode(proof: CommandProof) -> bytes:
    """Give the proof's JSON, on lines of its own, for a file."""
    return msgspec.json.format(msgspec.json.encode(proof), indent=1) + b"\n"


def decode(data: bytes) -> CommandProof:
    """Read a proof; nothing is believed yet.

    Raises:
        ValueError: It is none.
    """
    if len(data) > BYTES_MAX:
        raise ValueError(f"a proof of {len(data)} bytes")
    try:
        return msgspec.json.decode(data, type=CommandProof)
    except RecursionError as error:
        raise ValueError("JSON nested too deep") from error
