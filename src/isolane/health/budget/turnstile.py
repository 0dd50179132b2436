"""This file says which connection may send how much next; it guards that all links together stay below one rate.

Operation: a passage asks for its turn with the bytes it has, at most one small segment, and waits. Links that go first
are asked before the others; within each group it goes round, a segment each. In a hold only those that go first pass.
The rate is the ceiling, lowered by what `ease` and `yielding` say.

Holds are for uplinks on which a segment takes noticeable time. Where it takes no longer than is harmless, a call that
meets one in every case still has its round trip, and pacing is enough.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from isolane.health.budget.bucket import Bucket
from isolane.health.budget.ease import Ease
from isolane.health.budget.settings import BudgetSettings
from isolane.health.budget.tcp import ACK_DELAY_S
from isolane.health.budget.yielding import Stance, Yielding

SEGMENT_BYTES_MAX = 1024
_HEADERS_BYTES = 72
_SLACK_S = 0.004
"""What is saved up for a timer that fires late."""
_LOOK_S = 1.0
_HARMLESS_S = 0.005
"""A twentieth of the round trip of a mobile network: what a segment may take without a hold."""
_UNDER_WAY_SEGMENTS = 2
"""At least: receivers confirm every second one at once."""
_CRAWL_BYTES_S = 125.0
"""What sessions, alarms and receipts may use in the long run once the month is spent: 10.8 MB a day."""
_CRAWL_BURST_BYTES = 16_384
"""So much of it may go at once: a handshake, a schema and some alarms do not crawl."""


class Turnstile:
    """Gives turns to all connections of this process.

    Args:
        settings: The budget.
        now_ns: Monotonic clock.

    Attributes:
        yielding: The business's calls.
        ease: The business's delay.
        is_spent: Tells whether the month has only its reserve left.
        passed_bytes: Bytes let through, with packet headers as estimated.
    """

    def __init__(self, settings: BudgetSettings, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        segment = min(settings.segment_bytes_max or SEGMENT_BYTES_MAX, SEGMENT_BYTES_MAX) + _HEADERS_BYTES
        weight = segment / settings.link_bytes_s / _HARMLESS_S
        self.yielding = Yielding(settings.guard_ms, settings.hold_ms_max if weight > 1 else 0, min(weight, 1.0))
        self.ease = Ease(settings.delay_ms / 1000, settings.trickle)
        self.ceiling_bytes_s = settings.ceiling_bytes_s
        self.passed_bytes = 0
        self.held_ns = 0
        self.is_spent: Callable[[], bool] = lambda: False
        self._trickle = settings.trickle
        self._delay_s = settings.delay_ms / 1000
        self.now_ns = now_ns
        self._segment = segment
        self._bucket = Bucket(segment + self.ceiling_bytes_s * _SLACK_S, now_ns())
        self._crawl = Bucket(_CRAWL_BURST_BYTES, now_ns())
        self._crawl.set_rate(_CRAWL_BYTES_S, now_ns())
        self._first: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._others: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._held_since_ns: int | None = None

    @property
    def waiting(self) -> int:
        """Connections that wait for their turn."""
        return len(self._first) + len(self._others)

    def rate_bytes_s(self) -> float:
        """Give the rate of the links that do not go first, as things stand."""
        stance = self.yielding.stance(self.now_ns())
        if stance is Stance.HOLD:
            return 0.0
        rate = self.ceiling_bytes_s * self._share(stance)
        is_crawling = self.is_spent() and self._crawl.wait_s(self._segment, self.now_ns()) > 0
        return min(rate, _CRAWL_BYTES_S) if is_crawling else rate

    def under_way_bytes(self, least_s: float) -> float:
        """Give how much a connection may have under way: what is confirmed in time if no queue grows.

        An uplink that suddenly carries less keeps it; what is above would stand before the business.

        Args:
            least_s: The connection's least round trip of the last minutes, s.
        """
        rate = self.ceiling_bytes_s * self._share(Stance.SHARE)
        return max(rate * (least_s + ACK_DELAY_S + self._delay_s), _UNDER_WAY_SEGMENTS * self._segment)

    async def turn(self, size: int, *, is_first: bool) -> None:
        """Wait until a segment may be sent.

        Args:
            size: Its bytes, packet headers included.
            is_first: Whether its link goes first.
        """
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._first if is_first else self._others).append((size, turn))
        self.serve()
        await turn

    def serve(self) -> None:
        """Give the turns that are due; called whenever something has changed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self.now_ns()
        self.yielding.waits(now, is_waiting=bool(self._others))
        stance = self.yielding.stance(now)
        self._note_hold(stance is Stance.HOLD, now)
        while self._first or self._others:
            is_first = bool(self._first)
            queue = self._first or self._others
            if queue[0][1].done():  # whoever waited has been cancelled
                queue.popleft()
                continue
            wait_s = self._wait_s(queue[0][0], stance, now, is_first=is_first)
            if wait_s:
                self._timer = asyncio.get_running_loop().call_later(min(wait_s, _LOOK_S), self.serve)
                return
            size, turn = queue.popleft()
            self._bucket.take(size, now)
            if not is_first and self.is_spent():
                self._crawl.take(size, now)
            self.passed_bytes += size
            turn.set_result(None)
        self.yielding.waits(now, is_waiting=False)

    def _share(self, stance: Stance) -> float:
        """Give the part of the ceiling that is left."""
        if stance is Stance.FREE:
            return self.ease.share
        return max(self._trickle, self.ease.share * self.yielding.share)

    def _wait_s(self, size: int, stance: Stance, now: int, *, is_first: bool) -> float:
        is_held = stance is Stance.HOLD and not is_first
        self._bucket.set_rate(0.0 if is_held else self.ceiling_bytes_s * self._share(stance), now)
        if is_held:
            return self.yielding.change_s(now) + _SLACK_S
        wait_s = self._bucket.wait_s(size, now)
        return wait_s if is_first or not self.is_spent() else max(wait_s, self._crawl.wait_s(size, now))

    def _note_hold(self, is_held: bool, now: int) -> None:  # noqa: FBT001 - a state, not an option
        if self._held_since_ns is not None:
            self.held_ns += now - self._held_since_ns
        self._held_since_ns = now if is_held and self._others else None


def slowest_bytes_s(settings: BudgetSettings) -> float:
    """Give the least rate that is left to a link that does not go first, but for full stops."""
    slowest = settings.ceiling_bytes_s * settings.trickle
    return slowest if settings.limit_bytes is None else min(slowest, _CRAWL_BYTES_S)
