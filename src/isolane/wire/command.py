"""This file defines what a command says and what a gateway says before it; it guards that each has one form.

Both are payloads of signed envelopes (`security.envelope`), JSON with exactly these members in this order, without
whitespace: what decodes to something that would be written in other bytes is refused. So a command is named by its
``jti`` and the SHA-256 of its payload alone.

Command: ``v`` 1; ``jti`` its name, 22 characters of base64url; ``iss`` the center that proposed it; ``aud`` exactly one
    gateway; ``verb`` and its ``args``; ``pre`` the interlocks that the signers rely on; ``req`` who asks, in which
    role, ticket and reason; ``appr`` its class and how many people have to sign; ``iat``, ``nbf``, ``exp`` UTC, s, at
    most 300 apart; ``boot`` and ``chal`` from the gateway's statement; ``seq`` the center's count; ``keys_ver``
    version of the key manifest.
Statement: ``v`` 1; ``gw`` the gateway; ``boot``; ``chal``; ``at`` its UTC, ms, a label; ``clock`` "synced" or
    "unsynced"; ``keys_ver``; ``frozen``; ``checkpoint`` of its audit, a signed note, "" before the first.
"""

from typing import Annotated, Final, Literal, TypeVar

import msgspec

from isolane.core import strict_json

LIFE_S_MAX: Final = 300
VERSION: Final = 1
_NONCE = r"^[A-Za-z0-9_-]{22}\Z"
_NAME = r"^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?\Z"
_TEXT = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]*\Z"
"""No control characters, and none that turn the direction of what a signer reads."""

Token = Annotated[str, msgspec.Meta(pattern=_NONCE)]
Name = Annotated[str, msgspec.Meta(pattern=_NAME, max_length=64)]
Word = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\Z", max_length=64)]
Text = Annotated[str, msgspec.Meta(pattern=_TEXT, max_length=256)]
Person = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._@+-]*\Z", max_length=128)]
CommandClass = Literal["R0", "R1", "R2", "R3", "R4"]
Count = Annotated[int, msgspec.Meta(ge=0, le=strict_json.INTEGER_MAX)]


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who asks for it, as which role, and why."""

    sub: Person
    role: Word
    ticket: Text
    reason: Text


class Approval(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"kind": "class"}):
    """Its class, and of how many people it has signatures."""

    kind: CommandClass
    need: Annotated[int, msgspec.Meta(ge=1, le=8)]


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command; see the top of this file."""

    v: Literal[1]
    jti: Token
    iss: Name
    aud: Name
    verb: Word
    args: dict[str, object]
    pre: Annotated[tuple[Text, ...], msgspec.Meta(max_length=16)]
    req: Request
    appr: Approval
    iat: Count
    nbf: Count
    exp: Count
    boot: Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9_-]{22})?\Z")]
    chal: Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9_-]{22})?\Z")]
    seq: Annotated[int, msgspec.Meta(ge=1, le=strict_json.INTEGER_MAX)]
    keys_ver: Annotated[int, msgspec.Meta(ge=1, le=strict_json.INTEGER_MAX)]


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a gateway says of itself; see the top of this file."""

    v: Literal[1]
    gw: Name
    boot: Token
    chal: Token
    at: Count
    clock: Literal["synced", "unsynced"]
    keys_ver: Count
    frozen: bool
    checkpoint: Annotated[str, msgspec.Meta(max_length=4096)]


_Message = TypeVar("_Message", bound=msgspec.Struct)


def write(message: msgspec.Struct) -> bytes:
    """Give the one form of a message of this file or of `wire.receipt`."""
    return strict_json.write(msgspec.to_builtins(message))


def read(payload: bytes, kind: type[_Message]) -> _Message:
    """Read a message.

    Args:
        payload: Bytes of anybody's choosing.
        kind: Which one.

    Raises:
        ValueError: It is none, or not in its one form.
    """
    message = msgspec.convert(strict_json.read(payload, strict_json.INTEGER_MAX), kind, strict=True)
    if write(message) != payload:
        raise ValueError("not in the one form")
    return message
