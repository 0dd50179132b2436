"""This file shows the grid's counters to Prometheus; it guards that a reading that was dropped can be seen."""

from collections.abc import Iterator
from dataclasses import fields

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from isolane.health.sampling.grid import Grid, GridCounts


class GridMetrics(Collector):
    """Reads the grid's counters when it is scraped.

    Args:
        grid: The grid of this process.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Give all counters; `GridCounts` says what they count."""
        readings = CounterMetricFamily(
            "isolane_health_sampling_readings", "Readings that came to the grid, by outcome", labels=("outcome",)
        )
        for field in fields(GridCounts):
            readings.add_metric((field.name,), getattr(self._grid.counts, field.name))
        yield readings
        yield GaugeMetricFamily("isolane_health_sampling_signals", "Columns of a row", len(self._grid.signals))
