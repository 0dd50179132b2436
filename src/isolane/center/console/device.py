"""This file makes the charger page's model; it guards that the page's script learns everything from one JSON text."""

from dataclasses import dataclass

import msgspec

from isolane.center.console.fleet import TONES
from isolane.center.console.formats import text
from isolane.center.console.groups import Chart, charts
from isolane.center.console.labels import label, outlets, place, words
from isolane.center.store.views import ChargerSummary, SignalNow

GATEWAY_PREFIX = "gateway:"


@dataclass(frozen=True, slots=True)
class SignalRow:
    """One row of the table of signals."""

    key: str
    label: str
    place: str
    unit: str
    resolution: float
    words: tuple[str, ...]
    shown: str
    quality: str
    reason: str
    t_ms: int


@dataclass(frozen=True, slots=True)
class DevicePage:
    """A charger, or a gateway's own signals, as its page shows it.

    Attributes:
        site: Site name.
        device: As in the store's port.
        title: What the page is called; a charger's identity is the CSMS's own text.
        gateway: Gateway that reads it.
        summary: The charger at a glance; None for a gateway.
        charts: Charts, in reading order.
        rows: Every signal, in order of key.
        newest_ms: Time of the newest sample; 0 without one.
        first_ms: When the oldest known run of its gateway began; 0 if the books do not know.
    """

    site: str
    device: str
    title: str
    gateway: str
    summary: ChargerSummary | None
    charts: list[Chart]
    rows: list[SignalRow]
    newest_ms: int
    first_ms: int

    def script_model(self, now_ms: int) -> str:
        """Give the JSON that static/js/charger.js reads from the page."""
        return msgspec.json.encode(
            {
                "site": self.site,
                "device": self.device,
                "now_ms": now_ms,
                "newest_ms": self.newest_ms,
                "first_ms": self.first_ms,
                "tones": TONES,
                "charts": self.charts,
                "signals": [(row.key, row.label, row.unit, row.resolution, row.words) for row in self.rows],
            }
        ).decode()


def device_page(
    site: str, device: str, signals: list[SignalNow], summary: ChargerSummary | None, first_ms: int = 0
) -> DevicePage:
    """Make the page of one device from what the store knows about it."""
    gateway = device.removeprefix(GATEWAY_PREFIX) if device.startswith(GATEWAY_PREFIX) else ""
    count = outlets([signal.key for signal in signals])
    rows = [
        SignalRow(
            key=signal.key,
            label=label(signal.key),
            place=place(signal.key, count),
            unit=signal.unit,
            resolution=signal.resolution,
            words=words(signal.key),
            shown=_shown(signal),
            quality=signal.quality,
            reason=signal.reason.replace("_", " "),
            t_ms=signal.t_ms,
        )
        for signal in signals
    ]
    return DevicePage(
        site=site,
        device=device,
        title=f"Gateway {gateway}" if gateway else device,
        gateway=gateway or (summary.gateway if summary else ""),
        summary=summary,
        charts=charts(signals),
        rows=rows,
        newest_ms=max((signal.t_ms for signal in signals), default=0),
        first_ms=first_ms,
    )


def _shown(signal: SignalNow) -> str:
    meanings = words(signal.key)
    if signal.value is not None and signal.value in range(len(meanings)):
        return meanings[int(signal.value)]
    return text(signal.value, signal.unit, signal.resolution)
