"""This file draws faults and undoes them; it guards that each is undone, and that several hold at once.

A fault is done, holds for a while, and is undone. Another of the same kind waits until then.
"""

import os
import random
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from bench.chaos_health.again import Again
from bench.chaos_health.ground import Ground

Undo = Callable[[], None]

_WEIGHTS = {
    "kill the gateway": 6,
    "kill the center": 4,
    "kill the broker": 4,
    "cut gateway from broker": 3,
    "cut gateway from center": 3,
    "cut center from broker": 3,
    "stall gateway to broker": 2,
    "stall gateway to center": 2,
    "fill the disk": 3,
    "set the clock": 4,
    "deliver again": 4,
    "stop the gateway for a while": 1,
}
_HOLDS_S = {
    "fill the disk": (1.0, 6.0),
    "set the clock": (0.0, 3.0),
    "deliver again": (0.0, 0.1),
    "stop the gateway for a while": (0.3, 3.0),
}
_HOLDS_LONG_S = (0.0, 4.0)
_STEPS_S = (-86_400, -1500, -120, -7, -1, 1, 5, 60, 1800, 86_400)
"""How far the gateway's clock is off at once."""
_WIRES = ("gateway from broker", "gateway from center", "center from broker")
_ROOM_LEFT = (0, 4096, 20_000)


class Storm:
    """Faults on one ground.

    Args:
        ground: What they are done to.
        rng: Draws them.
    """

    def __init__(self, ground: Ground, rng: random.Random) -> None:
        self.done: Counter[str] = Counter()
        self.again = Again(ground)
        self._ground = ground
        self._rng = rng
        self._open: dict[str, tuple[float, Undo]] = {}
        self._room_left = 0

    def blow(self, count: int, seconds: float, long_cut_s: float) -> None:
        """Do so many faults in so long; in the middle the gateway is alone for `long_cut_s` seconds."""
        pause_s = seconds / count
        due = time.monotonic()
        long_cut_at = count // 2 if long_cut_s else -1
        while sum(self.done.values()) < count:
            time.sleep(0.02)
            now = time.monotonic()
            if "fill the disk" in self._open:
                self._top_up()
            for kind in [kind for kind, (until, _) in self._open.items() if until <= now]:
                self._open.pop(kind)[1]()
            if now < due:
                continue
            done = sum(self.done.values())
            if done == long_cut_at:
                long_cut_at = -1
                self._do("cut all", long_cut_s)
            else:
                kinds = [kind for kind in _WEIGHTS if kind not in self._open]
                kind = self._rng.choices(kinds, [_WEIGHTS[kind] for kind in kinds])[0]
                self._do(kind, self._rng.uniform(*_HOLDS_S.get(kind, _HOLDS_LONG_S)))
            if sum(self.done.values()) > done:
                due = now + pause_s * self._rng.uniform(0.4, 1.6)

    def calm(self) -> None:
        """Undo everything, and set the clock right."""
        for _, undo in self._open.values():
            undo()
        self._open.clear()
        self._ground.clock.write_text("+0\n", encoding="ascii")

    def _do(self, kind: str, hold_s: float) -> None:
        for daemon in self._ground.daemons:
            if f"kill the {_NAMES[daemon.name]}" not in self._open:
                daemon.look()
        undo = self._fault(kind)
        if undo is not None:
            self.done[kind] += 1
            self._open[kind] = time.monotonic() + hold_s, undo

    def _fault(self, kind: str) -> Undo | None:
        """Do a fault; give how it is undone, None if it cannot be done now."""
        ground = self._ground
        wires = dict(zip(_WIRES, ground.wires, strict=True))
        daemons = {f"kill the {_NAMES[daemon.name]}": daemon for daemon in ground.daemons}
        if kind in daemons:
            daemons[kind].kill()
            return daemons[kind].start
        verb, _, where = kind.partition(" ")
        if verb == "cut" and where in wires:
            wires[where].cut()
            return wires[where].mend
        if verb == "stall":
            wire = wires[where.replace(" to ", " from ")]
            wire.stall()
            return wire.mend
        return {
            "cut": self._cut_both,
            "fill": self._fill,
            "set": self._set_clock,
            "stop": self._freeze,
            "deliver": self._deliver,
        }[verb]()

    def _cut_both(self) -> Undo:
        for wire in self._ground.wires[:2]:
            wire.cut()
        return self._mend_both

    def _set_clock(self) -> Undo:
        self._ground.clock.write_text(f"{self._rng.choice(_STEPS_S):+d}\n", encoding="ascii")
        return _nothing

    def _deliver(self) -> Undo | None:
        return _nothing if self.again.deliver(self._rng) else None

    def _mend_both(self) -> None:
        for wire in self._ground.wires[:2]:
            wire.mend()

    def _fill(self) -> Undo:
        """Leave no room on the outbox's disk, or next to none."""
        ground, filler = self._ground, self._ground.disk / "filler"
        if not ground.mounted:
            size = max((each.stat().st_size for each in ground.disk.iterdir()), default=0)
            return self._limit(size)
        self._room_left = self._rng.choice(_ROOM_LEFT)
        self._top_up()
        return lambda: filler.unlink(missing_ok=True)

    def _top_up(self) -> None:
        """Take all room but what shall be left, also what the gateway has given up since: who fills a disk goes on."""
        ground = self._ground
        if not ground.mounted:
            return
        disk = os.statvfs(ground.disk)
        room = disk.f_bavail * disk.f_frsize - self._room_left
        if room > 0:
            with (ground.disk / "filler").open("ab", buffering=0) as file, suppress(OSError):
                file.write(bytes(room))

    def _limit(self, size: int) -> Undo:
        def limit(soft: int) -> None:
            with suppress(ProcessLookupError):
                if pid := self._ground.health.pid:
                    resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))

        limit(size)
        return lambda: limit(resource.RLIM_INFINITY)

    def _freeze(self) -> Undo | None:
        pid = self._ground.health.pid
        if not pid:
            return None
        os.kill(pid, signal.SIGSTOP)

        def thaw() -> None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

        return thaw


_NAMES = {"health": "gateway", "center": "center", "broker": "broker"}


def _nothing() -> None:
    """There is nothing to undo."""
