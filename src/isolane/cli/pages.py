"""This file turns metrics pages into figures that stand beside each other; it guards that what is not known is None.

Rates are over the time between two pages of one process; a process that was started anew in between has none.
"""

import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

_ASK_S = 2.0

Figures = dict[str, float | str | None]


@dataclass(frozen=True, slots=True)
class Page:
    """One metrics page.

    Attributes:
        at_s: When it was read, monotonic clock.
        samples: Value by name and labels.
    """

    at_s: float
    samples: Mapping[tuple[str, tuple[tuple[str, str], ...]], float]

    def sum(self, name: str, **labels: str) -> float | None:
        """Add up the samples of a name that have these labels; None if there is none."""
        wanted = set(labels.items())
        found = [value for (each, own), value in self.samples.items() if each == name and wanted <= set(own)]
        return sum(found) if found else None

    def label(self, name: str, label: str) -> str | None:
        """Give a label of the first sample of a name that is 1."""
        for (each, own), value in self.samples.items():
            if each == name and value == 1:
                return dict(own).get(label)
        return None


def fetch(address: str) -> Page | None:
    """Read a page; None if nobody answers."""
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=_ASK_S) as answer:
            text = answer.read().decode()
    except (urllib.error.URLError, OSError, ValueError):
        return None
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    return Page(time.monotonic(), samples)


class Two:
    """Two pages of one process, one after the other.

    Args:
        before: The earlier, None if there was none.
        now: The later, None if nobody answered.
    """

    def __init__(self, before: Page | None, now: Page | None) -> None:
        self._before = before
        self._now = now

    @property
    def is_there(self) -> bool:
        """Whether the process answers."""
        return self._now is not None

    def value(self, name: str, **labels: str) -> float | None:
        """Give a value of now."""
        return self._now.sum(name, **labels) if self._now else None

    def label(self, name: str, label: str) -> str | None:
        """See `Page.label`."""
        return self._now.label(name, label) if self._now else None

    def rate(self, name: str, **labels: str) -> float | None:
        """Give how fast a counter grows, a second."""
        if self._before is None or self._now is None or self._now.at_s <= self._before.at_s:
            return None
        before, now = self._before.sum(name, **labels), self._now.sum(name, **labels)
        if before is None or now is None or now < before:
            return None
        return (now - before) / (self._now.at_s - self._before.at_s)

    def quantile(self, name: str, share: float) -> float | None:
        """Give the bound below which so large a share of a histogram lies, between two pages, else since its start."""
        buckets = self._buckets(name, self._before) or self._buckets(name, None)
        if not buckets or not buckets[-1][1]:
            return None
        wanted = share * buckets[-1][1]
        lower, below = 0.0, 0.0
        for bound, count in buckets:
            if count >= wanted:
                if bound == float("inf"):
                    return lower
                return lower + (bound - lower) * (wanted - below) / ((count - below) or 1)
            lower, below = bound, count
        return lower

    def _buckets(self, name: str, before: Page | None) -> list[tuple[float, float]]:
        if self._now is None:
            return []
        found: dict[float, float] = {}
        for (each, labels), value in self._now.samples.items():
            if each == f"{name}_bucket":
                bound = float(dict(labels)["le"])
                found[bound] = (
                    found.get(bound, 0.0) + value - (before.samples.get((each, labels), 0.0) if before else 0)
                )
        counts = sorted(found.items())
        return counts if counts and counts[-1][1] > 0 else []


def process(pages: Two) -> Figures:
    """What every process has."""
    cpu = pages.rate("process_cpu_seconds_total")
    return {
        "up": 1.0 if pages.is_there else 0.0,
        "cpu_percent": None if cpu is None else cpu * 100,
        "memory_bytes": pages.value("process_resident_memory_bytes"),
    }


def business(relay: Two, health: Two) -> Figures:
    """Channel A: the relay's page, and the round trips that the tap told Channel B."""
    return {
        **process(relay),
        "connections": relay.value("isolane_value_connections"),
        "frames_per_s": relay.rate("isolane_value_frames_total"),
        "bytes_per_s": relay.rate("isolane_value_bytes_total"),
        "added_p50_s": relay.quantile("isolane_value_added_seconds", 0.5),
        "added_p99_s": relay.quantile("isolane_value_added_seconds", 0.99),
        "round_trip_p50_s": health.quantile("isolane_health_budget_round_trip_seconds", 0.5),
        "round_trip_p99_s": health.quantile("isolane_health_budget_round_trip_seconds", 0.99),
        "calls_per_s": health.rate("isolane_health_budget_calls_heard_total"),
    }


def window(tap: Two) -> Figures:
    """The tap."""
    return {
        **process(tap),
        "copies_per_s": tap.rate("isolane_tap_copies_total"),
        "copies_lost": tap.value("isolane_tap_copies_lost_total"),
    }


def telemetry(health: Two) -> Figures:
    """Channel B."""
    name = "isolane_health_budget"
    return {
        **process(health),
        "bytes_per_s": health.rate(f"{name}_packet_bytes_total"),
        "rate_bytes_per_s": health.value(f"{name}_rate_bytes_per_second", kind="now"),
        "ceiling_bytes_per_s": health.value(f"{name}_rate_bytes_per_second", kind="ceiling"),
        "stance": health.label(f"{name}_stance", "stance"),
        "ease_ratio": health.value(f"{name}_ease_ratio"),
        "month_used_bytes": health.value(f"{name}_month_used_bytes"),
        "month_projected_bytes": health.value(f"{name}_month_projected_bytes"),
        "month_limit_bytes": _finite(health.value(f"{name}_month_limit_bytes")),
        "rung": health.value(f"{name}_rung"),
        "samples_queued": health.value("isolane_health_samples_queued"),
        "links_up": health.value("isolane_health_link_up"),
    }


def _finite(value: float | None) -> float | None:
    return None if value == float("inf") else value
