"""This file runs the two processes of the simulated world; it guards that running transactions end before chargers do.

At a stop signal the chargers end what runs, send what is unanswered (bounded), and only then disconnect.
"""

import asyncio
import logging
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec

from isolane.security.tls import server_context
from isolane.sim.chargers.charger import Charger
from isolane.sim.csms.central import CentralSystem, Policy
from isolane.sim.csms.ledger import Ledger
from isolane.sim.records import RecordFile, replace_file
from isolane.sim.scenario import CsmsSettings, Scenario, read_password
from isolane.sim.site import build_charger
from isolane.sim.status import chargers_status, csms_status

_LOG = logging.getLogger(__name__)
_STATUS_S = 1.0


async def run_chargers(scenario: Scenario, stop: asyncio.Event | None = None) -> None:
    """Simulate chargers until SIGTERM or SIGINT.

    Args:
        scenario: What to simulate.
        stop: Set to end it; None makes one that the signals set.

    Raises:
        IsolaneError: A port is in use, or a file cannot be read or written.
    """
    stop = _stop_signal() if stop is None else stop
    journal = RecordFile(scenario.journal_path)
    chargers = [build_charger(plan, scenario, journal) for plan in scenario.chargers]
    simulated = _Simulated()
    started: list[Charger] = []
    try:
        for charger in chargers:
            await charger.front.start()
            started.append(charger)
            _LOG.info("modbus-listening charger=%s port=%d", charger.identity, charger.front.port)
        _LOG.info("ready chargers=%d speed=%g", len(chargers), scenario.speed)
        async with asyncio.TaskGroup() as group:
            links = [group.create_task(charger.link.run()) for charger in chargers]
            pace = group.create_task(_pace(chargers, scenario, simulated))
            status = group.create_task(
                _tell(scenario.status_path, lambda: chargers_status(chargers, simulated.seconds))
            )
            await stop.wait()
            pace.cancel()
            await _drain(chargers, scenario.drain_s)
            await asyncio.gather(*(charger.link.leave() for charger in chargers))
            for task in (*links, status):
                task.cancel()
        _write_status(scenario.status_path, chargers_status(chargers, simulated.seconds))
    finally:
        for charger in started:
            await charger.front.stop()
        journal.close()
    _LOG.info("stopped unanswered=%d", sum(len(charger.outbox) for charger in chargers))


async def run_csms(settings: CsmsSettings, stop: asyncio.Event | None = None) -> None:
    """Run the CSMS until SIGTERM or SIGINT.

    Args:
        settings: See there.
        stop: Set to end it; None makes one that the signals set.

    Raises:
        IsolaneError: The port is in use, or a file cannot be read or written.
    """
    stop = _stop_signal() if stop is None else stop
    tls = None
    if settings.certificate_path is not None and settings.key_path is not None:
        tls = server_context(settings.certificate_path, settings.key_path, settings.client_ca_path)
    policy = Policy(
        chargers=frozenset(settings.chargers),
        passwords={charger: read_password(path) for charger, path in settings.password_paths.items()},
        blocked=frozenset(settings.blocked_tokens),
        heartbeat_s=settings.heartbeat_s,
        ping_s=settings.ping_s,
    )
    ledger = Ledger(settings.ledger_path)
    central = CentralSystem(ledger, policy)
    try:
        await central.start(settings.host, settings.port, tls)
        _LOG.info("ready csms=%s://%s:%d", "wss" if tls else "ws", settings.host, central.port)
        status = asyncio.create_task(_tell(settings.status_path, lambda: csms_status(central)))
        await stop.wait()
        status.cancel()
        await central.stop()
        _write_status(settings.status_path, csms_status(central))
    finally:
        ledger.close()
    _LOG.info("stopped bills=%d", len(ledger))


class _Simulated:
    """How many seconds were simulated."""

    def __init__(self) -> None:
        self.seconds = 0.0


async def _pace(chargers: list[Charger], scenario: Scenario, simulated: _Simulated) -> None:
    """Step every charger at a steady pace; after a pause of the machine it goes on, it does not catch up."""
    loop = asyncio.get_running_loop()
    step_s = scenario.step_ms / 1000
    due = loop.time()
    while True:
        for charger in chargers:
            charger.tick(step_s * scenario.speed, step_s)
        simulated.seconds += step_s * scenario.speed
        due = max(due + step_s, loop.time() - step_s)
        await asyncio.sleep(max(0.0, due - loop.time()))


async def _drain(chargers: list[Charger], limit_s: float) -> None:
    for charger in chargers:
        charger.close()
    try:
        async with asyncio.timeout(limit_s):
            for charger in chargers:
                await charger.outbox.emptied()
    except TimeoutError:
        _LOG.warning("drain-timeout unanswered=%d", sum(len(charger.outbox) for charger in chargers))


async def _tell(path: Path | None, take: Callable[[], msgspec.Struct]) -> None:
    while True:
        _write_status(path, take())
        await asyncio.sleep(_STATUS_S)


def _write_status(path: Path | None, status: msgspec.Struct) -> None:
    if path is not None:
        replace_file(path, msgspec.json.encode(status))


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
