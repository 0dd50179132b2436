"""This file shows what own calls have counted; it guards that a scrape reads plain numbers and nothing else."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from isolane.value.own_calls.service import OwnCalls


class OwnCallCollector(Collector):
    """What `OwnCalls` has counted."""

    def __init__(self, service: OwnCalls) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """Give one family after the other."""
        calls = CounterMetricFamily(
            "isolane_value_own_calls_total",
            "Requests for own calls by how they ended, and late replies",
            labels=["outcome"],
        )
        for outcome, count in self._service.outcomes.items():
            calls.add_metric([outcome], count)
        yield calls
        held = self._service.held_s
        cumulative, total = [], 0
        for bound, count in zip([*map(str, held.bounds), "+Inf"], held.buckets, strict=True):
            total += count
            cumulative.append((bound, float(total)))
        yield HistogramMetricFamily(
            "isolane_value_own_calls_held_seconds",
            "For how long CALLs of the CSMS have waited for the reply to an own call",
            buckets=cumulative,
            sum_value=held.sum_s,
        )
