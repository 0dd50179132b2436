"""This file is the map of a recording; it guards that a column is taken for a signal only where somebody says so."""

import difflib
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from isolane.core.failures import IsolaneError
from isolane.core.signals import is_signal_key

_EXAMPLE = """\
charger = "CP1"

[rating]
kind = "dc"
power_w = 150000
current_a = 200
voltage_v = 1000

[time]
column = "timestamp"   # without: rows are consecutive, the first at `start`
unit = "iso"           # or "s", "ms": since 1970, UTC

[baseline]             # the span in which all was well; without: the first 14 days
from = 2026-01-01T00:00:00Z
to = 2026-01-15T00:00:00Z

[columns]
"I dc" = { signal = "1.0/EVSE/DCCurrent" }
"T plus mC" = { signal = "1.0/TemperatureSensor[ContactDCplus]/Temperature", scale = 0.001 }
"pressure" = {}        # no signal: watched by the generic detectors
"""
"""Shown by `isolane soh map`."""


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a column is: value = scale * column + offset, in the signal's unit; "" is watched without a name."""

    signal: str = ""
    scale: float = 1.0
    offset: float = 0.0


class Time(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a row's time is."""

    column: str = ""
    unit: Literal["iso", "s", "ms"] = "iso"
    start: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    step_s: Annotated[int, msgspec.Meta(ge=1, le=600)] = 1
    """For how long a row holds, s."""


class Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from", "until": "to"}):
    """In which all was well."""

    since: datetime
    until: datetime


class MapRating(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As in [health.models.ratings]."""

    kind: Literal["dc", "ac"] = "dc"
    power_w: float = 150_000.0
    current_a: float = 200.0
    voltage_v: float = 1000.0
    phases: int = 3


class RecordingMap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The map."""

    columns: dict[str, Column]
    charger: str = "recording"
    rating: MapRating = MapRating()
    time: Time = Time()
    baseline: Span | None = None


def example() -> str:
    """Give a commented map."""
    return _EXAMPLE


def load_map(path: Path) -> RecordingMap:
    """Read a map.

    Raises:
        IsolaneError: It cannot be read, is not TOML, has an unknown key, or names something that is no signal.
    """
    try:
        found = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), RecordingMap)
    except OSError as error:
        raise IsolaneError(f"cannot read {path}: {error.strerror}", "`isolane soh map` writes an example") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise IsolaneError(f"{path} is not valid TOML: {error}", "correct the line it names") from error
    except msgspec.ValidationError as error:
        raise IsolaneError(f"{path}: {error}", "`isolane soh map` writes an example") from error
    for name, column in found.columns.items():
        if column.signal and not is_signal_key(column.signal):
            raise IsolaneError(
                f"{path}: column {name!r}: {column.signal!r} is no signal",
                "a signal is <evse>.<connector>/<Component>/<Variable>; see docs/reference/signals.md",
            )
    taken = [column.signal for column in found.columns.values() if column.signal]
    twice = sorted({signal for signal in taken if taken.count(signal) > 1})
    if twice:
        raise IsolaneError(f"{path}: two columns are {twice[0]}", "leave one of them out")
    return found


def missing(wanted: str, there: list[str], path: Path) -> IsolaneError:
    """Word that a file has no such column."""
    near = difflib.get_close_matches(wanted, there, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(map(repr, there[:20]))}"
    return IsolaneError(f"{path} has no column {wanted!r}", hint)
