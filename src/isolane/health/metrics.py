"""This file shows what the assembly itself counts; it guards that a row that was not taken or not kept is seen."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from isolane.core.supervisor import Restarts


@dataclass(slots=True)
class PipelineCounts:
    """What the pipeline has done since the process started."""

    rows: int = 0
    rows_missed: int = 0
    """Seconds that passed while this process stood still."""
    blocks: int = 0
    blocks_unqueued: int = 0
    """Blocks given up because the disk has not taken one for minutes; they were only in memory, so never produced."""
    clock_steps: int = 0


class PipelineCollector(Collector):
    """The pipeline's counts as Prometheus families.

    Args:
        counts: Of the pipeline.
        readings: Gives the grid's counts by outcome.
        restarts: Of the supervisor.
    """

    def __init__(self, counts: PipelineCounts, readings: Callable[[], Mapping[str, int]], restarts: Restarts) -> None:
        self._counts = counts
        self._readings = readings
        self._restarts = restarts

    def collect(self) -> Iterator[Metric]:
        """Give the families as they stand now."""
        rows = CounterMetricFamily("isolane_health_rows", "Rows of samples by outcome.", labels=["outcome"])
        rows.add_metric(["taken"], self._counts.rows)
        rows.add_metric(["missed"], self._counts.rows_missed)
        yield rows
        blocks = CounterMetricFamily("isolane_health_blocks", "Blocks by outcome.", labels=["outcome"])
        blocks.add_metric(["stored"], self._counts.blocks)
        blocks.add_metric(["given-up"], self._counts.blocks_unqueued)
        yield blocks
        yield CounterMetricFamily(
            "isolane_health_clock_steps", "Times the UTC clock was set.", value=self._counts.clock_steps
        )
        readings = CounterMetricFamily("isolane_health_readings", "Readings by outcome.", labels=["outcome"])
        for outcome, count in self._readings().items():
            readings.add_metric([outcome], count)
        yield readings
        restarts = CounterMetricFamily("isolane_health_restarts", "Parts that were started again.", labels=["part"])
        for part, count in self._restarts.by_part.items():
            restarts.add_metric([part], count)
        yield restarts
