"""This file defines a receipt, what a gateway says became of a command; it guards that it is of one command alone.

A receipt is the payload of an envelope of type ``isolane-rcpt+jws``, signed by the gateway, in its one form
(`wire.command.write`). It names the command by ``jti`` and ``digest``, the SHA-256 of the command's payload in hex: who
reads it compares both, and ``gw``, with what was sent.

Layout: ``v`` 1; ``gw``; ``boot``; ``jti``; ``digest``; ``verb``; ``state``; ``reason`` a code, "" for none;
    ``detail`` a sentence; ``at`` UTC, ms, a label; ``result``; ``entry`` number of its line in the audit, -1 where
    none could be written; ``checkpoint`` of the audit, "" where the result needs none; with it ``line``, that line, and
    ``path``, what proves that the checkpoint's tree has it (RFC 6962, section 2.1.1), hashes in hex.
"""

from typing import Annotated, Final, Literal

import msgspec

from isolane.core import strict_json
from isolane.wire.command import Count, Name, Token, Word

KIND: Final = "receipt"
"""Of the paper that carries it."""
RESULT_BYTES_MAX: Final = 256 << 10
BYTES_MAX: Final = 400 << 10
"""Of its envelope: what a paper holds is more."""

StateName = Literal["refused", "accepted", "done", "failed", "expired", "unknown-after-restart"]


class Receipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A receipt; see the top of this file."""

    v: Literal[1]
    gw: Name
    boot: Token
    jti: Token
    digest: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    verb: Word
    state: StateName
    reason: Annotated[str, msgspec.Meta(max_length=64)]
    detail: Annotated[str, msgspec.Meta(max_length=512)]
    at: Count
    result: dict[str, object]
    entry: Annotated[int, msgspec.Meta(ge=-1, le=strict_json.INTEGER_MAX)]
    checkpoint: Annotated[str, msgspec.Meta(max_length=4096)]
    line: Annotated[str, msgspec.Meta(max_length=4096)] = ""
    path: Annotated[
        tuple[Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")], ...], msgspec.Meta(max_length=64)
    ] = ()
