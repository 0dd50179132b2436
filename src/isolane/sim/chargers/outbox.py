"""This file is a charger's queue of messages; it guards that transaction messages leave in order.

Two lanes. Durable messages (what bills are made of) stay until they are answered, over any number of connections.
Plain ones (status, authorisation, events) are worth something only now: they go first, and are dropped when the
connection ends.
"""

import asyncio
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

READINGS_MAX = 2000
"""Meter values kept during an outage; OCPP 1.6 §4.7 lets a charger drop intermediate ones before anything else."""


@dataclass(slots=True)
class Outgoing:
    """A message that waits.

    Attributes:
        action: Action of the specification.
        body: Makes the payload at the moment of sending, when what it needs from earlier answers is known.
        answered: Gets the answer.
        lost: Called when it will never be answered.
        durable: Whether it outlives the connection.
        reading: A meter value between start and stop, the first thing to go when the queue is full.
        unique_id: Message id, the same for every attempt.
        refusals: How often the CSMS answered CALLERROR.
    """

    action: str
    body: Callable[[], Mapping[str, Any]]
    answered: Callable[[Mapping[str, Any]], None] = lambda _answer: None
    lost: Callable[[], None] = lambda: None
    durable: bool = False
    reading: bool = False
    unique_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    refusals: int = 0


class Outbox:
    """Both lanes of one charger."""

    def __init__(self) -> None:
        self._durable: deque[Outgoing] = deque()
        self._plain: deque[Outgoing] = deque()
        self._filled = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self.readings_dropped = 0

    def __len__(self) -> int:
        """Give how many durable messages wait."""
        return len(self._durable)

    def put(self, message: Outgoing) -> None:
        """Append to its lane."""
        if message.reading and len(self._durable) >= READINGS_MAX:
            self.readings_dropped += 1
            return
        if message.durable:
            self._empty.clear()
        (self._durable if message.durable else self._plain).append(message)
        self._filled.set()

    async def next(self, timeout_s: float) -> Outgoing | None:
        """Give the message to send now and leave it in its lane; None after `timeout_s` without one."""
        if not self._plain and not self._durable:
            self._filled.clear()
            try:
                await asyncio.wait_for(self._filled.wait(), timeout_s)
            except TimeoutError:
                return None
        return self._plain[0] if self._plain else self._durable[0]

    def remove(self, message: Outgoing) -> None:
        """Take out a message that was answered or given up."""
        lane = self._durable if message.durable else self._plain
        if lane and lane[0] is message:
            lane.popleft()
        if not self._durable:
            self._empty.set()

    async def emptied(self) -> None:
        """Wait until no durable message waits."""
        await self._empty.wait()

    def forget_plain(self) -> None:
        """The connection ended: plain messages are lost."""
        while self._plain:
            self._plain.popleft().lost()
