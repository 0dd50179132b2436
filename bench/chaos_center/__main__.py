"""This file is `make chaos-center`; it guards that faults are random but drawn from a seed that is printed."""

import argparse
import asyncio
import random
import re
import signal
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
from bench.chaos_center.ground import Ground, build, missing
from bench.chaos_center.judge import judge

from isolane.security.tls import client_context

_FAULTS, _SECONDS = 120, 300.0
_QUICK = 5, 10.0
_GATEWAYS, _QUICK_GATEWAYS = 8, 4
_PERIOD_S = 0.3
_DRAIN_S = 120.0


def main() -> int:
    """Run the soak; the exit code is the verdict."""
    parser = argparse.ArgumentParser(prog="make chaos-center")
    parser.add_argument("--faults", type=int, default=_FAULTS, help=f"how many (default {_FAULTS})")
    parser.add_argument("--seconds", type=float, default=_SECONDS, help=f"for how long (default {_SECONDS:.0f})")
    parser.add_argument("--quick", action="store_true", help="5 faults in 10 s")
    parser.add_argument("--seed", type=int, default=None, help="of the faults; the default is drawn and printed")
    parser.add_argument("--store", choices=("embedded", "victoria"), help="the telemetry store; the seed draws it")
    parser.add_argument("--keep", type=Path, default=None, help="folder to leave everything in that was written")
    options = parser.parse_args()
    if lacking := missing():
        print(f"chaos-center: not installed: {lacking} (as root: apt-get install {lacking})")
        print("0 passed, 0 failed, 1 errors")
        return 1
    faults, seconds = _QUICK if options.quick else (options.faults, options.seconds)
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    is_far = bool(seed % 2) if options.store is None else options.store == "victoria"
    store = "VictoriaMetrics" if is_far else "the embedded store"
    print(f"chaos-center: {faults} faults in {seconds:.0f} s, seed {seed}, over {store}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos")))
        folder.mkdir(parents=True, exist_ok=True)
        ground, rng = build(stack, folder, has_victoria=is_far), random.Random(seed)
        gateways = _gateways(ground, rng, _QUICK_GATEWAYS if options.quick else _GATEWAYS)
        _start(ground)
        storm = Storm(ground, rng)
        with _delivering(gateways):
            storm.blow(faults, seconds)
            storm.calm()
            for daemon in ground.daemons:
                daemon.wait_ready()
            for gateway in gateways:
                gateway.is_producing = False
            drain_s = _drained(ground, gateways)
        for daemon in (*ground.workers, ground.center, ground.broker):
            daemon.stop()
        verdict = judge(gateways, ground, folder / "data")
        for name, count in sorted(storm.done.items()):
            print(f"{name}: {count}")
        for name, figure in {**verdict.figures, "seconds to drain": drain_s}.items():
            print(f"{name}: {figure}")
        errors = [surprise for daemon in ground.daemons for surprise in daemon.surprises]
        errors += [complaint for gateway in gateways for complaint in gateway.complaints] + _confessions(ground)
        for sentence in (*verdict.failed, *errors[:20]):
            print(sentence)
        print(f"{verdict.passed} passed, {len(verdict.failed)} failed, {len(errors)} errors")
        return 1 if verdict.failed or errors else 0


def _gateways(ground: Ground, rng: random.Random, count: int) -> list[Gateway]:
    """Make gateways; every other one posts."""
    made = []
    for number in range(1, count + 1):
        name = f"gw-{number}"
        identity = ground.authority.issue(name, common_name=name)
        tls = client_context(ground.authority.certificate, identity.certificate, identity.key)
        ways = Ways(ground.broker_port if number % 2 else 0, ground.https_port, tls)
        made.append(Gateway(name, ways, random.Random(rng.random())))
    return made


def _start(ground: Ground) -> None:
    needed = [ground.database, *([] if ground.victoria is None else [ground.victoria])]
    for daemon in needed:
        daemon.start()
        daemon.wait_ready()
    others = ground.daemons[len(needed) :]
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
    with suppress(psycopg.Error):
        stated = {row[0]: row[1:] for row in ground.ask("SELECT gateway, produced, acknowledged, queued FROM book")}
        known = {each.name: (each.books.produced, each.books.acknowledged, each.books.queued) for each in gateways}
        return stated == known and ground.ask("SELECT count(*) FROM inbox") == [(0,)]
    return False


def _confessions(ground: Ground) -> list[str]:
    """Find what a process logs when it has failed by itself."""
    found = []
    for daemon in (ground.center, *ground.workers):
        text = daemon.log.read_text(encoding="utf-8", errors="replace")
        found += [f"{daemon.name}: {line}" for line in text.splitlines() if re.search("Traceback", line)]
    return found


if __name__ == "__main__":
    sys.exit(main())
