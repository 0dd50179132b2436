"""This file turns records into the messages of a snapshot; it guards that a value's unit and quality stand beside it.

Topics: ``/health`` and ``/health/<charger>`` for rows at 1 Hz or slower, ``/wave`` and ``/wave/<charger>`` for faster
ones (without a charger: the gateway's own signals), ``/ocpp`` for the tap's events, ``/state`` for states and triggers,
``/log`` for log lines, in the form of a `foxglove.Log`, ``/upload`` for the pieces of a file that a charger left.
Messages are JSON, their schemas JSON Schema. A message of rows has one number for each signal, null where there is
none, and under ``quality`` what is not GOOD. A charger of many signals has several channels of one topic, so that no
message is large.
"""

import base64
import logging
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np
from mcap.writer import Writer

from isolane.core.samples import Quality, Reason
from isolane.health.recorder.facts import Heard, Line, State, read_heard, read_lines, read_states
from isolane.health.recorder.segments import Kind
from isolane.wire.block import Block, decode, quality_of
from isolane.wire.floats import to_floats
from isolane.wire.records import Record
from isolane.wire.schema import Column, Schema, decode_schema

_LOG = logging.getLogger(__name__)
COLUMNS_MAX = 200
"""Of one message: about 20 kB at worst."""
HEALTH, WAVE, OCPP, STATE, LOG, UPLOAD = "/health", "/wave", "/ocpp", "/state", "/log", "/upload"
_NS_PER_MS = 1_000_000
_HZ_MS = 1000
_DIGITS = 12
"""Of a number: finer than any device resolves, and coarser than the error of a product of floats."""
_LOG_LEVELS = {logging.DEBUG: 1, logging.INFO: 2, logging.WARNING: 3, logging.ERROR: 4, logging.CRITICAL: 5}
_TEXT = {"type": "string"}
_TIME = {"type": "object", "title": "time", "properties": {"sec": {"type": "integer"}, "nsec": {"type": "integer"}}}
_SCHEMAS: dict[str, tuple[str, dict[str, object]]] = {
    OCPP: ("isolane.Event", {"type": _TEXT, "charger": _TEXT, "mono_ns": {"type": "integer"}}),
    STATE: ("isolane.State", {"charger": _TEXT, "what": _TEXT, "value": _TEXT}),
    UPLOAD: ("isolane.Upload", {"number": {"type": "integer"}, "data": {**_TEXT, "contentEncoding": "base64"}}),
    LOG: (
        "foxglove.Log",
        {
            "timestamp": _TIME,
            "level": {"type": "integer"},
            "message": _TEXT,
            "name": _TEXT,
            "file": _TEXT,
            "line": {"type": "integer"},
        },
    ),
}

Took = Callable[[Schema, Block], None]


@dataclass(frozen=True, slots=True)
class _Group:
    """The columns of one channel."""

    channel: int
    indexes: tuple[int, ...]


