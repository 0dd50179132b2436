"""This file turns an agent's objects into readings; it guards that a rate is never made over a restart of the agent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isolane.core.clock import NS_PER_S
from isolane.core.samples import Reading, Reason
from isolane.health.sources.points import value_of
from isolane.health.sources.readings import reading
from isolane.health.sources.snmp.plan import UP_TIME, Oid, PlannedPoint

_COUNTER32 = 1 << 32


@dataclass(frozen=True, slots=True)
class Sent:
    """What an agent sent for one object.

    Attributes:
        value: A number, a text, or None where it has no such object.
        bits: 32 or 64 for a counter, else 0.
    """

    value: int | str | None
    bits: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """All objects of one round.

    Attributes:
        objects: What the agent sent.
        mono_ns: When.
    """

    objects: Mapping[Oid, Sent]
    mono_ns: int

    @property
    def up_time(self) -> int:
        """Of the agent, hundredths of a second; -1 if it does not tell."""
        sent = self.objects.get(UP_TIME)
        return sent.value if sent is not None and isinstance(sent.value, int) else -1


def readings_of(look: Look, before: Look | None, points: Sequence[PlannedPoint]) -> list[Reading]:
    """Give one reading of each point.

    Args:
        look: This round.
        before: The round before, for rates; None after a failure.
        points: What is wanted.
    """
    return [reading(each.signal, _value(each, look, before), look.mono_ns) for each in points]


def _value(each: PlannedPoint, look: Look, before: Look | None) -> float | Reason:
    sent = look.objects.get(each.oid, Sent(None))
    if not each.point.rate or sent.value is None:
        return value_of(each.point, sent.value)
    grown = None if before is None or look.up_time < before.up_time else _grown(sent, before.objects.get(each.oid))
    if before is None or grown is None:
        return Reason.NEVER_READ  # a rate needs two looks at one life of the counter
    return value_of(each.point, grown / ((look.mono_ns - before.mono_ns) / NS_PER_S))


def _grown(sent: Sent, before: Sent | None) -> int | None:
    """Give how far a counter has come; one of 32 bits may have gone round once."""
    if before is None or not isinstance(sent.value, int) or not isinstance(before.value, int):
        return None
    grown = sent.value - before.value
    if grown < 0:
        return grown + _COUNTER32 if sent.bits == 32 else None  # noqa: PLR2004 - Counter32
    return grown
