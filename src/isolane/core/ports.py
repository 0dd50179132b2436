"""This file states the ports that more than one component implements.

It guards that stages know ports, never each other.

Order of calls for each: one `run`, cancelled to stop. A port never raises for what the outside world does (a device
that is away, a broker that refuses): that is data or a counted retry. It raises only for its own bugs; the supervisor
then restarts it with back-off and its neighbours go on.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from isolane.core.samples import Reading
from isolane.core.signals import Signal

Emit = Callable[[Sequence[Reading]], None]
"""Hands readings over; never blocks, never raises; called from the source's own task at any rate and in any order."""


class Source(Protocol):
    """Something that is read: a meter, a charger, the host, the tap's events."""

    name: str
    """Unique within the gateway; stands in metrics and logs."""

    @property
    def signals(self) -> Sequence[Signal]:
        """Every signal this source can ever emit, known before `run`; it never changes while running."""
        ...

    async def run(self, emit: Emit) -> None:
        """Read for ever. A failed read is emitted as BAD readings with their reason, once per cycle."""
        ...
