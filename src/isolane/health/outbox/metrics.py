"""This file shows the books to Prometheus; it guards that what a scrape shows balances as the books do."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from isolane.health.outbox.missed import BROUGHT
from isolane.health.outbox.outbox import Outbox
from isolane.health.outbox.room import LANE_FULL

_REASONS = ("corrupt", "disk-full", "expired", LANE_FULL, "outbox-full")
"""Why blocks are given up."""


class OutboxCollector(Collector):
    """Reads the tally of the last commit when it is scraped; the file is not touched.

    Args:
        outbox: Whose books are shown.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def collect(self) -> Iterator[Metric]:
        """Give the families as they stand now.

        The sample counters run over the life of the outbox's file, not of the process, so that
        produced = acknowledged + queued + thinned + dropped holds in every scrape.
        """
        tally = self._outbox.tally
        samples = CounterMetricFamily(
            "isolane_health_samples",
            "Samples by what became of them, over the outbox's life.",
            labels=["state", "reason"],
        )
        samples.add_metric(["produced", ""], tally.produced)
        samples.add_metric(["acknowledged", ""], tally.acknowledged)
        samples.add_metric(["thinned", ""], tally.thinned)
        for reason in sorted({*_REASONS, *tally.dropped}):
            samples.add_metric(["dropped", reason], tally.dropped.get(reason, 0))
        yield samples
        yield _gauge("isolane_health_samples_queued", "Samples that wait for the center.", tally.queued)
        yield _gauge("isolane_health_outbox_blocks", "Blocks that wait for the center.", tally.blocks_queued)
        yield _gauge("isolane_health_outbox_bytes", "Bytes of the outbox's bound in use.", tally.bytes_queued)
        lanes = GaugeMetricFamily("isolane_health_outbox_lane_bytes", "Bytes in use by lane.", labels=["lane"])
        for lane, size in tally.bytes_by_lane.items():
            lanes.add_metric([lane.name.lower()], size)
        yield lanes
        yield _gauge("isolane_health_outbox_gaps", "Gap records that wait for the center.", tally.gaps_queued)
        yield _gauge("isolane_health_epoch_seconds", "Epoch in which blocks are numbered.", self._outbox.epoch / 1000)
        written = self._outbox.wear.written_bytes
        if written is not None:
            yield CounterMetricFamily(
                "isolane_health_outbox_written_bytes", "What the outbox has made the disk write.", value=written
            )
        yield from self._troubles()
        yield from self._cursors()
        yield from self._missed()

    def _troubles(self) -> Iterator[Metric]:
        troubles = self._outbox.troubles
        family = CounterMetricFamily("isolane_health_outbox_troubles", "What went wrong.", labels=["kind"])
        family.add_metric(["quarantined-file"], troubles.quarantined)
        family.add_metric(["salvaged-block"], troubles.salvaged_blocks)
        family.add_metric(["write-refused"], troubles.write_failures)
        family.add_metric(["corrupt-block"], troubles.corrupt_blocks)
        family.add_metric(["poisoned-block"], troubles.poisoned_blocks)
        family.add_metric(["unknown-acknowledgement"], troubles.unknown_acks)
        yield family

    def _cursors(self) -> Iterator[Metric]:
        flights = GaugeMetricFamily(
            "isolane_health_messages_in_flight", "Sent and not yet acknowledged by the center.", labels=["link"]
        )
        events = CounterMetricFamily("isolane_health_delivery", "Deliveries by outcome.", labels=["link", "outcome"])
        for cursor in self._outbox.cursors:
            flights.add_metric([cursor.name], cursor.in_flight)
            events.add_metric([cursor.name, "acknowledged"], cursor.counts.acknowledged)
            events.add_metric([cursor.name, "timed-out"], cursor.counts.resent)
            events.add_metric([cursor.name, "set-aside"], cursor.set_aside)
            events.add_metric([cursor.name, "schema-wanted"], cursor.counts.schemas_wanted)
            events.add_metric([cursor.name, "answered"], cursor.counts.answers)
        yield flights
        yield events

    def _missed(self) -> Iterator[Metric]:
        blocks = CounterMetricFamily(
            "isolane_health_link_missed_blocks",
            "Blocks that left the outbox without this link having brought them, over the outbox's life.",
            labels=["link", "reason"],
        )
        samples = CounterMetricFamily(
            "isolane_health_link_missed_samples", "What those blocks accounted for.", labels=["link", "reason"]
        )
        found = self._outbox.tally.missed
        told = {(cursor.name, reason): (0, 0) for cursor in self._outbox.cursors for reason in (BROUGHT, *_REASONS)}
        for labels, counts in sorted({**told, **found}.items()):
            blocks.add_metric(labels, counts[0])
            samples.add_metric(labels, counts[1])
        yield blocks
        yield samples


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value)
