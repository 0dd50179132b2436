"""This file shows the budget to Prometheus; it guards that what is held back, and why, is seen beside what goes out."""

import itertools
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from isolane.health.budget.budget import Budget
from isolane.health.budget.hearing import ROUND_TRIP_BOUNDS_S
from isolane.health.budget.yielding import Stance

_BOUNDS = (*map(str, ROUND_TRIP_BOUNDS_S), "+Inf")


class BudgetCollector(Collector):
    """Reads the budget when it is scraped.

    Args:
        budget: What is shown.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def collect(self) -> Iterator[Metric]:
        """Give the families as they stand now."""
        self._budget.way.read()
        yield from self._pace()
        yield from self._business()
        yield from self._month()
        yield from self._ladder()

    def _pace(self) -> Iterator[Metric]:
        budget, turnstile = self._budget, self._budget.turnstile
        packets = CounterMetricFamily(
            "isolane_health_budget_packet_bytes",
            "Bytes of packets of both directions, TLS, TCP and IP headers included.",
            labels=["link"],
        )
        for link, size in budget.way.packet_bytes.items():
            packets.add_metric([link], size)
        yield packets
        rates = GaugeMetricFamily(
            "isolane_health_budget_rate_bytes_per_second", "What may be sent a second.", labels=["kind"]
        )
        rates.add_metric(["ceiling"], turnstile.ceiling_bytes_s)
        rates.add_metric(["now"], turnstile.rate_bytes_s())
        yield rates
        yield _gauge("waiting", "Connections that wait for their turn.", turnstile.waiting)

    def _business(self) -> Iterator[Metric]:
        turnstile, heard = self._budget.turnstile, self._budget.hearing.heard
        stances = GaugeMetricFamily("isolane_health_budget_stance", "1 for how it stands now.", labels=["stance"])
        now = turnstile.yielding.stance(turnstile.now_ns())
        for stance in Stance:
            stances.add_metric([stance.value], float(stance is now))
        yield stances
        yield _counter("holds", "Times sending stood aside for calls of the business.", turnstile.yielding.holds)
        yield _counter("held_seconds", "Time for which something waited for the business.", turnstile.held_ns / 1e9)
        yield _counter("calls_heard", "Calls of the business that were told.", heard.calls)
        yield _counter("calls_heard_late_seconds", "From the relay's read of each to here, added up.", heard.late_s)
        yield _gauge("calls_heard_late_seconds_max", "The longest of these.", heard.late_s_max)
        cumulative = itertools.accumulate(heard.round_trips)
        yield HistogramMetricFamily(
            "isolane_health_budget_round_trip_seconds",
            "Answers of the CSMS to the business, as the relay saw them.",
            buckets=[(bound, float(count)) for bound, count in zip(_BOUNDS, cumulative, strict=True)],
            sum_value=heard.round_trip_s,
        )
        yield _gauge("ease_ratio", "Share of the rate that delay leaves.", turnstile.ease.share)
        yield _gauge("queue_seconds", "Last delay above the usual.", turnstile.ease.queue_s)

    def _month(self) -> Iterator[Metric]:
        budget = self._budget
        limit = budget.settings.limit_bytes
        yield _gauge("month_used_bytes", "Bytes of packets this billing month.", budget.month.used)
        yield _gauge("month_projected_bytes", "The same at the month's end, at this rate.", budget.projected_bytes())
        yield _gauge(
            "month_limit_bytes", "Limit of the month; infinite if none.", float("inf") if limit is None else limit
        )
        yield _gauge("month_spent", "1 while only the reserve is left.", budget.is_spent)
        yield _counter("month_writes", "Times the month's books were written to disk.", budget.store.writes)

    def _ladder(self) -> Iterator[Metric]:
        budget = self._budget
        yield _gauge("rung", "0 full, 1 deadband, 2 bounded error, 3 minutes.", budget.rung)
        yield _gauge("pressure_ratio", "Needed over available; above 1 is too much.", budget.need().pressure)
        yield _counter("rung_changes", "Times the rung was changed.", budget.ladder.changes)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"isolane_health_budget_{name}", text, value=float(value))


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"isolane_health_budget_{name}", text, value=float(value))
