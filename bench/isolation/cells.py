"""This file lets the rows take turns; it guards that each round has A alone in it, with the same messages.

Sites of all links go through their turns together: they share nothing but the processors, which have little to do.
"""

import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

from bench.isolation import backlog
from bench.isolation.plan import BACKFILL, DISK, OFF, OVERLOAD, SINGLE, Plan
from bench.isolation.processors import Processors
from bench.isolation.report import Cell, Key
from bench.isolation.signals import SIGNALS
from bench.isolation.site import Site, burners_of, fill_up, full_disk
from bench.isolation.world import World

_LEAD_S = 1.5
"""B runs so long before A's messages are measured."""
_SINGLE_HZ = {OVERLOAD: 10.0, BACKFILL: -1.0}
"""The single channel's telemetry; below 0: as fast as answers come."""
_SLOW_DRAIN_S = 29.0
"""What has not left by then is still there in the next turn, and must be told."""


class Turns:
    """All cells of a plan.

    Args:
        plan: How much.
        sites: By link.
        world: What is beyond.
        processors: Control groups.
        scratch: Folder on a memory file system.
    """

    def __init__(self, plan: Plan, sites: dict[int, Site], world: World, processors: Processors, scratch: Path) -> None:
        self._plan, self._sites, self._world, self._processors = plan, sites, world, processors
        self._scratch = scratch
        self.cells: dict[Key, Cell] = {}
        self.slow_drains: list[str] = []

    def run(self, load: str) -> None:
        """Measure all rows under one load."""
        rows = self._plan.rows_of(load)
        for kbps in self._sites:
            self.cells.update({Key(kbps, load, row): Cell() for row in (OFF, *rows)})
        with ExitStack() as stack:
            burners = burners_of(stack, load, [row for row in rows if row != SINGLE], self._processors)
            self._start(stack, load, rows)
            for number in range(self._plan.rounds):
                turns = (OFF, *rows) if number % 2 else (*rows[::-1], OFF)
                for row in turns:
                    self._turn(load, row, number, burners.get(row, []))

    def _start(self, stack: ExitStack, load: str, rows: tuple[str, ...]) -> None:
        """Start B of each row on each site, and let it stand."""
        own = [row for row in rows if row != SINGLE]
        disks = []
        filled: Path | None = None
        for site in self._sites.values():
            for row in own:
                settings = site.settings_of(row, load)
                if load == DISK:
                    disks.append(full_disk(stack, settings))
                if load == BACKFILL:
                    if filled is None:
                        filled = self._scratch / "filled.db"
                        backlog.fill(settings, filled, self._plan.outage_h)
                    (settings.parent / "outbox" / "outbox.db").write_bytes(filled.read_bytes())
                site.start(stack, row, settings)
        for site in self._sites.values():
            site.wait_up(self._processors)
        for disk in disks:
            fill_up(disk)
        time.sleep(self._plan.settle_s if own else 0.0)
        for row in own:
            self._switch(row, [], on=False)

    def _turn(self, load: str, row: str, number: int, burners: "list[subprocess.Popen[bytes]]") -> None:
        hz = _SINGLE_HZ.get(load, 1.0) if row == SINGLE else 0.0
        brought = self._world.brought()
        self._switch(row, burners, on=True)
        if row not in {OFF, SINGLE}:
            time.sleep(_LEAD_S)
        before, began = {kbps: site.link.ask()["up"] for kbps, site in self._sites.items()}, time.monotonic()
        for at, site in enumerate(self._sites.values()):
            site.block(self._plan.block_s, 10 * number + at, hz)
        found = {kbps: site.times() for kbps, site in self._sites.items()}
        self._switch(row, burners, on=False)
        passed_s, now = time.monotonic() - began, self._world.brought()
        for kbps, site in self._sites.items():
            cell = self.cells[Key(kbps, load, row)]
            times, told = found[kbps]
            cell.blocks.append(times)
            up = site.link.ask()["up"]
            cell.up_kbit.append((up["carried_bytes"] - before[kbps]["carried_bytes"]) * 8 / 1000)
            cell.up_s.append(passed_s)
            cell.dropped += int(up["dropped"] - before[kbps]["dropped"])
            cell.samples += told * SIGNALS if row == SINGLE else self._samples(site, row, brought, now)
            if site.drain() > _SLOW_DRAIN_S:
                self.slow_drains.append(f"{load} at {kbps} kbit/s, {row}")

    def _samples(self, site: Site, row: str, before: dict[int, dict[str, int]], now: dict[int, dict[str, int]]) -> int:
        port = site.brokers.get(row)
        return 0 if port is None else now[port]["samples"] - before[port]["samples"]

    def _switch(self, row: str, burners: "list[subprocess.Popen[bytes]]", *, on: bool) -> None:
        for site in self._sites.values():
            site.turn(row, self._processors, on=on)
        for burner in burners:
            burner.send_signal(signal.SIGCONT if on else signal.SIGSTOP)
