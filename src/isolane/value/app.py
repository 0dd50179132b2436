"""This file is the relay's process; it guards that it starts whole or not at all and ends without cutting a frame.

Start: certificates, listeners, metrics, tap; only then `ready`. End (SIGTERM, SIGINT): no new chargers; those
connected may finish for `drain_s`; then each gets 1001 at its next frame boundary and `close_s` to answer; then the
process ends. SIGHUP renews what can be renewed (live_settings.py, key_files.py) and ends nothing.
"""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

import uvloop
from prometheus_client import CollectorRegistry, ProcessCollector

from isolane.config.site import Site
from isolane.value.access.admission import Admission
from isolane.value.door.entrance import Entrance
from isolane.value.door.listen import open_listener
from isolane.value.door.policy import Policy
from isolane.value.expiry import Expiries
from isolane.value.key_files import KeyFiles
from isolane.value.legs.assembly import sweep
from isolane.value.legs.duplicates import Duplicates
from isolane.value.live_settings import LiveSettings
from isolane.value.metrics import RelayCollector
from isolane.value.own_calls.assembly import own_calls
from isolane.value.registry import Registry
from isolane.value.security_events import SecurityEvents
from isolane.value.settings import ValueSettings
from isolane.value.tap_port import TapPort
from isolane.value.upstream.dial import Upstream
from isolane.value.upstream.metrics import DialCollector
from isolane.wire.exposition import serve_metrics

if TYPE_CHECKING:
    from isolane.value.workers.worker import Worker

_log = logging.getLogger(__name__)

_SPARE_S = 2.0
"""Beyond `close_s`, for a last flush and for the sockets to go."""


def main(site: Site, settings: ValueSettings, read: Callable[[], ValueSettings]) -> None:
    """Run the relay until it is told to stop, on uvloop, with the start-up's objects out of the collector's sight.

    Raises:
        IsolaneError: See `run`.
    """
    os.environ.setdefault("UV_USE_IO_URING", "0")  # a ring for the changes of what is watched costs more than it saves
    uvloop.run(run(site, settings, read, on_ready=settle))


async def run(
    site: Site,
    settings: ValueSettings,
    read: Callable[[], ValueSettings],
    *,
    on_ready: Callable[[], None] | None = None,
    worker: "Worker | None" = None,
) -> None:
    """Relay until SIGTERM or SIGINT; on SIGHUP read again what can be read again.

    Args:
        site: Names and the folder of the tap's socket.
        settings: The [value] table.
        read: Reads that table again.
        on_ready: Called once, just before `ready` is logged.
        worker: Which of several relays this is and what it shares with them, None for the only one.

    Raises:
        IsolaneError: A port or a certificate cannot be used.
    """
    stop, hangup = asyncio.Event(), asyncio.Event()
    for number, event in ((signal.SIGTERM, stop), (signal.SIGINT, stop), (signal.SIGHUP, hangup)):
        asyncio.get_running_loop().add_signal_handler(number, event.set)
    _raise_descriptor_limit()
    registry = Registry() if worker is None else worker.registry
    events = SecurityEvents()
    keys = KeyFiles(events)
    attempts = None if worker is None else worker.attempts(settings.access.failures_per_min)
    admission = Admission(settings, keys, registry, attempts)
    if worker is not None and admission.verification is not None:
        worker.share_passwords(admission.verification)
    expiries = Expiries(settings.certificates)
    keys.add("expiries", expiries)
    tap = TapPort(site.tap_socket, settings.tap_buffer_bytes)
    upstream = Upstream(settings.csms, settings.limits)
    keys.add("csms", upstream)
    entrance = Entrance(
        Policy(None if settings.allow is None else frozenset(settings.allow), frozenset(settings.origins)),
        upstream,
        registry,
        _duplicates(settings, registry, events) if worker is None else worker.duplicates(settings, events),
        tap,
        settings.limits,
        settings.compression == "untouched",
        events,
        admission,
        keys,
        settings.outage == "hold",
    )
    keys.add("settings", LiveSettings(settings, read, entrance, expiries))
    async with contextlib.AsyncExitStack() as stack:
        for told in (events, registry.lines, admission):
            stack.callback(told.close)
        shown = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=shown)
        shown.register(RelayCollector(registry, tap, events, expiries.left_s))
        shown.register(DialCollector(upstream))
        asking = own_calls(
            settings.own_calls, site.own_calls_socket, events, shown, 0 if worker is None else worker.number
        )
        entrance.own_calls = await stack.enter_async_context(asking)
        page = None
        if worker is None:
            page = await serve_metrics(shown, settings.metrics.host, settings.metrics.port)
            stack.callback(page.close)
        ports = await _open(settings, entrance, worker, stack)
        tap.start()
        stack.callback(tap.stop)
        stack.callback(asyncio.create_task(sweep(registry, lambda: entrance.limits)).cancel)
        if on_ready is not None:
            on_ready()
        if worker is not None:
            worker.serve(shown, hangup)
        if page is not None:
            _log.info("ready listen=%s metrics=%s", ",".join(map(_address, ports)), _address(page))
        reloading = asyncio.create_task(_reload(hangup, keys))
        await _serve(stop, stop if worker is None else worker.orphaned, ports, entrance)
        reloading.cancel()
        await _drain(entrance, registry, settings)
    _log.info("stopped")


