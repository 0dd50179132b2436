"""This file is `make chaos-value`; it guards that deaths are random but drawn from a seed that is printed."""

import argparse
import random
import socket
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from bench.chaos_value.judge import judge
from bench.chaos_value.processes import Process, Site, build
from bench.chaos_value.storm import storm

_CHARGERS, _GROUPS = 200, 10
_STORM_STEP = 4
_DOWN_S = (0.0, 2.0)
_DRAIN_S = 90.0
_VICTIMS = {"relay": 4, "csms": 3, "chargers": 5, "tap": 2}
"""Who is killed, and how often."""


def main() -> int:
    """Run the soak; the exit code is the verdict."""
    parser = argparse.ArgumentParser(prog="make chaos-value")
    parser.add_argument("--seconds", type=float, default=600.0, help="how long processes are killed (default 600)")
    parser.add_argument("--quick", action="store_true", help="25 s with 40 chargers")
    parser.add_argument("--seed", type=int, default=None, help="of the deaths; the default is drawn and printed")
    parser.add_argument(
        "--storm", type=int, default=0, metavar="N", help="instead: the CSMS dies once under N chargers"
    )
    options = parser.parse_args()
    if options.storm:
        count = max(_STORM_STEP, options.storm - options.storm % _STORM_STEP)
        print(f"chaos-value: the CSMS dies under {count} chargers, half of them on TLS", flush=True)
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storm")))
            return storm(stack, folder, _free_ports(), count)
    seconds, count, groups = (25.0, 40, 4) if options.quick else (options.seconds, _CHARGERS, _GROUPS)
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    print(f"chaos-value: {count} chargers, half of them on TLS, {seconds:.0f} s, seed {seed}", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos")))
        site = build(stack, folder, _free_ports(), count, groups)
        for process in site.all:
            process.start()
            process.wait_ready()
        _rage(site, seconds, random.Random(seed))
        _settle(site)
        verdict = judge(folder, [f"CP{number:04}" for number in range(count)])
        errors = [surprise for process in site.all for surprise in process.surprises]
        for name, figure in verdict.figures.items():
            print(f"{name}: {figure}")
        for process in (site.relay, site.csms, site.tap):
            print(f"{process.name} killed: {process.kills}")
        print(f"charger processes killed: {sum(process.kills for process in site.chargers)}")
        for sentence in (*verdict.failed, *errors):
            print(sentence)
        print(f"{verdict.passed} passed, {len(verdict.failed)} failed, {len(errors)} errors")
        return 1 if verdict.failed or errors else 0


def _rage(site: Site, seconds: float, rng: random.Random) -> None:
    """Kill and restart until the time is up; several may be down at once."""
    end = time.monotonic() + seconds
    down: dict[float, Process] = {}
    pause_s = min(3.0, seconds / 15)
    due = time.monotonic() + pause_s
    while time.monotonic() < end or down:
        time.sleep(0.02)
        now = time.monotonic()
        for process in site.all:
            if process not in down.values():
                process.look()
        for back in [at for at in down if at <= now]:
            down.pop(back).start()
        if now < due or now > end:
            continue
        due = now + pause_s * rng.uniform(0.3, 1.7)
        name = rng.choices(list(_VICTIMS), list(_VICTIMS.values()))[0]
        victim: Process = rng.choice(site.chargers) if name == "chargers" else getattr(site, name)
        if victim not in down.values():
            victim.kill()
            down[now + rng.uniform(*_DOWN_S)] = victim


def _settle(site: Site) -> None:
    """Let the chargers end their transactions and send what waits; then end everybody in order."""
    for process in site.all:
        process.wait_ready()
    for process in site.chargers:
        process.ask_to_end()
    end = time.monotonic() + _DRAIN_S
    for process in (*site.chargers, site.relay, site.tap, site.csms):
        process.stop(max(5.0, end - time.monotonic()))


def _free_ports() -> tuple[int, int, int]:
    with socket.socket() as one, socket.socket() as two, socket.socket() as three:
        for each in (one, two, three):
            each.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1], three.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main())
