"""This file draws both channels side by side in a terminal; it guards that it shows and never decides."""

from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from isolane.cli.demo.figures import Figures, Page

_STATE_STYLE = {"charging": "green", "faulted": "bold red", "unavailable": "red", "unknown": "dim"}
BOOKS = "  = acknowledged + queued + dropped"
_ADDED = "isolane_value_added_seconds"
_US_PER_S = 1_000_000


def draw(figures: Figures, *, console_url: str, link: str, note: str) -> RenderableType:
    """Draw one moment.

    Args:
        figures: What is known.
        console_url: Where the center's console is.
        link: "mqtt" or "https".
        note: One line about what happens now.
    """
    channels = Table.grid(expand=True, padding=(0, 1))
    channels.add_column(ratio=1)
    channels.add_column(ratio=1)
    channels.add_row(
        Panel(_rows(value_rows(figures)), title="[bold]A[/] value channel · OCPP", border_style="cyan"),
        Panel(_rows(health_rows(figures, link)), title="[bold]B[/] health channel · telemetry", border_style="magenta"),
    )
    footer = Text.assemble(("console ", "dim"), (console_url, "bold underline"), ("   Ctrl-C ends", "dim"))
    return Group(channels, _chargers(figures.chargers), Text(note, style="yellow"), footer)


def value_rows(figures: Figures) -> list[tuple[str, str]]:
    """Give Channel A's lines: (what, how much)."""
    page, csms = figures.value, figures.csms
    up, down = (page.total("isolane_value_frames_total", direction=way) for way in ("from-charger", "from-csms"))
    sent, lost = (page.total("isolane_value_tap_copies_total", result=result) for result in ("sent", "lost"))
    return [
        ("chargers connected", f"{page.total('isolane_value_connections'):.0f}"),
        ("messages relayed", f"{up:,.0f} up · {down:,.0f} down"),
        ("latency added in the relay", _added(page)),
        ("transactions billed", f"{csms.get('closed', 0)} closed · {csms.get('open', 0)} running"),
        ("energy billed", f"{csms.get('billed_wh', 0):,} Wh"),
        ("copies for the tap", f"{sent:,.0f} sent · {lost:,.0f} lost"),
    ]


def _added(page: Page) -> str:
    half, most = page.quantile_s(_ADDED, 0.5), page.quantile_s(_ADDED, 0.99)
    if half is None or most is None:
        return "-"
    return f"p50 ≤ {half * _US_PER_S:,.0f} µs · p99 ≤ {most * _US_PER_S:,.0f} µs"


def health_rows(figures: Figures, link: str) -> list[tuple[str, str]]:
    """Give Channel B's lines: (what, how much)."""
    page = figures.health
    produced, acknowledged, dropped = (
        page.total("isolane_health_samples_total", state=state) for state in ("produced", "acknowledged", "dropped")
    )
    queued = page.total("isolane_health_samples_queued")
    sent = page.total("isolane_health_bytes_sent_total")
    balanced = produced == acknowledged + queued + dropped
    return [
        ("samples produced", f"{produced:,.0f}"),
        (BOOKS, f"{acknowledged:,.0f} + {queued:,.0f} + {dropped:,.0f}"),
        ("  the books", "balance" if balanced else "DO NOT BALANCE"),
        ("delivered by", f"{link}, {sent / 1000:,.0f} kB"),
        ("bytes per sample", f"{sent / acknowledged:.2f}" if acknowledged else "-"),
        ("events from the tap", f"{figures.tap.total('isolane_tap_events_sent_total'):,.0f}"),
    ]


def _rows(rows: list[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(justify="right", style="bold")
    for name, figure in rows:
        table.add_row(name, figure)
    return table


def _chargers(chargers: list[dict[str, Any]]) -> Table:
    table = Table(expand=True, box=None, header_style="dim", title="as the O&M center sees them", title_style="dim")
    for name in ("charger", "state", "power", "hottest contact", "signals", "without value"):
        table.add_column(name, justify="left" if name in {"charger", "state"} else "right")
    for charger in sorted(chargers, key=lambda one: str(one["charger"])):
        state = str(charger["state"])
        table.add_row(
            str(charger["charger"]),
            Text(state, style=_STATE_STYLE.get(state, "")),
            _unit(charger["power_w"], 1000, "kW"),
            _unit(charger["temperature_max_c"], 1, "°C"),
            str(charger["signals"]),
            str(charger["bad_signals"]),
        )
    return table


def _unit(value: float | None, divisor: float, unit: str) -> str:
    return "-" if value is None else f"{value / divisor:.1f} {unit}"
