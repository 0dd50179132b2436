"""This file shows what the models do and find to Prometheus; it guards that a score that is learnt is no number."""

import math
import time
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from isolane.health.models.rounds import Rounds


class ModelsCollector(Collector):
    """The models as Prometheus families.

    Args:
        rounds: The models.
    """

    def __init__(self, rounds: Rounds) -> None:
        self._rounds = rounds

    def collect(self) -> Iterator[Metric]:
        """Give the families as they stand now."""
        rounds = self._rounds
        stage = rounds.stage
        yield CounterMetricFamily("isolane_health_models_busy_seconds", "Time the models took.", value=rounds.busy_s)
        yield CounterMetricFamily(
            "isolane_health_models_implausible_samples", "Samples that cannot be, left out.", value=stage.taken_out
        )
        yield CounterMetricFamily("isolane_health_models_failures", "Batches a place failed at.", value=stage.failed)
        out = len(stage.bays) - len(stage.working)
        yield GaugeMetricFamily("isolane_health_models_places_out", "Places put out until the next start.", value=out)
        yield GaugeMetricFamily("isolane_health_models_rows_bytes", "Memory of the rows kept.", value=stage.bytes)
        labels = ["charger", "place", "component", "measure"]
        scores = GaugeMetricFamily("isolane_health_score", "State of health, 100 as new, 0 at its end.", labels=labels)
        levels = GaugeMetricFamily("isolane_health_level", "Level of a part, -1 none to 4.", labels=labels)
        for place, score in stage.scores(int(time.time())):
            names = [place.charger, place.prefix, score.measure.component, score.measure.name]
            levels.add_metric(names, float(score.level))
            if math.isfinite(score.value):
                scores.add_metric(names, score.value)
        yield scores
        yield levels
