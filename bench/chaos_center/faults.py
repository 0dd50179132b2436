"""This file draws faults and undoes them; it guards that each is undone, and that several hold at once.

A fault has a victim, holds for a while, and is undone. Until then nothing else is done to that victim.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.chaos_center.ground import Ground
from bench.chaos_center.servers import Disk, Unit
from bench.chaos_center.sessions import Hog, TableChange, end_sessions, kill_backend

Undo = Callable[[], None]
Deed = Callable[[], Undo | None]
"""Does a fault and gives how it is undone; None if it cannot be done now."""

_HOLDS_S = (0.0, 4.0)
_FREEZES_S = (0.5, 8.0)
_SECOND_S = (10.0, 15.0)
_STEPS_S = (-86_400, -3600, -60, 60, 3600, 86_400)
"""How far a clock is off at once."""
_ROOM_LEFT = (0, 4096, 100_000)
_DRAFT_WAIT_S = 3.0
_AFTER_DRAFT_S = (0.0, 0.2)
"""Within that a roll is committed, files are merged and old ones are removed."""


@dataclass(frozen=True)
class Fault:
    """One kind of fault on one victim, how often it is drawn, and how long it holds, s."""

    kind: str
    victim: str
    weight: float
    deed: Deed
    holds_s: tuple[float, float] = _HOLDS_S


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
        self._open: dict[str, tuple[float, Undo]] = {}
        self._disks = [disk for disk in (ground.disk, ground.database_disk) if disk is not None and disk.is_mounted]
        self._faults = [*self._of_processes(), *self._of_wires(), *self._of_database(), *self._of_center()]

    @property
    def kinds(self) -> set[str]:
        """What can be done on this ground."""
        return {fault.kind for fault in self._faults}

    def blow(self, count: int, seconds: float) -> None:
        """Do so many faults in so long; each kind is done once before any is drawn."""
        due, pause_s = time.monotonic(), seconds / count
        first = self._rng.sample(self._faults, len(self._faults))
        while sum(self.done.values()) < count:
            time.sleep(0.02)
            for disk in self._disks:
                disk.top_up()
            now = time.monotonic()
            for victim in [victim for victim, (until, _) in self._open.items() if until <= now]:
                self._open.pop(victim)[1]()
            if now >= due:
                fault = first.pop() if first else self._rng.choices(self._faults, [f.weight for f in self._faults])[0]
                if not (first and self.done[fault.kind]) and self._do(fault):
                    due = now + pause_s * self._rng.uniform(0.4, 1.6)

    def calm(self) -> None:
        """Undo everything."""
        for _, undo in list(self._open.values()):
            undo()
        self._open.clear()

    def _do(self, fault: Fault) -> bool:
        """Do a fault, unless another holds its victim; tells whether it is done."""
        for unit in self._ground.daemons:
            if unit.name not in self._open:
                unit.look()
        undo = None if fault.victim in self._open else fault.deed()
        if undo is None:
            return False
        self.done[fault.kind] += 1
        self._open[fault.victim] = time.monotonic() + self._rng.uniform(*fault.holds_s), undo
        return True

    # Kinds

    def _of_processes(self) -> list[Fault]:
        ground = self._ground
        kinds: list[tuple[str, Unit, float, float]] = [
            ("the center", ground.center, 4, 3),
            ("the broker", ground.broker, 3, 2),
            *(("a worker", worker, 8 / len(ground.workers), 4 / len(ground.workers)) for worker in ground.workers),
        ]
        if ground.database is not None:
            kinds.append(("the database", ground.database, 2, 2))
        if ground.victoria is not None:
            kinds.append(("the telemetry store", ground.victoria, 3, 2))
        faults = []
        for name, unit, kills, freezes in kinds:
            faults.append(Fault(f"kill {name}", unit.name, kills, self._killing(unit)))
            faults.append(Fault(f"freeze {name}", unit.name, freezes, self._freezing(unit), _FREEZES_S))
        for unit in ground.takers:
            kind = "set a worker's clock" if ground.workers else "set the center's clock"
            weight = 2 / len(ground.takers)
            faults.append(Fault(kind, f"{unit.name}'s clock", weight, self._stepping(ground.clocks[unit.name])))
        return [*faults, Fault("kill everything", "everything", 1, self._kill_all)]

    def _of_wires(self) -> list[Fault]:
        faults = []
        for name, wire in self._ground.wires.items():
            kind = name if name.startswith("center") else f"a worker {name.partition(' ')[2]}"
            each = 2 if name.startswith("center") else 2 / len(self._ground.workers)
            faults.append(Fault(f"cut {kind}", name, each, _then(wire.cut, wire.mend)))
            faults.append(Fault(f"stall {kind}", name, each, _then(wire.stall, wire.mend), _FREEZES_S))
        return faults

    def _of_database(self) -> list[Fault]:
        ground, rng = self._ground, self._rng
        if ground.database is None:
            return []
        unit, address = ground.database, ground.catalogue
        deeds: list[tuple[str, Deed]] = [
            ("kill a session's process", lambda: kill_backend(address, rng)),
            ("end all sessions", lambda: end_sessions(address)),
            ("take all connections", lambda: Hog.begun(address)),
            ("change the tables", lambda: TableChange.begun(address, rng)),
        ]
        faults = [Fault(kind, unit.name, 2, self._while_up(unit, deed)) for kind, deed in deeds]
        disk = ground.database_disk
        if disk is not None and disk.is_mounted:
            faults.append(Fault("fill the database's disk", unit.name, 2, self._filling(disk, unit)))
        return faults

    def _of_center(self) -> list[Fault]:
        ground = self._ground
        center = ground.center
        faults = [
            Fault("kill the center in a roll-up", center.name, 4, self._killing_at_draft(is_later=False)),
            Fault("kill the center after a roll-up", center.name, 4, self._killing_at_draft(is_later=True)),
            Fault("start a second center", ground.second.name, 1, self._start_second, _SECOND_S),
        ]
        if ground.disk.is_mounted:
            faults.append(Fault("fill the center's disk", "disk", 3, self._filling(ground.disk, None)))
        return faults

    # Deeds

    def _killing(self, unit: Unit) -> Deed:
        def kill() -> Undo | None:
            if not unit.pid:
                return None
            unit.kill()
            return unit.again if unit in self._ground.needed else unit.start

        return kill

    def _freezing(self, unit: Unit) -> Deed:
        return lambda: unit.freeze() if unit.pid else None

    def _while_up(self, unit: Unit, deed: Deed) -> Deed:
        return lambda: deed() if unit.pid else None

    def _kill_all(self) -> Undo | None:
        """Kill all at once, as when the machine stops; what waits to be undone is undone first."""
        self.calm()
        until = time.monotonic() + self._rng.uniform(*_HOLDS_S)
        for unit in self._ground.daemons:
            if unit.pid:
                unit.kill()
                self._open[unit.name] = until, unit.again if unit in self._ground.needed else unit.start
        return _nothing

    def _killing_at_draft(self, *, is_later: bool) -> Deed:
        """Wait until the center writes a file of the lake, and kill it then or soon after."""
        unit, lake = self._ground.center, self._ground.disk.folder / "telemetry/lake"

        def kill() -> Undo | None:
            end = time.monotonic() + _DRAFT_WAIT_S
            while unit.pid and time.monotonic() < end:
                if _has_draft(lake):
                    time.sleep(self._rng.uniform(*_AFTER_DRAFT_S) if is_later else 0)
                    unit.kill()
                    return unit.start
                time.sleep(0.001)
            return None

        return kill

    def _start_second(self) -> Undo:
        """Start it on the folder of the first, as by a second service unit."""
        self._ground.second.start()
        return self._ground.second.end

    def _filling(self, disk: Disk, unit: Unit | None) -> Deed:
        def fill() -> Undo | None:
            if unit is not None and not unit.pid:
                return None
            empty = disk.fill(self._rng.choice(_ROOM_LEFT))

            def undo() -> None:
                empty()
                if unit is not None:
                    unit.again()

            return undo

        return fill

    def _stepping(self, clock: Path) -> Deed:
        def step() -> Undo:
            _set(clock, self._rng.choice(_STEPS_S))
            return lambda: _set(clock, 0)

        return step


def _nothing() -> None:
    """There is nothing to undo."""


def _set(clock: Path, step_s: int) -> None:
    draft = clock.with_suffix(".draft")
    draft.write_text(f"{step_s:+d}\n", encoding="ascii")
    draft.replace(clock)


def _then(deed: Callable[[], None], undo: Undo) -> Deed:
    def do() -> Undo:
        deed()
        return undo

    return do


def _has_draft(lake: Path) -> bool:
    """Tell whether a file of the lake is being written; by hand, as it has to be quick."""
    try:
        for kind in os.scandir(lake):
            for date in os.scandir(kind):
                for site in os.scandir(date):
                    if any(each.name.endswith(".draft") for each in os.scandir(site)):
                        return True
    except OSError:
        return False
    return False
