"""This file carries messages to a way out; it guards that a way which is down delays nobody else and loses nothing.

Each way has its own courier and its own queue in the catalogue. A message leaves the queue when the other side has
taken it, has refused it for good, or is out of reach for so long that it is given up; each is noted in the alert's
history. Between the other side's answer and the note lies a crash that makes us send again: see each way for what that
means to its receiver.
"""

import asyncio
import logging
import time

from isolane.center.alerts.settings import AlertsSettings
from isolane.center.alerts.ways import AgainError, HopelessError, Way
from isolane.center.store.alert_port import Alerts, WayOut
from isolane.center.store.alert_views import AlertMessage, AlertState
from isolane.center.store.port import UnavailableError

_log = logging.getLogger(__name__)

_LOOK_S = 1.0
"""How often a queue is looked at that had nothing due."""
_DAY_MS = 86_400_000
_DOUBLINGS_MAX = 30


class Courier:
    """Empties one queue.

    Args:
        out: Its name and what it is told.
        way: How.
        alerts: Port of the store.
        settings: Pauses.
    """

    def __init__(self, out: WayOut, way: Way, alerts: Alerts, settings: AlertsSettings) -> None:
        self.out = out
        self._way = way
        self._alerts = alerts
        self._settings = settings
        self._repeated_s = float("-inf")
        self.delivered = 0
        self.failed = 0
        self.given_up = 0

    async def run(self) -> None:
        """Deliver for ever; cancel it to stop."""
        while True:
            try:
                await self.carry(time.time_ns() // 1_000_000)
                await self._repeat()
            except UnavailableError as error:
                _log.error("alert-queue-unreadable way=%s error=%s", self.out.name, error)
            await asyncio.sleep(_LOOK_S)

    async def close(self) -> None:
        """Let go of connections."""
        await self._way.close()

    async def carry(self, now_ms: int) -> int:
        """Deliver what is due; gives how many messages left the queue."""
        count = 0
        while (message := await self._alerts.due(self.out.name, now_ms)) is not None:
            if not await self._carry(message, now_ms):
                break
            count += 1
        return count

    async def _carry(self, message: AlertMessage, now_ms: int) -> bool:
        """Deliver one message; tells whether it left the queue."""
        name = self.out.name
        try:
            outcome = await self._way.deliver(message)
        except AgainError as error:
            self.failed += 1
            if now_ms - message.at_ms < self._settings.give_up_days * _DAY_MS:
                _log.warning("alert-not-delivered way=%s delivery=%d error=%s", name, message.number, error)
                pause_s = self._settings.retry_s * 2 ** min(message.attempts, _DOUBLINGS_MAX)
                until_ms = now_ms + int(min(pause_s, self._settings.retry_s_max) * 1000)
                await self._alerts.put_off(message.number, until_ms, str(error))
                return False
            await self._give_up(message, f"given up: {error}", now_ms)
        except HopelessError as error:
            self.failed += 1
            await self._give_up(message, str(error), now_ms)
        else:
            self.delivered += 1
            await self._alerts.settle(message.number, outcome, delivered=True, now_ms=now_ms)
        return True

    async def _give_up(self, message: AlertMessage, why: str, now_ms: int) -> None:
        self.given_up += 1
        _log.error("alert-undeliverable way=%s delivery=%d error=%s", self.out.name, message.number, why)
        await self._alerts.settle(message.number, why, delivered=False, now_ms=now_ms)

    async def _repeat(self) -> None:
        """Tell what is open again, where the way needs it and nothing older waits."""
        period_s = self._way.repeat_s
        if period_s is None or time.monotonic() - self._repeated_s < period_s:
            return
        self._repeated_s = time.monotonic()
        standing = await self._alerts.standing()
        told = [
            alert
            for alert in standing
            if alert.closed_ms is None
            and alert.told
            and alert.state != AlertState.SILENCED
            and alert.level >= self.out.level_min
        ]
        try:
            await self._way.repeat(told, time.time_ns() // 1_000_000)
        except (AgainError, HopelessError) as error:
            _log.warning("alert-not-repeated way=%s error=%s", self.out.name, error)