async def _open(
    settings: ValueSettings, entrance: Entrance, worker: "Worker | None", stack: contextlib.AsyncExitStack
) -> list[asyncio.Server]:
    """Open every port for chargers."""
    ports: list[asyncio.Server] = []
    for index, listener in enumerate(settings.listen):
        ports.append(await open_listener(listener, entrance, None if worker is None else worker.ports[index]))
        stack.callback(ports[-1].close)
    return ports


def _duplicates(settings: ValueSettings, registry: Registry, events: SecurityEvents) -> Duplicates:
    return Duplicates(registry, events, settings.duplicates, settings.limits.probe_s)


async def _serve(stop: asyncio.Event, orphaned: asyncio.Event, ports: list[asyncio.Server], entrance: Entrance) -> None:
    """Take chargers in until told to stop; without a supervisor no more, and those who are connected may stay."""
    await _either(stop, orphaned)
    for port in ports:
        port.close()
    entrance.close()
    await _either(stop, entrance.registry.empty)


async def _either(one: asyncio.Event, other: asyncio.Event) -> None:
    """Wait until one of two happens."""
    waits = [asyncio.ensure_future(event.wait()) for event in (one, other)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _reload(hangup: asyncio.Event, keys: KeyFiles) -> None:
    """Read again what can be read again whenever told to, one time after the other."""
    while True:
        await hangup.wait()
        hangup.clear()
        await keys.reload()


async def _drain(entrance: Entrance, registry: Registry, settings: ValueSettings) -> None:
    """Let connections end by themselves, then end them; see the top of this file."""
    _log.info("draining connections=%d drain_s=%s", len(registry.living), settings.drain_s)
    entrance.close()
    await _until_empty(registry, settings.drain_s)
    for connection in list(registry.living.values()):
        connection.go_away()
    await _until_empty(registry, settings.limits.close_s + _SPARE_S)
    for connection in list(registry.living.values()):
        connection.end_now()
    await _until_empty(registry, _SPARE_S)


async def _until_empty(registry: Registry, wait_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(registry.empty.wait(), wait_s)


def settle() -> None:
    """Collect what the start-up left and take the rest out of every later collection."""
    gc.collect()
    gc.freeze()


def _raise_descriptor_limit() -> None:
    """Take all the descriptors that the system allows: a charger needs two."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _address(server: asyncio.Server) -> str:
    host, port = server.sockets[0].getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
