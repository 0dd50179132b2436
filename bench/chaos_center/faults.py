"""This file draws deaths and undoes them; it guards that each is undone, and that several hold at once."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from bench.chaos_center.ground import Ground, Unit

_WEIGHTS = {"kill a worker": 8, "kill the center": 3, "kill the database": 2, "kill the broker": 2, "stall a worker": 2}
_VICTORIA = "kill the telemetry store"
_VICTORIA_WEIGHT = 3
_HOLDS_S = (0.0, 3.0)


class Storm:
    """Faults on one ground.

    Args:
        ground: What they are done to.
        rng: Draws them.
    """

    def __init__(self, ground: Ground, rng: random.Random) -> None:
        self.done: Counter[str] = Counter()
        self._ground = ground
        self._rng = rng
        self._weights = _WEIGHTS | ({} if ground.victoria is None else {_VICTORIA: _VICTORIA_WEIGHT})
        self._open: dict[str, tuple[float, Callable[[], None]]] = {}

    def blow(self, count: int, seconds: float) -> None:
        """Do so many faults in so long."""
        due, pause_s = time.monotonic(), seconds / count
        while sum(self.done.values()) < count:
            time.sleep(0.02)
            now = time.monotonic()
            for name in [name for name, (until, _) in self._open.items() if until <= now]:
                self._open.pop(name)[1]()
            if now >= due:
                self._do(self._rng.choices(list(self._weights), list(self._weights.values()))[0])
                due = now + pause_s * self._rng.uniform(0.4, 1.6)

    def calm(self) -> None:
        """Undo everything."""
        for _, undo in self._open.values():
            undo()
        self._open.clear()

    def _do(self, kind: str) -> None:
        """Do a fault, unless its victim is down already."""
        ground = self._ground
        victims = {
            "kill the center": ground.center,
            "kill the database": ground.database,
            "kill the broker": ground.broker,
            _VICTORIA: ground.victoria,
        }
        daemon = victims.get(kind) or self._rng.choice(ground.workers)
        hold_s = self._rng.uniform(*_HOLDS_S)
        for each in ground.daemons:
            if each.name not in self._open:
                each.look()
        if daemon.name in self._open or not daemon.pid:
            return
        self.done[kind] += 1
        if kind == "stall a worker":
            os.kill(daemon.pid, signal.SIGSTOP)
            self._open[daemon.name] = time.monotonic() + hold_s, _thawing(daemon)
        else:
            daemon.kill()
            self._open[daemon.name] = time.monotonic() + hold_s, _reviving(daemon, is_needed=daemon is ground.database)


def _reviving(daemon: Unit, *, is_needed: bool) -> Callable[[], None]:
    def revive() -> None:
        daemon.start()
        if is_needed:
            daemon.wait_ready()

    return revive


def _thawing(daemon: Unit) -> Callable[[], None]:
    def thaw() -> None:
        with suppress(ProcessLookupError):
            os.kill(daemon.pid, signal.SIGCONT)

    return thaw
