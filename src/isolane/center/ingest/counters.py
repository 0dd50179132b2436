"""This file counts what comes in; it guards that counting costs nothing: plain numbers, read when somebody scrapes."""

import time
from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from isolane.center.store.port import Batch, Committed

_BOUNDS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class IngestCounters(Collector):
    """Counts of ingest; register it with a registry."""

    def __init__(self) -> None:
        self.blocks = 0
        self.duplicates = 0
        self.samples = 0
        self.size_bytes = 0
        self.schemas = 0
        self.gaps = 0
        self.statements = 0
        self.papers = 0
        self.poison: Counter[str] = Counter()
        self.refused = 0
        self.over_quota = 0
        self.failed_commits = 0
        self.mqtt_connected = 0
        self.mqtt_sessions = 0
        self.newest_row_ms = 0
        self._latency = [0] * (len(_BOUNDS_S) + 1)
        self._latency_sum_s = 0.0

    def committed(self, batch: Batch, committed: Committed, took_s: float) -> None:
        """Count a commit."""
        self.blocks += committed.blocks
        self.duplicates += committed.duplicates
        self.samples += committed.samples
        self.size_bytes += committed.size_bytes
        self.schemas += len(batch.schemas)
        self.gaps += len(batch.gaps)
        self.statements += len(batch.ledgers)
        self.papers += len(batch.papers)
        self.poison.update(str(one.kind) for one in batch.poison)
        ends = (a.block.t0_ms + a.block.step_ms * a.block.values.shape[1] for a in batch.blocks)
        self.newest_row_ms = max(self.newest_row_ms, *ends, 0)
        place = next((at for at, bound in enumerate(_BOUNDS_S) if took_s <= bound), len(_BOUNDS_S))
        self._latency[place] += 1
        self._latency_sum_s += took_s

    def collect(self) -> Iterator[Metric]:
        """Give all counts to Prometheus."""
        for name, text, value in (
            ("blocks", "Blocks committed, each once", self.blocks),
            ("duplicate_blocks", "Blocks that came again", self.duplicates),
            ("samples", "Samples in committed blocks", self.samples),
            ("block_bytes", "Bytes of committed blocks as received", self.size_bytes),
            ("schemas", "Schemas received", self.schemas),
            ("gaps", "Gap records received", self.gaps),
            ("ledger_statements", "Ledger statements received", self.statements),
            ("papers", "Papers received", self.papers),
            ("refused", "Messages whose sender was not believed", self.refused),
            ("over_quota", "Messages not taken because their gateway sends more than its share", self.over_quota),
            ("failed_commits", "Commits that the disk did not take, unacknowledged", self.failed_commits),
            ("mqtt_sessions", "Sessions with the broker begun", self.mqtt_sessions),
        ):
            yield CounterMetricFamily(f"isolane_center_{name}", text, value=value)
        poison = CounterMetricFamily("isolane_center_poison", "Messages set aside because unreadable", labels=["kind"])
        for kind, count in self.poison.items():
            poison.add_metric([kind], count)
        yield poison
        connected = self.mqtt_connected
        yield GaugeMetricFamily("isolane_center_mqtt_connected", "1 while subscribed at the broker", connected)
        lag_s = max(0.0, time.time() - self.newest_row_ms / 1000) if self.newest_row_ms else float("nan")
        yield GaugeMetricFamily("isolane_center_ingest_lag_seconds", "Age of the newest row committed", lag_s)
        yield self._histogram()

    def _histogram(self) -> Metric:
        family = HistogramMetricFamily("isolane_center_commit_seconds", "From taking a batch to its being durable")
        total, buckets = 0, []
        for bound, count in zip((*map(str, _BOUNDS_S), "+Inf"), self._latency, strict=True):
            total += count
            buckets.append((bound, float(total)))
        family.add_metric([], buckets, self._latency_sum_s)
        return family
