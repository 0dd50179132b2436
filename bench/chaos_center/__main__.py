"""This file is `make chaos-center`; it guards that faults are random but drawn from a seed that is printed."""

import argparse
import asyncio
import random
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psycopg
from bench.chaos_center.faults import Storm
from bench.chaos_center.gateway import Gateway, Ways
from bench.chaos_center.ground import HOLE_RULE, SETUPS, Ground, build
from bench.chaos_center.judge import judge
from bench.chaos_center.logs import read_logs
from bench.chaos_center.servers import missing

from isolane.security.tls import client_context

_FAULTS, _SECONDS = 240, 480.0
_QUICK = 5, 10.0
_GATEWAYS, _QUICK_GATEWAYS = 8, 4
_PERIOD_S = 0.3
_DRAIN_S = 120.0
_DRAINED_S = 90.0
"""Longest from the end of the last fault until all is where it belongs: who posts sends one block at a time, and an
alert about a hole comes after 20 s."""
_DAY_MS = 86_400_000
_PAST_DAYS = {3: 3, 5: 400, 6: 3}
"""Gateways that bring back the past, the one older than what is kept; past days' files are merged."""
_HOLED, _HOLE = 4, 7
"""A gateway that loses a block, and which."""


def main() -> int:
    """Run the soak; the exit code is the verdict."""
    parser = argparse.ArgumentParser(prog="make chaos-center")
    parser.add_argument("--faults", type=int, default=_FAULTS, help=f"how many (default {_FAULTS})")
    parser.add_argument("--seconds", type=float, default=_SECONDS, help=f"for how long (default {_SECONDS:.0f})")
    parser.add_argument("--quick", action="store_true", help="5 faults in 10 s")
    parser.add_argument("--seed", type=int, default=None, help="of the faults; the default is drawn and printed")
    parser.add_argument("--setup", choices=SETUPS, help="SQLite alone, PostgreSQL, or with VictoriaMetrics; drawn")
    parser.add_argument("--keep", type=Path, default=None, help="folder to leave everything in that was written")
    options = parser.parse_args()
    if lacking := missing():
        print(f"chaos-center: not installed: {lacking} (as root: apt-get install {lacking})")
        print("0 passed, 0 failed, 1 errors")
        return 1
    faults, seconds = _QUICK if options.quick else (options.faults, options.seconds)
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    setup = options.setup or SETUPS[seed % len(SETUPS)]
    print(f"chaos-center: {faults} faults in {seconds:.0f} s, seed {seed}, set-up {setup}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos")))
        folder.mkdir(parents=True, exist_ok=True)
        ground, rng = build(stack, folder, setup), random.Random(seed)
        gateways = _gateways(ground, rng, _QUICK_GATEWAYS if options.quick else _GATEWAYS)
        _start(ground)
        storm = Storm(ground, rng)
        with _delivering(gateways):
            storm.blow(faults, seconds)
            storm.calm()
            for daemon in ground.daemons:
                daemon.look()
                daemon.wait_ready()
            for gateway in gateways:
                gateway.is_producing = False
            drain_s = _drained(ground, gateways)
        for daemon in (*ground.workers, ground.center, ground.broker):
            daemon.stop()
        verdict = judge(gateways, ground)
        verdict.check(f"{drain_s} s until all was where it belongs", holds=drain_s <= _DRAINED_S)
        read_logs(verdict, ground, sum(storm.done.values()))
        for name in sorted(storm.kinds):
            print(f"{name}: {storm.done[name]}")
        wait_s = round(max(gateway.wait_s_max for gateway in gateways))
        figures = {"seconds to drain": drain_s, "seconds until an acknowledgement at most": wait_s}
        for name, figure in {**verdict.figures, **figures}.items():
            print(f"{name}: {figure}")
        errors = [surprise for daemon in ground.daemons for surprise in daemon.surprises]
        errors += [complaint for gateway in gateways for complaint in gateway.complaints]
        for sentence in (*verdict.failed, *errors[:20]):
            print(sentence)
        print(f"{verdict.passed} passed, {len(verdict.failed)} failed, {len(errors)} errors")
        return 1 if verdict.failed or errors else 0


def _gateways(ground: Ground, rng: random.Random, count: int) -> list[Gateway]:
    """Make gateways; every other one posts, some bring back the past, one has a hole in its books."""
    made = []
    for number in range(1, count + 1):
        name = f"gw-{number}"
        identity = ground.authority.issue(name, common_name=name)
        tls = client_context(ground.authority.certificate, identity.certificate, identity.key)
        ways = Ways(ground.broker_port if number % 2 else 0, ground.https_port, tls)
        past_ms = _PAST_DAYS.get(number, 0) * _DAY_MS
        hole = _HOLE if number == _HOLED else 0
        made.append(Gateway(name, ways, random.Random(rng.random()), past_ms=past_ms, hole=hole))
    return made


def _start(ground: Ground) -> None:
    for daemon in ground.needed:
        daemon.start()
        daemon.wait_ready()
    others = ground.daemons[len(ground.needed) :]
    for daemon in others:
        daemon.start()
    for daemon in others:
        daemon.wait_ready()


@contextmanager
def _delivering(gateways: list[Gateway]) -> Iterator[None]:
    """Run the gateways on a thread of their own."""
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    delivering = asyncio.run_coroutine_threadsafe(_deliver(gateways, stop), loop)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        try:
            delivering.result(_DRAIN_S)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


async def _deliver(gateways: list[Gateway], stop: asyncio.Event) -> None:
    running = [asyncio.create_task(gateway.run()) for gateway in gateways]
    making = [asyncio.create_task(gateway.produce(_PERIOD_S)) for gateway in gateways]
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({stopping, *running}, return_when=asyncio.FIRST_COMPLETED)
    for task in (stopping, *running, *making):
        task.cancel()
    ends = await asyncio.gather(stopping, *running, *making, return_exceptions=True)
    broken = [end for end in ends if isinstance(end, Exception)]
    if broken:
        raise broken[0]


def _drained(ground: Ground, gateways: list[Gateway]) -> int:
    """Wait until all is delivered, stated and in the telemetry store; give the seconds it took."""
    begun = time.monotonic()
    while time.monotonic() < begun + _DRAIN_S and not _is_drained(ground, gateways):
        time.sleep(0.2)
    return round(time.monotonic() - begun)


def _is_drained(ground: Ground, gateways: list[Gateway]) -> bool:
    if any(gateway.waiting for gateway in gateways):
        return False
    with suppress(psycopg.Error, sqlite3.Error):
        stated = {row[0]: row[1:] for row in ground.ask("SELECT gateway, produced, acknowledged, queued FROM book")}
        known = {each.name: (each.books.produced, each.books.acknowledged, each.books.queued) for each in gateways}
        holes = ground.ask(f"SELECT DISTINCT subject FROM alert WHERE rule = '{HOLE_RULE}'")  # noqa: S608 - our own word
        waits = [(0,)] if ground.setup == "files" else ground.ask("SELECT count(*) FROM inbox")
        return stated == known and waits == [(0,)] and bool(holes)
    return False


if __name__ == "__main__":
    sys.exit(main())
