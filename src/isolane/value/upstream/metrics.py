"""This file shows how dialling the CSMS goes; it guards that its labels are the settings' endpoints only."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from isolane.value.upstream.dial import Upstream


class DialCollector(Collector):
    """The endpoints of an `Upstream` and its dials."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    def collect(self) -> Iterator[Metric]:
        """Give one family after the other."""
        up = GaugeMetricFamily(
            "isolane_value_csms_endpoint_up", "Whether a CSMS endpoint answered when last dialled", labels=["endpoint"]
        )
        for endpoint in self._upstream.endpoints.all:
            up.add_metric([endpoint.name], float(not endpoint.failures))
        yield up
        dials = CounterMetricFamily(
            "isolane_value_csms_dials_total", "Dials by endpoint and result", labels=["endpoint", "result"]
        )
        for (endpoint_name, result), count in self._upstream.dials.items():
            dials.add_metric([endpoint_name, result], count)
        yield dials
