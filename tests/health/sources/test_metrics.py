"""This file tests the sources' page; it guards that each source is seen by its name."""

from prometheus_client import CollectorRegistry

from isolane.core.clock import SystemClock
from isolane.health.sources.host.settings import HostSettings
from isolane.health.sources.host.source import HostSource
from isolane.health.sources.metrics import SourceMetrics
from support.readings import running


async def test_readings_are_counted_by_source() -> None:
    source = HostSource(HostSettings(name="box", period_s=0.1), SystemClock())
    registry = CollectorRegistry()
    registry.register(SourceMetrics([source]))
    async with running(source) as kept:
        await kept.until(lambda: len(kept.readings) >= 2 * len(source.signals))
    labels = {"source": "box", "outcome": "readings_good"}
    assert registry.get_sample_value("isolane_health_source_events_total", labels) == len(kept.good())
    assert registry.get_sample_value("isolane_health_source_signals", {"source": "box"}) == len(source.signals)
