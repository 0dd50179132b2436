"""This file puts the tap together and runs it; it guards that the tap opens no network socket but its metrics page.

Where it is told so, that page is a Unix socket too, and the tap needs no network at all.
"""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.tap import metrics, supervision
from isolane.tap.connections import Connections
from isolane.tap.event_port import EventPort
from isolane.tap.frame_tree import FrameTree
from isolane.tap.journal import Journal
from isolane.tap.listen import Listener
from isolane.tap.occupancy import Occupancy
from isolane.tap.pseudonym import Transactions, load_key
from isolane.tap.security_events import SecurityEvents
from isolane.tap.session import Rules
from isolane.tap.settings import TapSettings
from isolane.tap.standing import Standing
from isolane.tap.stream import Budget
from isolane.tap.tally import Tally
from isolane.tap.watch import SiteWatch
from isolane.wire.exposition import serve_metrics, serve_metrics_at
from isolane.wire.tap_event import AnyEvent

KEY_FILE = "tap-pseudonym.key"
_TELL_UNREAD_S = 1.0
_log = logging.getLogger(__name__)


async def run(site: Site, settings: TapSettings, page_socket: Path | None = None) -> None:
    """Run the tap until SIGTERM or SIGINT.

    Args:
        site: Names and the folder of the sockets.
        settings: The [tap] table.
        page_socket: Unix socket of the metrics page in place of its address, None for the address.

    Raises:
        IsolaneError: The key, the socket or the metrics port cannot be used.
    """
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(supervision.log_callback)
    key = load_key(settings.pseudonym_key, settings.key_file or site.folder_of("tap") / KEY_FILE)
    tally, budget = Tally(), Budget(settings.held_bytes_max)
    transactions, findings = Transactions(key), SecurityEvents(SystemClock())
    frames = (
        FrameTree(settings.frame_tree, site.gateway, settings.frame_tree_bytes_max, SystemClock())
        if settings.frame_tree
        else None
    )
    rules = Rules(
        transactions,
        frozenset(settings.vendor_error_codes),
        budget,
        tally,
        settings.message_bytes_max,
        settings.calls_max,
        SiteWatch(settings, findings, transactions),
        frames,
    )
    journal = Journal(settings.journal, settings.journal_bytes_max) if settings.journal else None
    port = EventPort(site.event_socket, settings.queue_events_max, Standing(settings.connections_max), journal)
    occupancy = Occupancy(settings.connections_max, SystemClock())

    def emit(event: AnyEvent) -> None:
        occupancy.note(event)
        port.put(event)

    connections = Connections(rules, emit, SystemClock(), settings.connections_max)
    listener = Listener(site.tap_socket, connections, tally, settings.cpu_share_max)
    collector = metrics.TapCollector(
        tally, budget, connections, listener, port, findings=findings, occupancy=occupancy, frames=frames
    )
    async with contextlib.AsyncExitStack() as stack:
        page = await stack.enter_async_context(_page(settings, page_socket, collector))
        if journal:
            stack.callback(journal.close)
        stack.callback(findings.close)
        if frames:
            stack.callback(frames.close)
        listener.open()
        stack.callback(listener.close)
        port.open()
        stack.callback(port.close)
        _log.info("ready copies=%s events=%s metrics=%s", site.tap_socket, site.event_socket, page or "none")
        await _until_told_to_stop(emit, tally, findings, frames)
    _log.info("stopped")


@contextlib.asynccontextmanager
async def _page(settings: TapSettings, page_socket: Path | None, collector: metrics.TapCollector) -> AsyncIterator[str]:
    if settings.metrics is None and page_socket is None:
        yield ""
        return
    shown = metrics.registry(collector)
    if page_socket is not None:
        server = await serve_metrics_at(shown, page_socket)
    elif settings.metrics is not None:
        server = await serve_metrics(shown, settings.metrics.host, settings.metrics.port)
    try:
        name = server.sockets[0].getsockname()
        yield name if isinstance(name, str) else f"{name[0]}:{name[1]}"
    finally:
        server.close()
        await server.wait_closed()


async def _until_told_to_stop(
    emit: Callable[[AnyEvent], None], tally: Tally, findings: SecurityEvents, frames: FrameTree | None
) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _TELL_UNREAD_S)
            told: list[AnyEvent] = [*tally.tell(), *findings.tell()]
            for event in told:
                emit(event)
            if frames is not None:
                frames.tell()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
