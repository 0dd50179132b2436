"""This file reads what a snapshot tells into lines and happenings; it guards that no odd message stops the others.

A line is one signal of one rate; a happening is a tap event, a state, a trigger or a log line. All texts and numbers
may be of anybody's choosing: what is no number is no value, and a message that cannot be read is counted.
"""

import math
from dataclasses import dataclass, field

import msgspec
import numpy as np
from mcap.records import Channel, Message, Schema
from numpy.typing import NDArray

from isolane.wire.snapshot_file.anatomy import Anatomy

HEALTH, WAVE, OCPP, STATE, LOG, UPLOAD = "/health", "/wave", "/ocpp", "/state", "/log", "/upload"
"""Topics; those of rows have a charger behind them, and uploads are files that tell nothing here."""
_NS_PER_MS = 1_000_000
_LOG_WORDS = {1: "DEBUG", 2: "INFO", 3: "WARNING", 4: "ERROR", 5: "FATAL"}
_PLAIN = {"type", "charger", "mono_ns"}
_STEP_LETTERS = 8
_BAD = (ValueError, RecursionError, TypeError)

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A signal's course.

    Attributes:
        charger: Whose; "" the gateway's.
        key: Of the signal.
        unit: Of its values.
        step_ms: From row to row, ms.
        t_ms: UTC of the rows, ms, rising; shape (rows,).
        values: In units, NaN where there is none; same shape.
        quality: What is not GOOD, by the row's number.
    """

    charger: str
    key: str
    unit: str
    step_ms: int
    t_ms: I64
    values: F64
    quality: dict[int, str]

    @property
    def name(self) -> str:
        """Whose and which."""
        return f"{self.charger} {self.key}".strip()


@dataclass(frozen=True, slots=True)
class Happening:
    """Something at one moment: UTC ms, the topic without its stroke, whose, what, and the rest in words."""

    t_ms: int
    kind: str
    charger: str
    what: str
    text: str


@dataclass
class Content:
    """What a snapshot tells.

    Attributes:
        lines: Signals, those of a charger together.
        happenings: In the order of time.
        unread: Messages that could not be read.
    """

    lines: list[Line] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    unread: int = 0


@dataclass
class _Course:
    """One signal of one channel while it is read: moments, values, and what is not GOOD."""

    t_ms: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    quality: list[str] = field(default_factory=list)


@dataclass
class _Rows:
    """The messages of one channel of rows."""

    charger: str
    step_ms: int
    units: dict[str, str]
    courses: dict[str, _Course] = field(default_factory=dict)

    def take(self, t_ms: int, body: dict[str, object]) -> None:
        """Take a row; what it does not name costs nothing."""
        quality = body.pop("quality", None)
        told = quality if isinstance(quality, dict) else {}
        for key, value in body.items():
            course = self.courses.setdefault(key, _Course())
            course.t_ms.append(t_ms)
            course.values.append(_number(value))
            course.quality.append(str(told.get(key, "")))


class _Piece(msgspec.Struct, frozen=True):
    """A piece of a file."""

    number: int
    data: bytes


def content(found: Anatomy) -> Content:
    """Read all messages of a file, as far as it is whole."""
    told, rows = Content(), dict[int, _Rows]()
    channels, schemas = found.channels, found.schemas
    for message in found.messages:
        channel = channels.get(message.channel_id)
        try:
            if channel is None:
                raise ValueError("of no channel")
            if channel.topic == UPLOAD:
                continue
            body = msgspec.json.decode(message.data, type=dict[str, object])
            if channel.topic.startswith((HEALTH, WAVE)):
                if channel.id not in rows:
                    rows[channel.id] = _begin(channel, schemas.get(channel.schema_id))
                rows[channel.id].take(message.log_time // _NS_PER_MS, body)
            else:
                told.happenings.append(_happening(channel.topic, message, body))
        except _BAD:
            told.unread += 1
    for each in rows.values():
        told.lines += _lines(each)
    told.lines.sort(key=lambda line: (line.charger == "", line.charger, line.key, line.step_ms))
    told.happenings.sort(key=lambda one: one.t_ms)
    return told


def uploaded(found: Anatomy) -> bytes | None:
    """Give the file that a charger left and that is packed in; None if there is none.

    Raises:
        ValueError: A piece is missing or damaged.
    """
    channels = {number for number, channel in found.channels.items() if channel.topic == UPLOAD}
    pieces = dict[int, bytes]()
    for message in found.messages:
        if message.channel_id in channels:
            piece = msgspec.json.decode(message.data, type=_Piece)
            pieces[piece.number] = piece.data
    if not channels:
        return None
    if sorted(pieces) != list(range(len(pieces))):
        raise ValueError("a piece of the file is missing")
    return b"".join(pieces[number] for number in range(len(pieces)))


def _begin(channel: Channel, schema: Schema | None) -> _Rows:
    units = dict[str, str]()
    try:
        told = msgspec.json.decode(schema.data if schema else b"{}", type=dict[str, object])
        properties = msgspec.convert(told.get("properties", {}), dict[str, dict[str, object]])
        units = {key: str(each.get("unit", "")) for key, each in properties.items() if key != "quality"}
    except _BAD:
        pass
    step = channel.metadata.get("step_ms", "")
    step_ms = int(step) if step.isdecimal() and len(step) < _STEP_LETTERS else 0
    return _Rows(channel.metadata.get("charger", ""), step_ms, units)


def _lines(found: _Rows) -> list[Line]:
    lines = []
    for key, course in found.courses.items():
        t_ms = np.array(course.t_ms, np.int64)
        order = np.argsort(t_ms, kind="stable")
        quality = {place: course.quality[at] for place, at in enumerate(order.tolist()) if course.quality[at]}
        values = np.array(course.values, np.float64)[order]
        lines.append(Line(found.charger, key, found.units.get(key, ""), found.step_ms, t_ms[order], values, quality))
    return lines


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        number = float(value)
    except OverflowError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def _happening(topic: str, message: Message, body: dict[str, object]) -> Happening:
    t_ms, charger = message.log_time // _NS_PER_MS, str(body.get("charger", ""))
    match topic:
        case "/state":
            return Happening(t_ms, "state", charger, str(body.get("what", "")), str(body.get("value", "")))
        case "/log":
            level = body.get("level")
            word = _LOG_WORDS.get(level, "") if isinstance(level, int) else ""
            return Happening(t_ms, "log", charger, word, f"{body.get('name', '')}: {body.get('message', '')}")
        case _:
            rest = [
                f"{name}={_word(value)}"
                for name, value in body.items()
                if name not in _PLAIN and value is not None and value != ""
            ]
            return Happening(t_ms, topic.strip("/"), charger, str(body.get("type", "")), " ".join(rest))


def _word(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
