"""This file lets the CSMS give orders over a real socket; it guards that both versions obey and bill what follows."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from isolane.sim.app import run_chargers
from isolane.sim.billing import compare, metered
from isolane.sim.chargers.journal import JournalLine
from isolane.sim.csms.central import CentralSystem
from isolane.sim.peer import CallRefused
from isolane.sim.records import read_records
from isolane.sim.scenario import Scenario

WaitUntil = Callable[[Callable[[], bool]], Awaitable[None]]


@asynccontextmanager
async def idle(scenario: Scenario) -> AsyncIterator[None]:
    """Run chargers to which nobody comes by himself."""
    quiet = tuple(msgspec.structs.replace(plan, gap_s=1e9, energy_scale=5.0) for plan in scenario.chargers)
    stop = asyncio.Event()
    task = asyncio.create_task(run_chargers(msgspec.structs.replace(scenario, chargers=quiet), stop))
    try:
        yield
    finally:
        stop.set()
        await task


@pytest.mark.parametrize(
    ("kind", "start", "stop"),
    [
        ("ac22", ("RemoteStartTransaction", {"idTag": "REMOTE"}), ("RemoteStopTransaction", "transactionId")),
        (
            "dc150",
            (
                "RequestStartTransaction",
                {"idToken": {"idToken": "REMOTE", "type": "Central"}, "remoteStartId": 7},
            ),
            ("RequestStopTransaction", "transactionId"),
        ),
    ],
)
async def test_remote_start_and_stop(  # noqa: PLR0917 - fixtures and cases
    kind: str,
    start: tuple[str, dict[str, Any]],
    stop: tuple[str, str],
    central: CentralSystem,
    quick_scenario: Callable[..., Scenario],
    wait_until: WaitUntil,
) -> None:
    scenario = quick_scenario(f"ws://127.0.0.1:{central.port}/ocpp", kind)
    charger = scenario.chargers[0].id
    async with idle(scenario):
        await wait_until(lambda: bool(central.statuses))
        assert (await central.call(charger, start[0], start[1]))["status"] == "Accepted"
        await wait_until(lambda: len(central.ledger) == 1)
        bill = next(iter(central.ledger))
        assert (await central.call(charger, start[0], start[1]))["status"] == "Rejected"
        number = int(bill.transaction) if kind == "ac22" else bill.transaction
        assert (await central.call(charger, stop[0], {stop[1]: number}))["status"] == "Accepted"
        await wait_until(lambda: bill.stop_wh is not None)
        unknown = 99 if kind == "ac22" else "nobody"
        assert (await central.call(charger, stop[0], {stop[1]: unknown}))["status"] == "Rejected"
    assert compare(metered(read_records(scenario.journal_path, JournalLine)), central.ledger).exact


async def test_other_orders(
    central: CentralSystem, quick_scenario: Callable[..., Scenario], wait_until: WaitUntil
) -> None:
    scenario = quick_scenario(f"ws://127.0.0.1:{central.port}/ocpp", "ac22", "dc150")
    async with idle(scenario):
        await wait_until(lambda: len(central.statuses) == 2)
        for name in ("ac22-0", "dc150-1"):
            trigger = {"requestedMessage": "StatusNotification"}
            central.statuses.clear()
            assert (await central.call(name, "TriggerMessage", trigger))["status"] == "Accepted"
            await wait_until(lambda name=name: name in central.statuses)  # type: ignore[misc]
            firmware = {"requestedMessage": "FirmwareStatusNotification"}
            assert (await central.call(name, "TriggerMessage", firmware))["status"] == "NotImplemented"
            meter = {"requestedMessage": "MeterValues"}
            assert (await central.call(name, "TriggerMessage", meter))["status"] == "Rejected"
        settings = await central.call("ac22-0", "GetConfiguration", {"key": ["NumberOfConnectors", "Nonsense"]})
        assert settings["unknown_key"] == ["Nonsense"]
        asked = {"component": {"name": "EVSE"}, "variable": {"name": "Power"}}
        answer = await central.call("dc150-1", "GetVariables", {"getVariableData": [asked]})
        assert answer["get_variable_result"][0]["attribute_status"] == "UnknownComponent"
        with pytest.raises(CallRefused):
            await central.call("ac22-0", "GetDiagnostics", {"location": "ftp://127.0.0.1/"})


async def test_reset_ends_the_transaction_and_boots_again(
    central: CentralSystem, quick_scenario: Callable[..., Scenario], wait_until: WaitUntil
) -> None:
    scenario = quick_scenario(f"ws://127.0.0.1:{central.port}/ocpp", "dc150")
    async with idle(scenario):
        await wait_until(lambda: bool(central.statuses))
        await central.call(
            "dc150-0",
            "RequestStartTransaction",
            {"idToken": {"idToken": "REMOTE", "type": "Central"}, "remoteStartId": 7},
        )
        await wait_until(lambda: len(central.ledger) == 1)
        assert (await central.call("dc150-0", "Reset", {"type": "Immediate"}))["status"] == "Accepted"
        await wait_until(lambda: central.connects == 2 and next(iter(central.ledger)).stop_wh is not None)
    assert compare(metered(read_records(scenario.journal_path, JournalLine)), central.ledger).exact
