"""This file shows how often the center's own tasks were started again; it guards that a bug that recurs is seen."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from isolane.core.supervisor import Restarts


class TaskRestarts(Collector):
    """The restarts as a Prometheus family.

    Args:
        restarts: Of the supervisor.
    """

    def __init__(self, restarts: Restarts) -> None:
        self._restarts = restarts

    def collect(self) -> Iterator[Metric]:
        """Give the counts as they stand now."""
        family = CounterMetricFamily(
            "isolane_center_task_restarts", "Tasks that broke or ended and were started again.", labels=["task"]
        )
        for task, count in self._restarts.by_part.items():
            family.add_metric([task], count)
        yield family
