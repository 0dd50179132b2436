"""This file shows the sources' counters to Prometheus; it guards that counting costs a source only an addition."""

from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from isolane.health.sources.catalogue import BuiltSource


class SourceMetrics(Collector):
    """Reads every source's counters when it is scraped.

    Args:
        sources: As `catalogue.build` gave them.
    """

    def __init__(self, sources: Sequence[BuiltSource]) -> None:
        self._sources = tuple(sources)

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Give all counters; see the documentation texts for what they count."""
        events = CounterMetricFamily(
            "isolane_health_source_events", "What has happened at a source, by outcome", labels=("source", "outcome")
        )
        signals = GaugeMetricFamily(
            "isolane_health_source_signals", "Signals that a source declares", labels=("source",)
        )
        for source in self._sources:
            for outcome, count in sorted(source.counts.items()):
                events.add_metric((source.name, outcome), count)
            signals.add_metric((source.name,), len(source.signals))
        yield events
        yield signals
