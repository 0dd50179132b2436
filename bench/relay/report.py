"""This file turns rounds into a table and a verdict; it guards that the verdict rests on ratios of one run only."""

from collections import defaultdict
from dataclasses import asdict, dataclass
from statistics import median

from bench.relay.contestants import WAYS

PAIR_KB_MAX = 16.0
TARGETS = {"p50_us": 1.1, "p99_us": 1.2, "cpu_us": 1.3}
"""Largest ratio to HAProxy of added median, added 99th percentile and CPU time per frame."""


@dataclass(frozen=True)
class Round:
    """What one contestant did in one round."""

    name: str
    way: str
    p50_us: float
    p99_us: float
    frames: int
    seconds: float
    cpu_ns: int


@dataclass(frozen=True)
class Row:
    """What one contestant adds on one way, over all rounds. A figure that there is not is None."""

    name: str
    way: str
    p50_us: float
    p99_us: float
    frames_s: float
    cpu_us: float | None
    frames_core_s: float | None
    pair_kb: float | None


def rows(rounds: list[Round], pair_kb: dict[tuple[str, str], float]) -> list[Row]:
    """Take the median over rounds of what each contestant adds to the direct connection of the same round."""
    by: defaultdict[tuple[str, str], list[Round]] = defaultdict(list)
    for each in rounds:
        by[each.way, each.name].append(each)
    out = []
    for way in WAYS:
        for name in dict.fromkeys(each.name for each in rounds):
            own, base = by[way, name], by[way, "direct"]
            bare = name == "direct"
            cpu = sum(each.cpu_ns for each in own) / 1e3 / max(1, sum(each.frames for each in own))
            out.append(
                Row(
                    name,
                    way,
                    median(each.p50_us - (0 if bare else zero.p50_us) for each, zero in zip(own, base, strict=True)),
                    median(each.p99_us - (0 if bare else zero.p99_us) for each, zero in zip(own, base, strict=True)),
                    median(each.frames / each.seconds for each in own),
                    None if bare else cpu,
                    None if bare else 1e6 / cpu,
                    pair_kb.get((way, name)),
                )
            )
    return out


def table(found: list[Row]) -> str:
    """Write the table. Direct rows show round trips, the others what they add, with the ratio to HAProxy behind it."""
    heads = ("added p50 us", "added p99 us", "CPU us/frame", "frames/s/core", "frames/s", "kB/pair")
    lines = [f"{'way':8} {'relay':8}" + "".join(f" {head:>15}" for head in heads)]
    for row in found:
        peer = _haproxy(found, row.way)
        cells = (
            _cell(row.p50_us, peer.p50_us, row),
            _cell(row.p99_us, peer.p99_us, row),
            _cell(row.cpu_us, peer.cpu_us, row),
            _number(row.frames_core_s),
            _number(row.frames_s),
            _cell(row.pair_kb, peer.pair_kb, row),
        )
        lines.append(f"{row.way:8} {row.name:8}" + "".join(f" {cell:>15}" for cell in cells))
    lines.append("direct: the round trip itself; others: what they add to it; (x): ratio to HAProxy in this run")
    return "\n".join(lines)


def shortfalls(found: list[Row]) -> list[str]:
    """Say where isolane misses a target."""
    missed = []
    for row in found:
        if row.name != "isolane":
            continue
        peer = asdict(_haproxy(found, row.way))
        for figure, limit in TARGETS.items():
            ratio = asdict(row)[figure] / peer[figure]
            if ratio > limit:
                missed.append(f"{row.way} {figure} {ratio:.2f} > {limit}")
        if row.pair_kb is not None and row.way == WAYS[0] and row.pair_kb > PAIR_KB_MAX:
            missed.append(f"{row.way} {row.pair_kb:.1f} kB a pair > {PAIR_KB_MAX}")
    return missed


def _haproxy(found: list[Row], way: str) -> Row:
    return next(row for row in found if row.way == way and row.name == "HAProxy")


def _cell(value: float | None, peer: float | None, row: Row) -> str:
    if value is None:
        return "-"
    if row.name == "direct" or not peer:
        return f"{value:.1f}"
    return f"{value:.1f} ({value / peer:.2f})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"
