"""This file shows the alerts' own numbers to Prometheus; it guards that an engine that lags or fails is itself seen."""

from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from isolane.center.alerts.courier import Courier
from isolane.center.alerts.engine import AlertEngine


class AlertGauges(Collector):
    """Numbers of the engine and of every way out; register it with a registry.

    Args:
        engine: Whose passes.
        couriers: Whose messages.
    """

    def __init__(self, engine: AlertEngine, couriers: Sequence[Courier]) -> None:
        self._engine = engine
        self._couriers = couriers

    def collect(self) -> Iterator[Metric]:
        """Give the numbers as they stand now."""
        passed = self._engine.passed
        for name, help_text, count in (
            ("passes", "Looks of the rules' engine.", passed.passes),
            ("pass_failures", "Looks that could not be written or read.", passed.failures),
            ("opened", "Alerts opened since the start.", passed.opened),
            ("closed", "Alerts closed by their rule since the start.", passed.closed),
        ):
            counter = CounterMetricFamily(f"isolane_center_alert_{name}", help_text)
            counter.add_metric([], count)
            yield counter
        for name, help_text, value in (
            ("pass_seconds", "How long the last look took.", passed.seconds),
            ("withheld", "Conditions that another explains.", passed.withheld),
            ("devices_behind", "Devices with samples that the last look left for the next.", passed.looked.behind),
            ("lag_seconds", "How long the one that waits longest has waited.", passed.looked.lag_ms / 1000),
            ("questions_failed", "Questions to the store that failed in the last look.", passed.looked.failed),
        ):
            gauge = GaugeMetricFamily(f"isolane_center_alert_{name}", help_text)
            gauge.add_metric([], value)
            yield gauge
        family = CounterMetricFamily(
            "isolane_center_alert_deliveries", "Attempts by way and how they ended.", labels=["way", "outcome"]
        )
        for courier in self._couriers:
            for outcome, count in (
                ("delivered", courier.delivered),
                ("failed", courier.failed),
                ("given_up", courier.given_up),
            ):
                family.add_metric([courier.out.name, outcome], count)
        yield family
