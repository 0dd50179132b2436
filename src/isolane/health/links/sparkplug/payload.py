"""This file makes Sparkplug B payloads; it guards that names stand in births and aliases alone in data.

Source: Eclipse Sparkplug 3.0, 6 (payloads) and its public protobuf schema, of which these are the parts we use.
"""

from dataclasses import dataclass
from typing import Any

from isolane.core.signals import Signal
from isolane.health.links.protocol_buffers import messages

INT64, DOUBLE, BOOLEAN, STRING = 4, 10, 11, 12
"""Data types. Source: Sparkplug 3.0, 6.4.16."""
REBIRTH = "Node Control/Rebirth"
BD_SEQ = "bdSeq"
SEQ_MAX = 255
_UNSIGNED = (1 << 64) - 1

_MESSAGES = messages(
    "isolane.sparkplug",
    "proto2",
    {
        "Payload": "uint64 timestamp = 1\nrepeated Metric metrics = 2\nuint64 seq = 3",
        "Metric": """
            string name = 1
            uint64 alias = 2
            uint64 timestamp = 3
            uint32 datatype = 4
            bool is_historical = 5
            bool is_transient = 6
            bool is_null = 7
            PropertySet properties = 9
            oneof uint32 int_value = 10
            oneof uint64 long_value = 11
            oneof float float_value = 12
            oneof double double_value = 13
            oneof bool boolean_value = 14
            oneof string string_value = 15
        """,
        "PropertySet": "repeated string keys = 1\nrepeated PropertyValue values = 2",
        "PropertyValue": "uint32 type = 1\nbool is_null = 2\noneof string string_value = 8",
    },
)
Payload: type[Any] = _MESSAGES["Payload"]

Value = float | int | None
"""None: there is none (is_null)."""


@dataclass(frozen=True, slots=True)
class Change:
    """One value to report.

    Attributes:
        signal: Whose.
        t_ms: When it was sampled, UTC ms.
        value: The value, or None.
        is_historical: Whether it is from before this session, so that it is no current value.
    """

    signal: Signal
    t_ms: int
    value: Value
    is_historical: bool = False


def is_whole(signal: Signal) -> bool:
    """Tell whether a signal only has whole numbers: a state or a count."""
    return not signal.unit and signal.resolution > 0 and float(signal.resolution).is_integer()


def death(bd_seq: int, now_ms: int) -> bytes:
    """Make an NDEATH: bdSeq alone, no sequence number."""
    payload = Payload(timestamp=now_ms)
    payload.metrics.add(name=BD_SEQ, timestamp=now_ms, datatype=INT64, long_value=bd_seq)
    return bytes(payload.SerializeToString())


def device_death(seq: int, now_ms: int) -> bytes:
    """Make a DDEATH."""
    return bytes(Payload(timestamp=now_ms, seq=seq).SerializeToString())


def birth(seq: int, now_ms: int, metrics: list[tuple[int, Change]], bd_seq: int | None = None) -> bytes:
    """Make a birth: every metric with name, alias, type, unit and value.

    Args:
        seq: Sequence number.
        now_ms: UTC, ms.
        metrics: (alias, current value) of each.
        bd_seq: For the Edge Node's; None for a Device's.
    """
    payload = Payload(timestamp=now_ms, seq=seq)
    if bd_seq is not None:
        payload.metrics.add(name=BD_SEQ, timestamp=now_ms, datatype=INT64, long_value=bd_seq)
        payload.metrics.add(name=REBIRTH, timestamp=now_ms, datatype=BOOLEAN, boolean_value=False)
    for alias, change in metrics:
        signal = change.signal
        metric = payload.metrics.add(name=signal.key, alias=alias, datatype=INT64 if is_whole(signal) else DOUBLE)
        if signal.unit:
            metric.properties.keys.append("engUnit")
            metric.properties.values.add(type=STRING, string_value=signal.unit)
        _fill(metric, change)
    return bytes(payload.SerializeToString())


def data(seq: int, now_ms: int, changes: list[tuple[int, Change]]) -> bytes:
    """Make an NDATA or DDATA: (alias, change) of each, in time order."""
    payload = Payload(timestamp=now_ms, seq=seq)
    for alias, change in changes:
        metric = payload.metrics.add(alias=alias)
        if change.is_historical:
            metric.is_historical = True
        _fill(metric, change)
    return bytes(payload.SerializeToString())


def is_rebirth(command: bytes) -> bool:
    """Tell whether an NCMD asks for a rebirth.

    Raises:
        ValueError: It is no payload.
    """
    payload = Payload.FromString(command)
    return any(metric.name == REBIRTH and metric.boolean_value for metric in payload.metrics)


def _fill(metric: Any, change: Change) -> None:  # noqa: ANN401 - a class of the protobuf runtime
    metric.timestamp = change.t_ms
    if change.value is None:
        metric.is_null = True
    elif is_whole(change.signal):
        metric.long_value = int(change.value) & _UNSIGNED
    else:
        metric.double_value = float(change.value)
