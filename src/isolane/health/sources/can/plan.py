"""This file finds the points of a CAN table in its DBC file; it guards that a wrong name is told at once."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

import cantools
from cantools.database.can import Database, Message

from isolane.core.failures import IsolaneError
from isolane.core.signals import Signal
from isolane.health.sources.can.settings import CanPointSettings, CanSettings
from isolane.health.sources.points import signals_of

FrameId = tuple[int, bool]
"""(arbitration id, whether it has 29 bits)."""


@dataclass(frozen=True, slots=True)
class PlannedPoint:
    """A point, its signal, and the message it is in."""

    point: CanPointSettings
    signal: Signal
    message: Message

    @property
    def frame(self) -> FrameId:
        """The id of the message's frames."""
        return self.message.frame_id, self.message.is_extended_frame


def plan_points(settings: CanSettings) -> tuple[PlannedPoint, ...]:
    """Give the points in the table's order.

    Raises:
        IsolaneError: The DBC file cannot be read, or a message or signal is not in it.
    """
    try:
        database = cantools.database.load_file(settings.dbc)
    except (OSError, UnicodeDecodeError, cantools.Error) as error:
        raise IsolaneError(
            f"cannot read the DBC file {settings.dbc}: {error}", "check the path and the file"
        ) from error
    if not isinstance(database, Database):
        raise IsolaneError(f"{settings.dbc} is not a CAN database", "give a DBC file")
    signals = signals_of(settings.name, settings.points)
    messages = {message.name: message for message in database.messages}
    planned = []
    for point, signal in zip(settings.points, signals, strict=True):
        message = messages.get(point.message)
        if message is None:
            raise IsolaneError(f"{settings.dbc} has no message {point.message!r}", _nearest(point.message, messages))
        names = [each.name for each in message.signals]
        if point.signal not in names:
            raise IsolaneError(
                f"the message {point.message!r} has no signal {point.signal!r}", _nearest(point.signal, names)
            )
        planned.append(PlannedPoint(point, signal, message))
    return tuple(planned)


def _nearest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {close[0]!r}" if close else f"there are {', '.join(sorted(known)[:20])}"
