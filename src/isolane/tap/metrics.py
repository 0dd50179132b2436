"""This file shows the tap's counters to Prometheus; it guards that no label can hold anything from a payload.

Labels are the closed sets of `Unread` reasons and of security events; charger identities are no labels here, so the
page does not grow with the site.
"""

from collections.abc import Callable, Iterator

from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry

from isolane.tap.connections import Connections
from isolane.tap.event_port import EventPort
from isolane.tap.frame_tree import FrameTree
from isolane.tap.listen import Listener
from isolane.tap.occupancy import STATES, Occupancy
from isolane.tap.security_events import SecurityEvents
from isolane.tap.stream import Budget
from isolane.tap.tally import Tally
from isolane.wire.tap_event import SecurityKind

REASONS = ("copies-lost", "compressed", "malformed-frame", "malformed-json", "ambiguous-json", "oversize")

Family = CounterMetricFamily | GaugeMetricFamily


class TapCollector(Collector):
    """Reads the counters when the page is asked for."""

    def __init__(
        self,
        tally: Tally,
        budget: Budget,
        connections: Connections,
        listener: Listener,
        port: EventPort,
        *,
        findings: SecurityEvents,
        occupancy: Occupancy,
        frames: FrameTree | None = None,
    ) -> None:
        self._tally = tally
        self._occupancy = occupancy
        self._findings = findings
        self._unread = tally.unread
        self._counters: tuple[tuple[str, str, Callable[[], int]], ...] = (
            ("copies", "Copies received from the relay", lambda: tally.copies),
            ("copy_bytes", "Bytes of these copies, with their headers", lambda: tally.copy_bytes),
            ("copies_lost", "Copies that the relay could not hand over, as it said", lambda: tally.copies_lost),
            ("copies_bad", "Copies that are not of the tap's format", lambda: tally.copies_bad),
            ("copies_unknown", "Copies of a connection that was not opened", lambda: tally.copies_unknown),
            (
                "opens_refused",
                "Connections that are not read: too many, told twice, invalid",
                lambda: tally.opens_refused,
            ),
            ("messages", "Whole messages put together", lambda: tally.messages),
            ("facts_refused", "Fields that may not pass or have another form", lambda: tally.facts_refused),
            ("answers_unpaired", "Answers whose call was not seen", lambda: tally.answers_unpaired),
            ("calls_dropped", "Calls forgotten because too many were open", lambda: tally.calls_dropped),
            ("crashes", "Messages that met a fault of the tap's own", lambda: tally.crashes),
            ("pauses", "Rests taken to keep within the CPU share", lambda: tally.pauses),
            ("events_sent", "Events that the health process took", lambda: port.sent),
            ("events_lost", "Events dropped because the health process did not take them", lambda: port.lost),
            ("event_packets", "Packets these events were sent in", lambda: port.packets),
        )
        self._gauges: tuple[tuple[str, str, Callable[[], int]], ...] = (
            ("links", "Relay workers connected", lambda: listener.links),
            ("connections", "Connections that are read", lambda: len(connections)),
            ("held_bytes", "Bytes held of incomplete messages", lambda: budget.held_bytes),
            ("events_queued", "Events that wait for the health process", lambda: port.queued),
            ("events_connected", "1 where the health process is connected", lambda: int(port.is_connected)),
        )
        if frames is not None:
            kept = ("frame_hashes", "Hashes of messages, and gaps, that were kept", lambda: frames.entries)
            is_kept = (
                "frame_tree_open",
                "1 while hashes are kept, 0 once the disk has refused",
                lambda: frames.is_open,
            )
            self._counters, self._gauges = (*self._counters, kept), (*self._gauges, is_kept)

    def collect(self) -> Iterator[Family]:
        """Give every family with its value of now."""
        for name, text, value in self._counters:
            yield CounterMetricFamily(f"isolane_tap_{name}", text, value=value())
        for name, text, value in self._gauges:
            yield GaugeMetricFamily(f"isolane_tap_{name}", text, value=value())
        chargers = GaugeMetricFamily("isolane_tap_chargers", "Connected chargers by what goes on", labels=["state"])
        counts = self._occupancy.counts()
        for state in STATES:
            chargers.add_metric([state], counts[state])
        yield chargers
        unread = CounterMetricFamily("isolane_tap_unread", "What could not be read, by reason", labels=["reason"])
        for reason in REASONS:
            unread.add_metric([reason], self._unread[reason])
        yield unread
        security = CounterMetricFamily("isolane_tap_security_events", "What may be an attack, by type", labels=["type"])
        for kind in SecurityKind:
            security.add_metric([kind], self._findings.counts[kind])
        yield security


def registry(collector: TapCollector) -> CollectorRegistry:
    """Give a registry of its own for the tap's page."""
    own = CollectorRegistry()
    ProcessCollector(registry=own)
    own.register(collector)
    return own
