"""This file states what a link is and what it is given; it guards that links know neither the outbox nor each other.

Order of calls: `run` once, cancelled to stop. In it, for each session: `begin`, then `next` again and again; for each
message one of `sent`, `back` or `refuse`; `answer` for whatever the center says, at any time. A link raises for nothing
the outside world does; it counts, waits and tries again.
"""

from typing import Protocol, TypeVar

from isolane.health.links.counts import LinkCounts
from isolane.wire.uplink import Downlink, Up


class Message(Protocol):
    """What is to be sent."""

    @property
    def kind(self) -> Up:
        """Decides topic or path."""
        ...

    @property
    def data(self) -> bytes:
        """The bytes."""
        ...


AnyMessage = TypeVar("AnyMessage", bound=Message)


class Courier(Protocol[AnyMessage]):
    """The outbox's cursor as a link sees it."""

    async def begin(self) -> None:
        """Begin a session: nothing is in flight, nothing has been told."""
        ...

    async def next(self) -> AnyMessage:
        """Wait for the next message; it counts as in flight from now on."""
        ...

    async def answer(self, downlink: Downlink) -> None:
        """Take what the center says; never raises."""
        ...

    def sent(self, message: AnyMessage) -> None:
        """The broker or the center has taken the message."""
        ...

    def back(self, message: AnyMessage) -> None:
        """The message did not get through, for a reason that is not its own."""
        ...

    def refuse(self, message: AnyMessage) -> None:
        """The broker or the center will not take this message as it is."""
        ...


class Link(Protocol):
    """One way to the center."""

    name: str
    """Unique within the gateway; stands in metrics, logs and receipts."""

    counts: LinkCounts
    """What it has done, counted."""

    async def run(self, courier: Courier[AnyMessage]) -> None:
        """Deliver for ever."""
        ...
