"""This file is `make bench-isolation`; it guards that nothing it makes (namespaces, mounts, groups) outlives it."""

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path

from bench.isolation import accuracy, namespaces
from bench.isolation.accuracy import Accuracy
from bench.isolation.cells import Turns
from bench.isolation.plan import DELAY_S, LINKS_KBPS, LOADS, LOOSE, PRODUCT, QUEUE_S, QUICK, ROWS, WHOLE, Plan
from bench.isolation.processors import Processors
from bench.isolation.report import Cell, Key, Row, rows, shortfalls
from bench.isolation.signals import CHARGERS
from bench.isolation.site import Site
from bench.isolation.table import page, picture, text
from bench.isolation.world import World, make_pki

OUT = Path("build/bench")
PAGE = Path("docs/reference/bench-isolation.md")
PICTURE = PAGE.with_suffix(".svg")
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder with a name of its own is made in it


@dataclass(frozen=True)
class Measured:
    """What was found, and on what.

    Attributes:
        accuracies: Of each link.
        control: What TCP does when packets are lost.
        arrangement: How A and B share the processors.
        rows: Figures.
        cells: What they were made of.
        notes: What else keeps the run from being a good one.
    """

    accuracies: list[Accuracy]
    control: str
    arrangement: str
    rows: list[Row]
    cells: dict[Key, Cell]
    notes: list[str]


def main() -> int:
    """Run the bench; the exit code is the verdict."""
    parser = argparse.ArgumentParser(prog="make bench-isolation")
    parser.add_argument("--quick", action="store_true", help="under 50 s: one link and one load, so wider intervals")
    parser.add_argument("--link", type=int, action="append", choices=LINKS_KBPS, help="only this link, kbit/s")
    parser.add_argument("--load", action="append", choices=tuple(LOADS), help="only this load")
    parser.add_argument("--row", action="append", choices=ROWS, help="only this row beside A alone")
    parser.add_argument("--rounds", type=int, help="turns of each row")
    parser.add_argument("--keep", type=Path, help="put settings and logs here and leave them")
    options = parser.parse_args()
    plan = _narrowed(QUICK if options.quick else WHOLE, options)
    namespaces.install()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    began = time.monotonic()
    with ExitStack() as stack:
        measured = _measure(stack, plan, options.keep)
    found = measured.rows
    missed = shortfalls(found, quick=options.quick) + measured.notes
    verdict = f"isolation: falls short: {'; '.join(missed)}" if missed else "isolation: pass"
    print(text(found))
    _write(measured, plan, verdict, is_whole=plan == WHOLE)
    print(f"{time.monotonic() - began:.0f} s; CPU: {measured.arrangement}")
    print(verdict)
    return 1 if missed else 0


def _narrowed(plan: Plan, options: argparse.Namespace) -> Plan:
    """Take what was asked for out of a plan."""
    return replace(
        plan,
        links_kbps=tuple(options.link or plan.links_kbps),
        loads=tuple(options.load or plan.loads),
        rows=tuple(row for row in ROWS if row in (options.row or plan.rows)),
        rounds=options.rounds or plan.rounds,
    )


def _measure(stack: ExitStack, plan: Plan, keep: Path | None) -> Measured:
    if keep is None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="isolation")))
    else:
        keep.mkdir(parents=True)
        folder = keep.absolute()
    memory = _MEMORY if _MEMORY.is_dir() else None
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="isolation", dir=memory)))
    processors = Processors(stack)
    beyond = namespaces.namespace(stack, "world")
    places, links, accuracies = {}, {}, []
    for number, kbps in enumerate(plan.links_kbps, start=1):
        places[kbps] = namespaces.namespace(stack, f"site{kbps}")
        links[kbps] = namespaces.Link(
            stack, places[kbps], beyond, number=number, rate_kbps=kbps, delay_s=DELAY_S, queue_s=QUEUE_S
        )
        accuracies.append(accuracy.measure(links[kbps], places[kbps], beyond, kbps, DELAY_S))
        print(accuracies[-1].sentence, flush=True)
    pki = folder / "pki"
    make_pki(pki, tuple(link.world_host for link in links.values()))
    world = World(stack, beyond, folder, 2 * len(links))
    sites = {}
    for at, (kbps, link) in enumerate(links.items()):
        brokers = {LOOSE: world.ports[2 * at], PRODUCT: world.ports[2 * at + 1]}
        own = folder / f"site{kbps}"
        sites[kbps] = Site(stack, places[kbps], link, kbps=kbps, folder=own, pki=pki, brokers=brokers)
    turns = Turns(plan, sites, world, processors, scratch)
    for load in plan.loads:
        began = time.monotonic()
        turns.run(load)
        print(f"measured: {load}, {time.monotonic() - began:.0f} s", flush=True)
    found = rows(turns.cells)
    found.sort(key=lambda row: plan.links_kbps.index(row.kbps))
    notes = [f"{what}: did not drain, so the next turn is not clean" for what in turns.slow_drains]
    return Measured(
        accuracies, namespaces.congestion_control(beyond), processors.arrangement, found, turns.cells, notes
    )


def _setting(plan: Plan, measured: Measured) -> list[str]:
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"
    return [
        f"{machine}. {CHARGERS} chargers on OCPP 2.0.1, a message each 2 s, through the relay (ws, then wss) to a",
        f"CSMS that answers at once. Links are emulated: {2000 * DELAY_S:.0f} ms round trip, {QUEUE_S:g} s of",
        f"drop-tail queue in each direction, {measured.control} at both ends.",
        f"{plan.rounds} rounds of {plan.block_s:g} s; rows take",
        "turns with A alone, in each round with the same messages at the same moments.",
        f"CPU: {measured.arrangement}.",
        "",
        "The emulator itself, with nothing else on it:",
        "",
        *(f"- {each.sentence}" for each in measured.accuracies),
        "",
        "Loads:",
    ]


def _write(measured: Measured, plan: Plan, verdict: str, *, is_whole: bool) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    setting = _setting(plan, measured)
    record = {
        "setting": [line for line in setting if line],
        "plan": asdict(plan),
        "rows": [asdict(row) for row in measured.rows],
        "blocks_ms": {" ".join(map(str, astuple(key))): _blocks_ms(cell) for key, cell in measured.cells.items()},
        "verdict": verdict,
    }
    (OUT / "isolation.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    drawn = picture(measured.rows)
    (OUT / "isolation.svg").write_text(drawn, encoding="utf-8")
    if is_whole:
        PAGE.write_text(page(measured.rows, setting, verdict, PICTURE.name), encoding="utf-8")
        PICTURE.write_text(drawn, encoding="utf-8")


def _blocks_ms(cell: Cell) -> list[list[float | None]]:
    """Give each block's times, ms, in the order of its schedule, which A alone's of the same round has too."""
    return [[None if took_s is None else round(1000 * took_s, 2) for _, took_s in block] for block in cell.blocks]


if __name__ == "__main__":
    sys.exit(main())
