"""This file shows the recorder to Prometheus; it guards that what was not kept is seen, and why."""

from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from isolane.health.recorder.recorder import Recorder

_PREFIX = "isolane_health_recorder"


class RecorderCollector(Collector):
    """Reads the counts when it is scraped; no file is touched.

    Args:
        recorder: Whose counts are shown.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def collect(self) -> Iterator[Metric]:
        """Give the families as they stand now."""
        counts, ring = self._recorder.counts, self._recorder.keeper.ring.counts
        shelf, lost = self._recorder.keeper.shelf.counts, self._recorder.lines.lost
        yield GaugeMetricFamily(f"{_PREFIX}_ring_bytes", "Bytes of the last minutes.", value=ring.bytes_now)
        yield CounterMetricFamily(f"{_PREFIX}_written_bytes", "Bytes written to the ring.", value=ring.written_bytes)
        yield CounterMetricFamily(f"{_PREFIX}_flushes", "Flushes of the ring to the disk.", value=ring.flushes)
        yield _by(f"{_PREFIX}_rows", "Rows by outcome.", {"taken": counts.rows, "behind": counts.rows_lost})
        yield _by(f"{_PREFIX}_events", "Tap events by outcome.", {"taken": counts.events, "behind": counts.events_lost})
        yield CounterMetricFamily(f"{_PREFIX}_lines_lost", "Log lines that were not taken.", value=lost)
        yield CounterMetricFamily(f"{_PREFIX}_records_refused", "Records the disk refused.", value=ring.refused)
        yield _by(f"{_PREFIX}_triggers", "Triggers that were heeded.", counts.triggers, "kind")
        held = self._recorder.hold_off.suppressed
        yield _by(f"{_PREFIX}_triggers_held_off", "Triggers that were not heeded.", held, "kind")
        yield GaugeMetricFamily(f"{_PREFIX}_snapshots", "Snapshots on the disk.", value=shelf.snapshots)
        yield GaugeMetricFamily(f"{_PREFIX}_snapshot_bytes", "Bytes of them.", value=shelf.bytes_now)
        made = {"whole": shelf.made - shelf.cut, "cut": shelf.cut}
        made |= {"refused-day": shelf.refused_day, "refused-room": shelf.refused_room}
        made |= {"refused-many": self._recorder.keeper.refused_many}
        yield _by(f"{_PREFIX}_snapshots_made", "Snapshots by how they ended, or were not made.", made)
        if self._recorder.uploads is not None:
            sent = self._recorder.uploads.counts
            papers = {"put": sent.put, "arrived": sent.arrived, "again": sent.again}
            yield _by(f"{_PREFIX}_papers", "Cards and parts on their way to the center.", papers)
            yield CounterMetricFamily(
                f"{_PREFIX}_snapshots_at_center", "Snapshots the center has got.", value=sent.done
            )
        gone = {"full": shelf.removed_full, "old": shelf.removed_old}
        yield _by(f"{_PREFIX}_snapshots_removed", "Snapshots removed from the disk, by reason.", gone, "reason")


def _by(name: str, text: str, counts: Mapping[str, int], label: str = "outcome") -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=[label])
    for word, count in counts.items():
        family.add_metric([word], count)
    return family
