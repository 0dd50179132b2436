"""This file defines a snapshot's index card and parts; it guards that one or two kilobytes tell what happened.

A card is JSON. It is there as soon as a snapshot is begun, and is written anew when that has ended. The file follows in
parts. Both travel as papers of kinds ``card`` and ``chunk``. docs/reference/blackbox.md.
"""

import re
from typing import Annotated

import msgspec

VERSION = 1
CARD = "card"
CHUNK = "chunk"
CHUNK_BYTES = 64 << 10
PARTS_MAX = 4096
"""A file of 256 MiB."""
_ID = re.compile(r"[0-9a-f]{32}")
Identity = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
OPEN, WHOLE, CUT = "open", "whole", "cut"


class Trigger(msgspec.Struct, frozen=True, kw_only=True):
    """Something that made a gateway take a snapshot, as its manifest tells it.

    Attributes:
        kind: One of docs/reference/blackbox.md.
        charger: Whose; "" for the gateway itself, of which a snapshot holds everything.
        t_ms: When, UTC ms.
        level: 1 to 4.
        what: A signal key, OCPP's word or the name of a rule: what it was seen by.
        value: What was seen, in words or as a number.
    """

    kind: str
    charger: str
    t_ms: int
    level: int
    what: str = ""
    value: str = ""


class CardTrigger(msgspec.Struct, frozen=True):
    """What happened: kind, level 1 to 4, UTC ms, what it was seen by, and what was seen."""

    kind: str
    level: int
    t_ms: int
    what: str = ""
    value: str = ""


class Standout(msgspec.Struct, frozen=True):
    """A signal that was not as before: its key and charger, unit, what it was before and last, and how far off, sd."""

    charger: str
    key: str
    unit: str
    usual: float
    last: float
    off_sd: float


class Card(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The index card of a snapshot.

    Attributes:
        version: 1.
        id: Of the snapshot, 32 hex digits; begins with the time.
        charger: Whose; "" the gateway's and all chargers'.
        state: OPEN while it is written; then WHOLE, or CUT where power or disk ended it.
        level: The highest of its triggers.
        begun_ms: When it was triggered, UTC ms.
        from_ms: UTC ms of what is first in it.
        to_ms: UTC ms until when it goes on, or went.
        triggers: At most the first eight.
        triggers_more: How many more there are.
        standouts: The signals that were least as before, the worst first.
        firmware: The charger's vendor, model and firmware, as far as known.
        size: Bytes of the file, once it has ended.
        sha256: Of the file, hex.
        signed_by: Name of the key that has signed its manifest; "" not signed.
    """

    version: int = VERSION
    id: str
    charger: str
    state: str
    level: int
    begun_ms: int
    from_ms: int
    to_ms: int
    triggers: tuple[CardTrigger, ...]
    triggers_more: int = 0
    standouts: tuple[Standout, ...] = ()
    firmware: str = ""
    size: int = 0
    sha256: str = ""
    signed_by: str = ""


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a snapshot's file, as msgpack: the body of a paper of kind ``chunk``.

    Attributes:
        version: 1.
        snapshot: Id of the snapshot.
        number: Of the part, from 0.
        parts: How many there are.
        size: Bytes of the whole file.
        sha256: Of the whole file, 32 bytes.
        data: The part: `CHUNK_BYTES`, the last one what is left.
    """

    version: int = VERSION
    snapshot: Identity
    number: Annotated[int, msgspec.Meta(ge=0)]
    parts: Annotated[int, msgspec.Meta(ge=1, le=PARTS_MAX)]
    size: Annotated[int, msgspec.Meta(ge=1)]
    sha256: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    data: Annotated[bytes, msgspec.Meta(max_length=CHUNK_BYTES)]


def encode_card(card: Card) -> bytes:
    """Give a card paper's body."""
    return msgspec.json.encode(card)


def decode_card(body: bytes) -> Card:
    """Read a card paper's body.

    Raises:
        ValueError: It is none, or of another release.
    """
    try:
        card = msgspec.json.decode(body, type=Card)
    except RecursionError as error:
        raise ValueError("JSON nested too deep") from error
    if card.version != VERSION or not is_snapshot(card.id) or card.state not in {OPEN, WHOLE, CUT}:
        raise ValueError("a card of another release, or of no snapshot")
    return card


def encode_chunk(chunk: Chunk) -> bytes:
    """Give a chunk paper's body."""
    return msgspec.msgpack.encode(chunk)


def decode_chunk(body: bytes) -> Chunk:
    """Read a chunk paper's body.

    Raises:
        ValueError: It is none, of another release, or its numbers contradict each other.
    """
    try:
        chunk = msgspec.msgpack.decode(body, type=Chunk)
    except RecursionError as error:
        raise ValueError("msgpack nested too deep") from error
    begin = chunk.number * CHUNK_BYTES
    whole = (chunk.size + CHUNK_BYTES - 1) // CHUNK_BYTES == chunk.parts
    if chunk.version != VERSION or not whole or len(chunk.data) != min(CHUNK_BYTES, chunk.size - begin):
        raise ValueError("a chunk of another release, or whose numbers contradict each other")
    return chunk


def is_snapshot(identity: str) -> bool:
    """Tell whether a text has the form of a snapshot's id."""
    return _ID.fullmatch(identity) is not None
