"""This file knocks at the CSMS as a foreign client; it guards that refusals have the right status."""

import json
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from isolane.sim.csms.central import CentralSystem, Policy
from isolane.sim.csms.ledger import Ledger

_V16, _V201 = Subprotocol("ocpp1.6"), Subprotocol("ocpp2.0.1")


async def test_unknown_charger_and_wrong_password(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    central = CentralSystem(ledger, Policy(chargers=frozenset({"A"}), passwords={"A": b"secret"}))
    await central.start("127.0.0.1", 0)
    for name, status in (("B", 404), ("A", 401), ("%2F", 404)):
        with pytest.raises(InvalidStatus) as refused:
            async with connect(f"ws://127.0.0.1:{central.port}/x/{name}", subprotocols=[_V16], proxy=None):
                pass
        assert refused.value.response.status_code == status
        assert ("WWW-Authenticate" in refused.value.response.headers) is (status == 401)
    await central.stop()
    ledger.close()


async def test_no_common_subprotocol_is_closed_after_the_handshake(central: CentralSystem) -> None:
    async with connect(f"ws://127.0.0.1:{central.port}/A", proxy=None) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1002


async def test_it_prefers_the_newer_version_and_the_newer_connection(central: CentralSystem) -> None:
    url = f"ws://127.0.0.1:{central.port}/ocpp/A"
    async with connect(url, subprotocols=[_V16, _V201], proxy=None) as old:
        assert old.subprotocol == "ocpp2.0.1"
        async with connect(url, subprotocols=[_V16], proxy=None) as new:
            with pytest.raises(ConnectionClosed):
                await old.recv()
            await new.send('[2,"1","Heartbeat",{}]')
            assert json.loads(await new.recv())[:2] == [3, "1"]
            assert central.connected == ["A"]


async def test_nonsense_is_answered_or_ignored_and_never_billed(central: CentralSystem) -> None:
    url = f"ws://127.0.0.1:{central.port}/A"
    async with connect(url, subprotocols=[_V201], proxy=None) as socket:
        await socket.send("this is not OCPP")
        await socket.send('[2,"1","FlyToTheMoon",{}]')
        assert json.loads(await socket.recv())[0] == 4
        event = {
            "eventType": "Started",
            "timestamp": "2026-01-01T00:00:00Z",
            "triggerReason": "Authorized",
            "seqNo": 0,
            "transactionInfo": {"transactionId": "tx"},
        }
        await socket.send(json.dumps([2, "2", "TransactionEvent", event]))
        assert json.loads(await socket.recv())[0] == 4
    assert len(central.ledger) == 0