class Channels:
    """Writes records into one snapshot.

    Args:
        writer: Of the file.
        charger: Whose snapshot it is; the gateway's own signals are in it too. "": everything is.
        took: Is shown each block.
    """

    def __init__(self, writer: Writer, charger: str, took: Took = lambda _schema, _block: None) -> None:
        self._writer = writer
        self._charger = charger
        self._took = took
        self._schemas: dict[bytes, Schema] = {}
        self._groups: dict[tuple[int, bytes], list[_Group]] = {}
        self._channels: dict[str, int] = {}
        self.schema_ids: set[str] = set()
        self.unread = 0
        """Records that could not be read."""

    def feed(self, record: Record, from_ms: int, to_ms: int) -> None:
        """Write what of a record is within a time, UTC ms."""
        try:
            match record.kind:
                case Kind.SCHEMA:
                    schema = decode_schema(record.body)
                    self._schemas[schema.id] = schema
                case Kind.BLOCK:
                    self._block(decode(record.body), from_ms, to_ms)
                case Kind.EVENTS:
                    self._events([one for one in read_heard(record) if from_ms <= one.t_ms < to_ms])
                case Kind.LOG:
                    self._lines([one for one in read_lines(record) if from_ms <= one.t_ms < to_ms])
                case Kind.STATES:
                    self.states([one for one in read_states(record) if from_ms <= one.t_ms < to_ms])
                case _:
                    self.unread += 1
        except ValueError as error:
            self.unread += 1
            _LOG.warning("record-unreadable error=%s", error)

    def states(self, states: list[State]) -> None:
        """Write states."""
        for one in states:
            if self._charger in {"", one.charger} or not one.charger:
                body = {"charger": one.charger, "what": one.what, "value": one.value}
                self._add(self._plain(STATE), one.t_ms, msgspec.json.encode(body))

    def upload(self, number: int, piece: bytes, t_ms: int) -> None:
        """Write a piece of a file."""
        body = {"number": number, "data": base64.b64encode(piece).decode()}
        self._add(self._plain(UPLOAD), t_ms, msgspec.json.encode(body))

    def _events(self, heard: list[Heard]) -> None:
        for one in heard:
            if self._charger in {"", one.event.charger}:
                self._add(self._plain(OCPP), one.t_ms, msgspec.json.encode(one.event))

    def _lines(self, lines: list[Line]) -> None:
        for one in lines:
            body = {
                "timestamp": {"sec": one.t_ms // 1000, "nsec": one.t_ms % 1000 * _NS_PER_MS},
                "level": _LOG_LEVELS.get(one.level, 2),
                "message": one.text,
                "name": one.logger,
                "file": "",
                "line": 0,
            }
            self._add(self._plain(LOG), one.t_ms, msgspec.json.encode(body))

    def _block(self, block: Block, from_ms: int, to_ms: int) -> None:
        schema = self._schemas.get(block.schema)
        if schema is None:
            raise ValueError("a block without its schema")
        key = block.key.stream, block.schema
        if key not in self._groups:
            self._groups[key] = self._register(schema, block)
        self._took(schema, block)
        for group in self._groups[key]:
            self._rows(group, schema, block, from_ms, to_ms)

    def _rows(self, group: _Group, schema: Schema, block: Block, from_ms: int, to_ms: int) -> None:
        own = list(group.indexes)
        names = [schema.columns[index].key for index in own]
        values, codes = physical(schema, block, own), block.codes[own]
        for row in range(values.shape[1]):
            t_ms = block.t0_ms + row * block.step_ms
            if not from_ms <= t_ms < to_ms:
                continue
            message: dict[str, object] = dict(zip(names, values[:, row].tolist(), strict=True))
            quality = {}
            for place in np.flatnonzero(codes[:, row]):
                word, reason = quality_of(int(codes[place, row]))
                quality[names[place]] = word.name if reason is Reason.NONE else f"{word.name} {reason.name}"
                if word is Quality.BAD:
                    message[names[place]] = None
            if quality:
                message["quality"] = quality
            self._add(group.channel, t_ms, msgspec.json.encode(message))

    def _register(self, schema: Schema, block: Block) -> list[_Group]:
        """Make the channels of a schema in a stream."""
        self.schema_ids.add(schema.id.hex())
        root = HEALTH if block.step_ms >= _HZ_MS else WAVE
        groups = []
        wanted = dict.fromkeys(column.charger for column in schema.columns if self._wants(column.charger))
        for charger in wanted:
            own = [index for index, column in enumerate(schema.columns) if column.charger == charger]
            for at in range(0, len(own), COLUMNS_MAX):
                part = tuple(own[at : at + COLUMNS_MAX])
                columns = [schema.columns[index] for index in part]
                topic = f"{root}/{charger}" if charger else root
                told = {
                    "charger": charger,
                    "schema": schema.id.hex(),
                    "step_ms": str(block.step_ms),
                    "stream": str(block.key.stream),
                }
                number = self._writer.register_schema(f"isolane.Row{topic}", "jsonschema", _row_schema(columns))
                groups.append(_Group(self._writer.register_channel(topic, "json", number, told), part))
        return groups

    def _wants(self, charger: str) -> bool:
        return self._charger in {"", charger} or not charger

    def _plain(self, topic: str) -> int:
        if topic not in self._channels:
            title, properties = _SCHEMAS[topic]
            data = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, "type": "object"}
            number = self._writer.register_schema(
                title, "jsonschema", msgspec.json.encode({**data, "properties": properties})
            )
            self._channels[topic] = self._writer.register_channel(topic, "json", number)
        return self._channels[topic]

    def _add(self, channel: int, t_ms: int, data: bytes) -> None:
        self._writer.add_message(channel, t_ms * _NS_PER_MS, data, t_ms * _NS_PER_MS)


def physical(schema: Schema, block: Block, indexes: list[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Give values of some columns in their units, shape (len(indexes), rows)."""
    raw = block.values[indexes]
    resolution = np.array([schema.columns[index].resolution for index in indexes])[:, None]
    scaled = np.round(raw * resolution, _DIGITS)
    return np.where(resolution == 0, to_floats(raw), scaled)


def _row_schema(columns: list[Column]) -> bytes:
    properties: dict[str, object] = {
        column.key: {"type": ["number", "null"], "description": column.unit, "unit": column.unit} for column in columns
    }
    properties["quality"] = {"type": "object", "additionalProperties": _TEXT}
    title = "isolane.Row"
    return msgspec.json.encode(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": title,
            "type": "object",
            "properties": properties,
        }
    )
