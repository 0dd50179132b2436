"""This file is `make bench-relay`; it guards that contestants take turns in a round, so that noise meets all alike."""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import trustme
from bench.relay import stopped
from bench.relay.contestants import (
    ALONE,
    BARE,
    NAMES,
    PEER,
    PEER_CORE,
    PRODUCT,
    WAYS,
    Contestant,
    Ground,
    install,
    pin,
    start,
)
from bench.relay.driver import Driver
from bench.relay.interpreter import described, relay_python
from bench.relay.report import Round, Row, lower_quartile, rows, shortfalls
from bench.relay.table import page, picture, text

OUT = Path("build/bench")
PAGE = Path("docs/reference/bench-relay.md")
CHARGERS = 100
RATE_HZ = 1000


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        names: Contestants.
        rounds: Turns of each contestant.
        rate_s: Of a turn, s at a fixed rate.
        closed_s: Of a turn, s in a closed loop.
        storms: Turns with nothing but handshakes.
        storm_s: Length of one.
        pairs: Idle pairs that are weighed.
        weighed: Ways on which they are.
    """

    names: tuple[str, ...]
    rounds: int
    rate_s: float
    closed_s: float
    storms: int
    storm_s: float
    pairs: int
    weighed: tuple[str, ...]


WHOLE = Plan(NAMES, 24, 1.0, 0.25, 8, 0.5, 5000, (WAYS[0], WAYS[2]))
QUICK = Plan((BARE, PEER, PRODUCT, ALONE), 5, 0.35, 0.12, 3, 0.2, 1000, WAYS[:1])


def main() -> int:
    """Run the bench; the exit code is the verdict."""
    parser = argparse.ArgumentParser(prog="make bench-relay")
    parser.add_argument("--quick", action="store_true", help="under 50 s: fewer samples, so wider intervals")
    parser.add_argument(
        "--stopped-tap", type=float, metavar="SECONDS", help="compare a tap that reads with one that is stopped instead"
    )
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as stack:
        ground = _ground(stack)
        driver = Driver()
        stack.callback(driver.stop)
        if options.stopped_tap is not None:
            contestant = start(PRODUCT, WAYS[0], ground)
            stack.callback(contestant.stop)
            driver.open(contestant, ground, CHARGERS)
            return stopped.compare(driver, contestant, options.stopped_tap, RATE_HZ)
        install()
        plan = QUICK if options.quick else WHOLE
        found = _measure(stack, driver, ground, plan)
    missed = shortfalls(found, quick=options.quick)
    verdict = f"relay: falls short: {'; '.join(missed)}" if missed else "relay: pass"
    print(text(found))
    _write(found, plan, verdict, described(ground.python), quick=options.quick)
    print(verdict)
    return 1 if missed else 0


def _measure(stack: ExitStack, driver: Driver, ground: Ground, plan: Plan) -> list[Row]:
    pair_kb = {
        (way, name): _pair_kb(driver, ground, name=name, way=way, pairs=plan.pairs)
        for way in plan.weighed
        for name in plan.names
        if name != BARE
    }
    contestants = []
    for way in WAYS:
        for name in plan.names:
            contestants.append(start(name, way, ground))
            stack.callback(contestants[-1].stop)
    for each in contestants:
        driver.open(each, ground, CHARGERS)
    done = []
    for number in range(plan.rounds):
        turns = contestants if number % 2 else contestants[::-1]
        done += [_round(driver, each, plan) for each in turns]
    handshakes = _handshakes(driver, ground, [each for each in contestants if each.name != BARE], plan)
    order = {each.key: place for place, each in enumerate(contestants)}
    done.sort(key=lambda each: order[f"{each.name} {each.way}"])
    return rows(done, pair_kb, handshakes)


def _ground(stack: ExitStack) -> Ground:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="relay")))
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1", "localhost")
    ca, certificate, key = folder / "ca.pem", folder / "leaf.pem", folder / "leaf.key"
    authority.cert_pem.write_to_path(ca)
    leaf.cert_chain_pems[0].write_to_path(certificate)
    leaf.private_key_pem.write_to_path(key)
    echo = subprocess.Popen(
        [sys.executable, "-m", "bench.relay.echo", str(certificate), str(key)], stdout=subprocess.PIPE, text=True
    )
    stack.callback(echo.wait)
    stack.callback(echo.kill)
    pin(echo.pid, PEER_CORE)
    if echo.stdout is None:
        raise SystemExit("the CSMS has no pipe")
    return Ground(folder, ca, certificate, key, json.loads(echo.stdout.readline()), relay_python())


def _pair_kb(driver: Driver, ground: Ground, *, name: str, way: str, pairs: int) -> float:
    """Give the memory that idle pairs take in a contestant of their own, kB each."""
    apart = replace(ground, folder=ground.folder / "idle")
    apart.folder.mkdir(exist_ok=True)
    contestant = start(name, way, apart)
    try:
        before = contestant.resident_kb()
        driver.open(contestant, ground, pairs)
        kb = (contestant.resident_kb() - before) / pairs
        driver.do("shut", name=contestant.key)
    finally:
        contestant.stop()
    return kb


def _round(driver: Driver, contestant: Contestant, plan: Plan) -> Round:
    """Let one contestant have its turn: a fixed rate for the latency, a closed loop for the CPU time."""
    rate = driver.do("rate", name=contestant.key, seconds=plan.rate_s, hz=RATE_HZ)
    before = contestant.cpu_ns()
    closed = driver.do("closed", name=contestant.key, seconds=plan.closed_s)
    cpu_ns = contestant.cpu_ns() - before
    return Round(contestant.name, contestant.way, rate["p50"], rate["p99"], 2 * closed["count"], plan.closed_s, cpu_ns)


def _handshakes(
    driver: Driver, ground: Ground, contestants: list[Contestant], plan: Plan
) -> dict[tuple[str, str], float]:
    """Give the handshakes that a second of CPU time is enough for, by its lower quartile (report.py)."""
    spent_s: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for _ in range(plan.storms):
        for each in contestants:
            before = each.cpu_ns()
            count = driver.storm(each, ground, plan.storm_s)
            spent_s[each.way, each.name].append((each.cpu_ns() - before) / 1e9 / max(1, count))
    return {key: 1 / lower_quartile(each) for key, each in spent_s.items()}


def _write(found: list[Row], plan: Plan, verdict: str, python: str, *, quick: bool) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores; HAProxy and nginx of the distribution, isolane on {python}"
    )
    record = {"machine": machine, "plan": asdict(plan), "rows": [asdict(row) for row in found], "verdict": verdict}
    (OUT / "relay.json").write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (OUT / "relay.svg").write_text(picture(found), encoding="utf-8")
    if quick:
        return
    setting = (
        f"{machine}; each relay one thread on a core of its own, chargers and CSMS on the other. {CHARGERS} chargers, "
        f"400-byte messages, {RATE_HZ} round trips a second for the times, a closed loop for the CPU time, "
        f"{plan.rounds} interleaved rounds (times: median; CPU time: lower quartile), "
        f"{plan.pairs} idle pairs for the memory."
    )
    PAGE.write_text(page(found, "make bench-relay", setting, verdict), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
