"""This file defines what the recorder keeps beside samples, and its JSON; it guards that no other text gets in.

An event is one of the tap's, whose fields are an allow-list without personal data (`wire.tap_event`). A log line comes
from `lines`, which takes out what is not known. A state is told by the gateway's own code.
"""

from collections.abc import Sequence

import msgspec

from isolane.health.recorder.segments import Kind, pack_text, unpack_text
from isolane.wire.records import Record
from isolane.wire.tap_event import AnyEvent


class Heard(msgspec.Struct, frozen=True, array_like=True):
    """A tap event, and its UTC, ms."""

    t_ms: int
    event: AnyEvent


class Line(msgspec.Struct, frozen=True, array_like=True):
    """A log line of this process: UTC ms, level as logging has it, logger, and the words that are left of it."""

    t_ms: int
    level: int
    logger: str
    text: str


class State(msgspec.Struct, frozen=True, array_like=True):
    """Something that the gateway's own code says of itself: UTC ms, charger or "", what, and its value."""

    t_ms: int
    charger: str
    what: str
    value: str


def record(kind: Kind, facts: Sequence[Heard] | Sequence[Line] | Sequence[State]) -> Record:
    """Give the record of some facts of one kind, at least one."""
    times = [fact.t_ms for fact in facts]
    return Record(kind, min(times), max(times) + 1, pack_text(msgspec.json.encode(facts)))


def read_heard(found: Record) -> list[Heard]:
    """Give the events of a record.

    Raises:
        ValueError: They cannot be read.
    """
    return msgspec.json.decode(unpack_text(found.body), type=list[Heard])


def read_lines(found: Record) -> list[Line]:
    """Give the log lines of a record.

    Raises:
        ValueError: They cannot be read.
    """
    return msgspec.json.decode(unpack_text(found.body), type=list[Line])


def read_states(found: Record) -> list[State]:
    """Give the states of a record.

    Raises:
        ValueError: They cannot be read.
    """
    return msgspec.json.decode(unpack_text(found.body), type=list[State])
