"""This file shows what the relay has counted; it guards that a scrape reads plain ints and nothing else.

A label never holds what a charger sent, except a close code that
RFC 6455 §7.4 defines or that is registered.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from isolane.value.registry import Registry
from isolane.value.security_events import SecurityEvents
from isolane.value.tap_port import TapPort
from isolane.wire.tap_copy import Direction

_DIRECTIONS = {Direction.FROM_CHARGER: "from-charger", Direction.FROM_CSMS: "from-csms"}
_CODES = frozenset({*map(str, range(1000, 1016)), "eof", "reset"})


class RelayCollector(Collector):
    """Everything of `Registry` and `TapPort`.

    Args:
        registry: The counters.
        tap: The tap's.
        events: The security events'.
        expiry_s: Gives seconds until each certificate in use expires, by file name.
    """

    def __init__(
        self, registry: Registry, tap: TapPort, events: SecurityEvents, expiry_s: Callable[[], Mapping[str, float]]
    ) -> None:
        self._registry = registry
        self._tap = tap
        self._events = events
        self._expiry_s = expiry_s

    def collect(self) -> Iterator[Metric]:
        """Give one family after the other."""
        registry = self._registry
        yield GaugeMetricFamily(
            "isolane_value_connections", "Chargers that are connected through to the CSMS", value=len(registry.living)
        )
        yield _counter(
            "isolane_value_handshakes_total",
            "Handshakes by how they ended",
            ("result",),
            {(result,): count for result, count in registry.handshakes.items()},
        )
        traffic = {(name,): registry.traffic(direction) for direction, name in _DIRECTIONS.items()}
        for index, (what, text) in enumerate((("frames", "WebSocket frames"), ("bytes", "Bytes after the upgrade"))):
            yield _counter(
                f"isolane_value_{what}_total",
                f"{text} passed on",
                ("direction",),
                {label: counts[index] for label, counts in traffic.items()},
            )
        closes: Counter[tuple[str, ...]] = Counter()
        for (leg, code), count in registry.closes.items():
            closes[leg, code if code in _CODES else "other"] += count
        yield _counter("isolane_value_closes_total", "Ends by the leg that ended first", ("leg", "code"), closes)
        yield _counter(
            "isolane_value_limit_closes_total",
            "Connections closed over a limit",
            ("limit",),
            {(limit,): count for limit, count in registry.limit_closes.items()},
        )
        yield _counter(
            "isolane_value_holds_total",
            "Waits for a CSMS that was away by how they ended",
            ("result",),
            {(result,): count for result, count in registry.holds.items()},
        )
        yield CounterMetricFamily(
            "isolane_value_waits_total", "Times that a charger was too fast and not read", value=registry.waits
        )
        yield CounterMetricFamily(
            "isolane_value_probes_total", "Pings of ours, to tell a dead charger from a live one", value=registry.probes
        )
        yield _counter(
            "isolane_value_tap_copies_total",
            "Copies for the tap",
            ("result",),
            {("sent",): self._tap.sent, ("lost",): self._tap.lost},
        )
        yield _counter(
            "isolane_value_security_events_total",
            "Signs of attack or misuse, logged or not",
            ("type",),
            {(kind.value,): count for kind, count in self._events.counts.items()},
        )
        yield self._added()
        expiry = GaugeMetricFamily(
            "isolane_value_certificate_expiry_seconds", "Time until a certificate expires", labels=["certificate"]
        )
        for name, seconds in self._expiry_s().items():
            expiry.add_metric([name], seconds)
        yield expiry

    def _added(self) -> Metric:
        added = self._registry.added
        cumulative, total = [], 0
        for bound, count in zip([*map(str, added.bounds), "+Inf"], added.buckets, strict=True):
            total += count
            cumulative.append((bound, float(total)))
        return HistogramMetricFamily(
            "isolane_value_added_seconds",
            "From a read to its write, one read in 64",
            buckets=cumulative,
            sum_value=added.sum_s,
        )


def _counter(
    name: str, text: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], int]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=labels)
    for label, value in values.items():
        family.add_metric(label, value)
    return family
