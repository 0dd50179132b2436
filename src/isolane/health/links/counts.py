"""This file counts what links do and shows it to Prometheus; it guards that counting costs an addition."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from isolane.wire.uplink import Up

_EVENTS = ("sessions", "failures", "refused", "garbage", "throttled", "passed_over", "rejected", "bundles")
"""Fields of `LinkCounts`."""


@dataclass(slots=True)
class LinkCounts:
    """What one link has done since the process started."""

    connected: bool = False
    sessions: int = 0
    failures: int = 0
    """Sessions or requests that ended with an error, or did not begin."""
    refused: int = 0
    """Messages the broker or the center would not take as they are."""
    garbage: int = 0
    """Answers that were not the center's or target's own."""
    throttled: int = 0
    """Times the target asked for patience."""
    passed_over: int = 0
    """Blocks too old for the target by its link's settings."""
    rejected: int = 0
    """Values or records that a target threw away out of a message it took."""
    bundles: int = 0
    """POSTs with several messages that the center has taken."""
    samples: int = 0
    """Values that a target has taken."""
    facts: int = 0
    """Log records that a target has taken."""
    messages: dict[Up, int] = field(default_factory=lambda: dict.fromkeys(Up, 0))
    payload_bytes: dict[Up, int] = field(default_factory=lambda: dict.fromkeys(Up, 0))
    socket_sent_bytes: int = 0
    """What TCP has sent, TLS and retransmissions included, without packet headers."""
    socket_received_bytes: int = 0

    def count(self, kind: Up, size: int) -> None:
        """Count a message that was handed to the network."""
        self.messages[kind] += 1
        self.payload_bytes[kind] += size


class LinkCollector(Collector):
    """All links' counts as Prometheus families.

    Args:
        links: (name, counts) of each.
    """

    def __init__(self, links: Iterable[tuple[str, LinkCounts]]) -> None:
        self._links = tuple(links)

    def collect(self) -> Iterator[Metric]:
        """Give the families as they stand now."""
        up = GaugeMetricFamily("isolane_health_link_up", "1 while a session stands.", labels=["link"])
        events = CounterMetricFamily("isolane_health_link_events", "Sessions and trouble.", labels=["link", "event"])
        messages = CounterMetricFamily("isolane_health_messages_sent", "Messages by kind.", labels=["link", "kind"])
        sent = CounterMetricFamily(
            "isolane_health_bytes_sent", "Payload bytes handed to the network.", labels=["link", "kind"]
        )
        sockets = CounterMetricFamily(
            "isolane_health_socket_bytes",
            "Bytes TCP carried, TLS and retransmissions included.",
            labels=["link", "direction"],
        )
        values = CounterMetricFamily("isolane_health_link_samples", "Values that a target has taken.", labels=["link"])
        facts = CounterMetricFamily(
            "isolane_health_link_facts", "Log records that a target has taken.", labels=["link"]
        )
        for name, counts in self._links:
            up.add_metric([name], float(counts.connected))
            for event in _EVENTS:
                events.add_metric([name, event], getattr(counts, event))
            values.add_metric([name], counts.samples)
            facts.add_metric([name], counts.facts)
            for kind in Up:
                messages.add_metric([name, kind], counts.messages[kind])
                sent.add_metric([name, kind], counts.payload_bytes[kind])
            sockets.add_metric([name, "sent"], counts.socket_sent_bytes)
            sockets.add_metric([name, "received"], counts.socket_received_bytes)
        yield from (up, events, messages, sent, sockets, values, facts)
