"""This file turns figures into a verdict, a table and a page; it guards that all three show the same figures."""

from dataclasses import dataclass
from typing import Any

from bench.health.live import Live
from bench.health.recovery import CAP_KBIT_S, Recovery

BYTES_MINUTE_MAX = 0.6
BYTES_SECOND_MAX = 1.2
CPU_PERCENT_MAX = 5.0
MEMORY_MB_MAX = 120.0
PRODUCT = "isolane"
_SECOND, _MINUTE = 1, 60


@dataclass(frozen=True)
class Row:
    """What one format costs.

    Attributes:
        name: Of the format.
        period_s: Rows in a message or block.
        bytes_sample: Both ways, at the socket.
    """

    name: str
    period_s: int
    bytes_sample: float


@dataclass(frozen=True)
class Found:
    """All that was measured."""

    rows: list[Row]
    size: Live
    recovery: Recovery
    telegraf: str

    def of(self, period_s: int) -> float:
        """Give the product's bytes for a sample."""
        return next(row.bytes_sample for row in self.rows if (row.name, row.period_s) == (PRODUCT, period_s))


def misses(found: Found) -> list[str]:
    """Say what falls short."""
    limits = [
        ("bytes per sample at 60 s", found.of(_MINUTE), BYTES_MINUTE_MAX),
        ("bytes per sample at 1 s", found.of(_SECOND), BYTES_SECOND_MAX),
        ("percent of a core", found.size.cpu_percent, CPU_PERCENT_MAX),
        ("MB resident", found.size.memory_mb, MEMORY_MB_MAX),
    ]
    return [f"{value:.2f} {what}, at most {most:g}" for what, value, most in limits if value > most]


def verdict(found: Found) -> str:
    """Give the last line."""
    short = misses(found)
    return f"health: falls short: {'; '.join(short)}" if short else "health: pass"


def table(found: Found) -> list[tuple[str, str, str, str]]:
    """Give format, period, bytes for a sample, and how many times the product's of that period."""
    return [
        (row.name, f"{row.period_s} s", f"{row.bytes_sample:.2f}", f"{row.bytes_sample / found.of(row.period_s):.1f} x")
        for row in sorted(found.rows, key=lambda row: (row.period_s, row.bytes_sample))
    ]


def text(found: Found) -> str:
    """Write everything for a terminal."""
    lines = [f"{name:38}{period:>6}{cost:>10}{ratio:>10}" for name, period, cost, ratio in table(found)]
    return "\n".join((f"{'format':38}{'every':>6}{'B/sample':>10}{'ratio':>10}", *lines, "", *sentences(found)))


def sentences(found: Found) -> list[str]:
    """Say what is no row of the table."""
    size, drain = found.size, found.recovery
    plan = size.plan
    rate = drain.bytes_s * 8 / 1000
    start = (
        f"A session's start (TLS handshake, schema, books) costs {size.start_bytes / 1000:.1f} kB with {plan.chargers} "
        "chargers; that of ten is in the product's figures, spread over a day."
    )
    cost = (
        f"{plan.chargers} chargers x 50 signals x {1 / plan.pace:g} Hz, blocks of {plan.block_rows} rows: "
        f"{size.cpu_percent:.1f} % of one core, {size.memory_mb:.0f} MB resident."
    )
    recovery = (
        f"A backlog of {drain.backlog_s / 60:.0f} min of 10 chargers drains in {drain.drain_s:.1f} s under a cap of "
        f"{CAP_KBIT_S} kbit/s (packet headers included): {rate:.0f} kbit/s of TCP payload, {drain.bytes_sample:.2f} "
        f"B/sample. At that, 72 h take {drain.outage_hours * 60:.0f} min while the site goes on (calculated)."
    )
    return [start, cost, recovery, found.telegraf]


def document(found: Found, command: str) -> dict[str, Any]:
    """Give what is written as JSON."""
    size, drain = found.size, found.recovery
    return {
        "command": command,
        "formats": [
            {"name": row.name, "period_s": row.period_s, "bytes_sample": row.bytes_sample} for row in found.rows
        ],
        "gateway": {
            "chargers": size.plan.chargers,
            "block_rows": size.plan.block_rows,
            "cpu_percent": size.cpu_percent,
            "memory_mb": size.memory_mb,
            "start_bytes": size.start_bytes,
        },
        "recovery": {
            "cap_kbit_s": CAP_KBIT_S,
            "backlog_s": drain.backlog_s,
            "samples": drain.samples,
            "drain_s": drain.drain_s,
            "carried_bytes": drain.carried_bytes,
            "hours_for_72_h": drain.outage_hours,
        },
        "telegraf": found.telegraf,
        "verdict": verdict(found),
    }


def page(found: Found, command: str) -> str:
    """Write the reference page."""
    rows = "\n".join("| " + " | ".join(cells) + " |" for cells in table(found))
    notes = "\n".join(f"- {sentence}" for sentence in sentences(found))
    return f"""# What Channel B costs

Written by `{command}`; times are of the machine it ran on, bytes are not. Ten simulated DC chargers with 50
signals each, at 1 Hz; every format carries the same kind of samples through a real TLS socket to a real server.

**What is counted**: all that TCP carries, both ways, between the sender and its broker or server: TLS records, MQTT or
HTTP headers, PUBACKs or responses, and of the product also anchors, ledger statements and the center's acknowledgements
after its commit. Headers of TCP and IP are not counted.

| format | every | B/sample | ratio |
|---|---|---|---|
{rows}

{notes}

Demanded: at most {BYTES_MINUTE_MAX} B/sample at 60 s and {BYTES_SECOND_MAX} at 1 s; {CPU_PERCENT_MAX:g} % of a core and
{MEMORY_MB_MAX:g} MB. `{verdict(found)}`
"""
