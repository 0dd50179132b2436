"""This file is `isolane top`: both channels side by side, from their own metrics pages; it changes nothing anywhere."""

import argparse
import json
import sys
import time
from pathlib import Path

from isolane.cli import pages
from isolane.cli.options import add_config
from isolane.config.load import read
from isolane.config.values import Address
from isolane.core.failures import IsolaneError
from isolane.core.rungs import Rung

DESCRIPTION = """\
Show Channel A beside Channel B, live: connections, frames and bytes a second, what the relay adds and the round trip to
the CSMS; what Channel B sends, how it stands aside, its month, its rung and its queue; processor and memory of each.
Reads the metrics pages that [value], [tap] and [health] name in the settings file. Ctrl-C ends it.
"""
ROOMS = ("value", "tap", "health")
_CLEAR = "\033[H\033[J"
_WIDTH = 26
_WHOLE, _THOUSAND = 100, 1000


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config(parser)
    for room in ROOMS:
        parser.add_argument(f"--{room}", metavar="HOST:PORT", help=f"page of [{room}], if not that of the file")
    parser.add_argument("--interval", type=float, default=2.0, metavar="S", help="from view to view (default: 2)")
    parser.add_argument("--once", action="store_true", help="show one view, of two pages an interval apart, and end")
    parser.add_argument("--json", action="store_true", help="write a line of JSON a view, for scripts")


def run(options: argparse.Namespace) -> int:
    """Show until stopped; with --once 1 if no page answers."""
    addresses = _addresses(options)
    interval_s = max(0.1, options.interval)
    before = _fetch(addresses)
    while True:
        time.sleep(interval_s)
        now = _fetch(addresses)
        figures = _figures(before, now)
        if options.json:
            print(json.dumps(figures), flush=True)
        else:
            clear = "" if options.once or not sys.stdout.isatty() else _CLEAR
            print(clear + render(figures), flush=True)
        if options.once:
            return 0 if any(now.values()) else 1
        before = now


def _addresses(options: argparse.Namespace) -> dict[str, str | None]:
    given = {room: getattr(options, room) for room in ROOMS}
    path: Path = options.config
    document = {} if all(given.values()) else read(path)
    found = {room: given[room] or document.get(room, {}).get("metrics") for room in ROOMS}
    for room, text in found.items():
        try:
            if text is not None:
                Address.parse(str(text))
        except ValueError as error:
            raise IsolaneError(f"[{room}] metrics: {error}", "give the address of its page") from error
    if not any(found.values()):
        raise IsolaneError("no metrics page is named", f"set `metrics` in [value], [tap] or [health] of {path}")
    return found


def _fetch(addresses: dict[str, str | None]) -> dict[str, pages.Page | None]:
    return {room: pages.fetch(address) if address else None for room, address in addresses.items()}


def _figures(before: dict[str, pages.Page | None], now: dict[str, pages.Page | None]) -> dict[str, pages.Figures]:
    value, tap, health = (pages.Two(before[room], now[room]) for room in ROOMS)
    return {"A": pages.business(value, health), "tap": pages.window(tap), "B": pages.telemetry(health)}


def render(figures: dict[str, pages.Figures]) -> str:
    """Lay figures out in three columns."""
    a, tap, b = figures["A"], figures["tap"], figures["B"]
    rung = "-" if b["rung"] is None else Rung(int(float(b["rung"]))).name.lower()
    lines = [
        ("CHANNEL A  business", "tap", "CHANNEL B  health"),
        (_up(a), _up(tap), _up(b)),
        (
            f"connections {_number(a['connections'])}",
            f"copies/s {_number(tap['copies_per_s'])}",
            f"links up {_number(b['links_up'])}",
        ),
        (
            f"frames/s {_number(a['frames_per_s'])}",
            f"copies lost {_number(tap['copies_lost'])}",
            f"sends {_bytes(b['bytes_per_s'])}/s of {_bytes(b['ceiling_bytes_per_s'])}/s",
        ),
        (
            f"passes {_bytes(a['bytes_per_s'])}/s",
            "",
            f"{b['stance'] or '-'}, may send {_bytes(b['rate_bytes_per_s'])}/s",
        ),
        (
            f"adds {_ms(a['added_p50_s'])}, p99 {_ms(a['added_p99_s'])}",
            "",
            f"month {_bytes(b['month_used_bytes'])}, will be {_bytes(b['month_projected_bytes'])}",
        ),
        (
            f"answers {_ms(a['round_trip_p50_s'])}, p99 {_ms(a['round_trip_p99_s'])}",
            "",
            f"limit {_bytes(b['month_limit_bytes'])}",
        ),
        (
            f"calls/s {_number(a['calls_per_s'])}",
            "",
            f"rung {rung}, waiting {_number(b['samples_queued'])} samples",
        ),
        tuple(f"CPU {_number(each['cpu_percent'])} %  {_bytes(each['memory_bytes'])}" for each in (a, tap, b)),
    ]
    return "\n".join(f"{left:<{_WIDTH + 6}}{middle:<{_WIDTH}}{right}".rstrip() for left, middle, right in lines)


def _up(figures: pages.Figures) -> str:
    return "up" if figures["up"] else "does not answer"


def _number(value: float | str | None) -> str:
    if not isinstance(value, float):
        return "-"
    return f"{value:,.0f}" if value >= _WHOLE or value == int(value) else f"{value:.1f}"


def _bytes(value: float | str | None) -> str:
    if not isinstance(value, float):
        return "-"
    for unit in ("B", "kB", "MB", "GB"):
        if value < _THOUSAND or unit == "GB":
            break
        value /= _THOUSAND
    return f"{value:.0f} {unit}" if value >= _WHOLE or unit == "B" else f"{value:.1f} {unit}"


def _ms(value: float | str | None) -> str:
    return f"{value * 1000:.3g} ms" if isinstance(value, float) else "-"
