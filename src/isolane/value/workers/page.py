"""This file adds up the metrics pages of the workers; it guards that no counter goes back when a worker is gone.

Counters and histograms are summed, and what a worker had counted stays when it is gone, as of the last page that it
gave. Gauges are summed over those who live, but for the few that every worker shows alike: there the lowest counts.
No label says which worker it was, so the page is as long as that of one relay.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from isolane.value.workers.messages import Family

_LOWEST: Final = frozenset(
    {
        "isolane_value_certificate_expiry_seconds",
        "isolane_value_csms_endpoint_up",
        "process_start_time_seconds",
        "process_max_fds",
    }
)
"""Gauges that are no amounts: an endpoint is down where one worker found it down."""

_Key = tuple[str, tuple[tuple[str, str], ...]]


def families(registry: CollectorRegistry) -> list[Family]:
    """Give everything that a worker shows."""
    return [
        Family(
            metric.name,
            metric.type,
            metric.documentation,
            [(sample.name, sample.labels, sample.value) for sample in metric.samples],
        )
        for metric in registry.collect()
    ]


def added_up(pages: Iterable[Sequence[Family]]) -> list[Family]:
    """Make one page of several."""
    heads: dict[str, Family] = {}
    values: dict[str, dict[_Key, float]] = {}
    for page in pages:
        for family in page:
            heads.setdefault(family.name, family)
            add = min if family.name in _LOWEST else _sum
            known = values.setdefault(family.name, {})
            for name, labels, value in family.samples:
                key = name, tuple(labels.items())
                known[key] = add(known[key], value) if key in known else value
    return [
        Family(name, head.kind, head.text, [(key[0], dict(key[1]), value) for key, value in values[name].items()])
        for name, head in heads.items()
    ]


class Totals(Collector):
    """The page of all workers together.

    Args:
        workers: Gives how many serve.

    Attributes:
        restarts: Workers that were started again.
    """

    def __init__(self, workers: Callable[[], int]) -> None:
        self._workers = workers
        self._pages: dict[int, list[Family]] = {}
        self._gone: list[Family] = []
        self.restarts = 0

    def update(self, worker: int, page: list[Family]) -> None:
        """Take a worker's newest page."""
        self._pages[worker] = page

    def retire(self, worker: int) -> None:
        """Keep what a worker had counted: it is gone."""
        counted = [family for family in self._pages.pop(worker, []) if family.kind != "gauge"]
        self._gone = added_up([self._gone, counted])

    def collect(self) -> Iterator[Metric]:
        """Give one family after the other."""
        for family in added_up([*self._pages.values(), self._gone]):
            metric = Metric(family.name, family.text, family.kind)
            for name, labels, value in family.samples:
                metric.add_sample(name, labels, value)
            yield metric
        yield GaugeMetricFamily("isolane_value_workers", "Relay workers that serve", value=self._workers())
        yield CounterMetricFamily(
            "isolane_value_worker_restarts_total", "Relay workers that were started again", value=self.restarts
        )


def _sum(one: float, other: float) -> float:
    return one + other
