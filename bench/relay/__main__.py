"""This file is `make bench-relay`; it guards that contestants take turns in a round, so that noise meets all alike."""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import trustme
from bench.relay.contestants import PEER_CORE, TAPPED, WAYS, Contestant, Ground, install, pin, start
from bench.relay.report import Round, Row, rows, shortfalls, table

NAMES = ("direct", "HAProxy", "nginx", "isolane")
OUT = Path("build/bench/relay.json")
CHARGERS = 100
RATE_HZ = 1000


class Turn(NamedTuple):
    """How long one contestant has in one round, s at a fixed rate and s in a closed loop."""

    rate_s: float
    closed_s: float


class Load:
    """The load's process, spoken to in lines."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.relay.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        pin(self._process.pid, PEER_CORE)

    def do(self, what: str, **command: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Send a command and give the answer."""
        if self._process.stdin is None or self._process.stdout is None:
            raise SystemExit("the load has no pipes")
        self._process.stdin.write(json.dumps({"do": what, **command}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the load ended during {what} {command}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


def main() -> int:
    """Run the bench; the exit code is the verdict."""
    parser = argparse.ArgumentParser(prog="make bench-relay")
    parser.add_argument("--quick", action="store_true", help="under 50 s: short rounds, 1,000 idle pairs on plain ws")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    install()
    rounds, turn, pairs = (4, Turn(0.45, 0.2), 1000) if options.quick else (11, Turn(1.2, 0.8), 5000)
    ways = WAYS[:1] if options.quick else (WAYS[0], WAYS[2])
    with ExitStack() as stack:
        ground = _ground(stack)
        load = Load()
        stack.callback(load.stop)
        pair_kb = {}
        for way in ways:
            for name in NAMES[1:]:
                pair_kb[way, name] = _pair_kb(stack, load, ground, name=name, way=way, pairs=pairs)
        contestants = []
        for way in WAYS:
            for name in NAMES if options.quick else (*NAMES, TAPPED):
                contestants.append(start(name, way, ground))
                stack.callback(contestants[-1].stop)
        for each in contestants:
            load.do("open", name=each.key, port=each.port, ca=_ca(each, ground), count=CHARGERS)
        done = [_round(load, each, turn) for _ in range(rounds) for each in contestants]
    found = rows(done, pair_kb)
    print(table(found))
    missed = shortfalls(found)
    _write(found, missed, quick=options.quick, pairs=pairs, rounds=rounds)
    print(f"relay: falls short: {'; '.join(missed)}" if missed else "relay: pass")
    return 1 if missed else 0


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
    return Ground(folder, ca, certificate, key, json.loads(echo.stdout.readline()))


def _ca(contestant: Contestant, ground: Ground) -> str | None:
    return str(ground.ca) if contestant.secure else None


def _pair_kb(stack: ExitStack, load: Load, ground: Ground, *, name: str, way: str, pairs: int) -> float:
    """Give the memory that idle pairs take in a contestant of their own, kB each."""
    apart = Ground(ground.folder / "idle", ground.ca, ground.certificate, ground.key, ground.csms)
    apart.folder.mkdir(exist_ok=True)
    contestant = start(name, way, apart)
    stack.callback(contestant.stop)
    before = contestant.resident_kb()
    load.do("open", name="idle", port=contestant.port, ca=_ca(contestant, ground), count=pairs)
    kb = (contestant.resident_kb() - before) / pairs
    load.do("shut", name="idle")
    contestant.stop()
    return kb


def _round(load: Load, contestant: Contestant, turn: Turn) -> Round:
    """Let one contestant have its turn: a fixed rate for the latency, a closed loop for the CPU time."""
    rate = load.do("rate", name=contestant.key, seconds=turn.rate_s, hz=RATE_HZ)
    before = contestant.cpu_ns()
    closed = load.do("closed", name=contestant.key, seconds=turn.closed_s)
    cpu_ns = contestant.cpu_ns() - before
    return Round(contestant.name, contestant.way, rate["p50"], rate["p99"], 2 * closed["count"], turn.closed_s, cpu_ns)


def _write(found: list[Row], missed: list[str], *, quick: bool, pairs: int, rounds: int) -> None:
    OUT.parent.mkdir(parents=True, exist_ok=True)
    record = {
        "quick": quick,
        "rounds": rounds,
        "idle_pairs": pairs,
        "chargers": CHARGERS,
        "rate_hz": RATE_HZ,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "rows": [asdict(row) for row in found],
        "shortfalls": missed,
    }
    OUT.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
