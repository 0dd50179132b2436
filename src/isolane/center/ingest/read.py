"""This file turns a message into something to store or into poison; it guards that no payload says who sent it.

It has no other state than the anchors. The sender is what the transport proved; a block that names another gateway is
poison. So is what would make trouble later: instants that cannot be, charger identities that could not stand in a path.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from isolane.center.ingest.anchors import Anchors
from isolane.center.store.port import (
    BlockArrival,
    GapArrival,
    LedgerArrival,
    Origin,
    PaperArrival,
    PoisonArrival,
    SchemaArrival,
    StatementArrival,
)
from isolane.core.ids import is_charger_id
from isolane.wire import varint
from isolane.wire.anchor import is_anchor
from isolane.wire.block import AnchorWantedError, decode, encode, gateway_tag, read_head
from isolane.wire.errand import decode_stated
from isolane.wire.paper import decode_paper
from isolane.wire.schema import decode_schema
from isolane.wire.uplink import MESSAGE_BYTES_MAX, Up, decode_gap, decode_ledger

INSTANT_MS_MAX = 253_402_300_800_000
"""The year 10000: the last that a date can name."""
STEP_MS_MAX = 86_400_000
LEDGER_ENTRIES_MAX = 10_000
UNIT_CHARS_MAX = 16
_NUMBER_MAX = (1 << 63) - 1
"""What a database holds."""
_KEY_AT = 21
_KEY_BYTES_MAX = 27
_TAG = slice(17, 21)


@dataclass(frozen=True, slots=True)
class AnchorArrival:
    """An anchor came, and `wanted` is ""; or a block came that needs one: its id, hex, to ask for."""

    origin: Origin
    wanted: str = ""


Arrival = (
    BlockArrival
    | SchemaArrival
    | GapArrival
    | LedgerArrival
    | PaperArrival
    | PoisonArrival
    | AnchorArrival
    | StatementArrival
)


def read(origin: Origin, kind: Up, payload: bytes, anchors: Anchors) -> Arrival:
    """Read one message; what cannot be read or believed comes back as poison with the reason.

    Args:
        origin: Who sent it.
        kind: From the topic or path.
        payload: Bytes of anybody's choosing.
        anchors: Those that came before; takes those that come.
    """
    try:
        return _READERS[kind](origin, _bounded_payload(payload), anchors)
    except AnchorWantedError as wanted:
        return AnchorArrival(origin, wanted.identity.hex())
    except ValueError as error:
        key = block_key(payload, gateway_tag(origin.site, origin.gateway)) if kind is Up.BLOCK else ""
        return PoisonArrival(origin, kind, key, str(error) or type(error).__name__, payload)


def _bounded_payload(payload: bytes) -> bytes:
    if len(payload) > MESSAGE_BYTES_MAX:
        raise ValueError(f"a message of {len(payload)} bytes")
    return payload


def _block(origin: Origin, payload: bytes, anchors: Anchors) -> BlockArrival:
    tag = gateway_tag(origin.site, origin.gateway)
    block = decode(payload, tag, anchors.of(origin))
    if block.step_ms > STEP_MS_MAX:
        raise ValueError(f"a step of {block.step_ms} ms")
    if block.t0_ms + block.step_ms * block.values.shape[1] > INSTANT_MS_MAX:
        raise ValueError("a time after the year 9999")
    data = encode(block, tag) if read_head(payload).is_anchored else payload
    return BlockArrival(origin, block, data, len(payload))


def _schema(origin: Origin, payload: bytes, anchors: Anchors) -> SchemaArrival | AnchorArrival:
    if is_anchor(payload):
        anchors.learn(origin, payload)
        return AnchorArrival(origin)
    schema = decode_schema(payload)
    for column in schema.columns:
        if column.charger and not is_charger_id(column.charger):
            raise ValueError(f"{column.charger!r} is no charger identity")
        if len(column.unit) > UNIT_CHARS_MAX or not column.unit.isprintable():
            raise ValueError(f"{column.unit!r} is no unit")
    return SchemaArrival(origin, schema)


def _gap(origin: Origin, payload: bytes, _anchors: Anchors) -> GapArrival:
    gap = decode_gap(payload)
    _bounded(gap.epoch, gap.stream, gap.first, gap.last, gap.samples)
    if not 0 <= gap.from_ms <= gap.to_ms <= INSTANT_MS_MAX:
        raise ValueError("a gap outside of all time")
    return GapArrival(origin, gap)


def _ledger(origin: Origin, payload: bytes, _anchors: Anchors) -> LedgerArrival:
    statement = decode_ledger(payload)
    if len(statement.entries) > LEDGER_ENTRIES_MAX:
        raise ValueError(f"a statement of {len(statement.entries)} entries")
    _bounded(statement.at_ms)
    for entry in statement.entries:
        _bounded(entry.epoch, entry.stream, entry.last_sequence)
        _bounded(entry.produced, entry.acknowledged, entry.queued, entry.thinned, *entry.dropped.values())
    return LedgerArrival(origin, statement)


def _paper(origin: Origin, payload: bytes, _anchors: Anchors) -> PaperArrival:
    paper = decode_paper(payload, gateway_tag(origin.site, origin.gateway))
    if paper.at_ms > INSTANT_MS_MAX:
        raise ValueError("a paper from after the year 9999")
    return PaperArrival(origin, paper)


def _statement(origin: Origin, payload: bytes, _anchors: Anchors) -> StatementArrival:
    decode_stated(payload)
    return StatementArrival(origin, "mqtt", payload)


def _bounded(*numbers: int) -> None:
    if any(not 0 <= number <= _NUMBER_MAX for number in numbers):
        raise ValueError("a number below zero or beyond 63 bits")


_READERS: dict[Up, Callable[[Origin, bytes, Anchors], Arrival]] = {
    Up.BLOCK: _block,
    Up.SCHEMA: _schema,
    Up.GAP: _gap,
    Up.LEDGER: _ledger,
    Up.PAPER: _paper,
    Up.STATEMENT: _statement,
}


def block_key(payload: bytes, tag: bytes) -> str:
    """Give the key "epoch/stream/sequence" in a damaged block's header; "" if the header is not this gateway's."""
    if payload[:3] != b"ISB" or payload[_TAG] != tag:
        return ""
    head = payload[_KEY_AT : _KEY_AT + _KEY_BYTES_MAX]
    ends = np.flatnonzero(np.frombuffer(head, np.uint8) < 0x80)[:3]  # noqa: PLR2004 - the last byte of a varint
    if ends.size < 3:  # noqa: PLR2004 - epoch, stream, sequence
        return ""
    try:
        return "/".join(str(number) for number in varint.decode(head[: int(ends[-1]) + 1]).tolist())
    except ValueError:
        return ""
