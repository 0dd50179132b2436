"""This file tests the grid's page; it guards that each outcome has its own number."""

from prometheus_client import CollectorRegistry

from isolane.core.clock import SystemClock
from isolane.core.samples import Reading
from isolane.core.signals import Signal
from isolane.health.sampling.grid import Grid
from isolane.health.sampling.metrics import GridMetrics
from isolane.health.sampling.settings import SamplingSettings


def test_outcomes_are_shown() -> None:
    grid = Grid([Signal("CP1", "1.0/EVSE/Power", "W", 1)], SamplingSettings(), SystemClock())
    registry = CollectorRegistry()
    registry.register(GridMetrics(grid))
    grid.accept([Reading("CP1", "1.0/EVSE/Power", 1.0, 5), Reading("", "1.0/EVSE/Power", 1.0, 5)])
    name = "isolane_health_sampling_readings_total"
    assert registry.get_sample_value(name, {"outcome": "accepted"}) == 1
    assert registry.get_sample_value(name, {"outcome": "unknown"}) == 1
    assert registry.get_sample_value("isolane_health_sampling_signals") == 1
