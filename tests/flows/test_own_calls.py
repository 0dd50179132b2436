"""This file holds own calls to their promise with peers that know nothing of isolane: the `ocpp` library's.

A charger does business with its CSMS through a relay, while somebody asks the charger questions of the gateway's own.
Both peers note every text they sent and got. What the CSMS got is what the charger sent but for the replies; what the
charger got is what the CSMS sent and the questions.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import ocpp.routing  # type: ignore[import-untyped]
import ocpp.v16  # type: ignore[import-untyped]
import ocpp.v201  # type: ignore[import-untyped]
import pytest
from ocpp.v16 import call as call_v16
from ocpp.v16 import call_result as result_v16
from ocpp.v201 import call as call_v201
from ocpp.v201 import call_result as result_v201
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from isolane.value.own_calls.audit import first_break
from isolane.wire.own_call import VERSION, Refusal, Refused, Request, Result
from isolane.wire.own_call_client import ask
from support.own_calls import ask_relay, asked, listening
from support.relay import Relay, relaying

ROUNDS = 15
ASKS_MIN = 2
NOW = "2026-01-01T00:00:00Z"
SLOW_S = 0.05


Answering = TypeVar("Answering", bound=Callable[..., Any])


def on(action: str) -> Callable[[Answering], Answering]:
    """Give the library's decorator, which has no types."""
    decorator: Callable[[Answering], Answering] = ocpp.routing.on(action)
    return decorator


class Wire:
    """A WebSocket that notes what passes, as the library's charge points take one."""

    def __init__(self, socket: ClientConnection | ServerConnection) -> None:
        self._socket = socket
        self.sent: list[str] = []
        self.got: list[str] = []

    async def send(self, text: str) -> None:
        self.sent.append(text)
        await self._socket.send(text)

    async def recv(self) -> str:
        text = str(await self._socket.recv())
        self.got.append(text)
        return text


class ChargerV16(ocpp.v16.ChargePoint):  # type: ignore[misc]
    """A charger with OCPP 1.6, which is slow to answer."""

    @on("GetConfiguration")
    async def on_get_configuration(self, **_: object) -> object:
        await asyncio.sleep(SLOW_S)
        return result_v16.GetConfiguration(
            configuration_key=[{"key": "HeartbeatInterval", "readonly": False, "value": "300"}]
        )

    @on("ClearCache")
    async def on_clear_cache(self, **_: object) -> object:
        return result_v16.ClearCache(status="Accepted")

    async def business(self) -> None:
        await self.call(call_v16.BootNotification(charge_point_model="m", charge_point_vendor="v"))
        for number in range(ROUNDS):
            started = await self.call(
                call_v16.StartTransaction(connector_id=1, id_tag="tag", meter_start=number, timestamp=NOW)
            )
            await self.call(
                call_v16.StopTransaction(meter_stop=number + 1, timestamp=NOW, transaction_id=started.transaction_id)
            )


class CsmsV16(ocpp.v16.ChargePoint):  # type: ignore[misc]
    """A CSMS with OCPP 1.6, which asks too."""

    @on("BootNotification")
    async def on_boot(self, **_: object) -> object:
        return result_v16.BootNotification(current_time=NOW, interval=300, status="Accepted")

    @on("StartTransaction")
    async def on_start(self, meter_start: int, **_: object) -> object:
        return result_v16.StartTransaction(transaction_id=meter_start, id_tag_info={"status": "Accepted"})

    @on("StopTransaction")
    async def on_stop(self, **_: object) -> object:
        return result_v16.StopTransaction()

    async def ask(self) -> None:
        await self.call(call_v16.ClearCache())


class ChargerV201(ocpp.v201.ChargePoint):  # type: ignore[misc]
    """A charger with OCPP 2.0.1, which goes on after a mere reconnect: it does not boot."""

    @on("GetVariables")
    async def on_get_variables(self, get_variable_data: list[Any], **_: object) -> object:
        await asyncio.sleep(SLOW_S)
        told = [{**each, "attribute_status": "Accepted", "attribute_value": "1"} for each in get_variable_data]
        return result_v201.GetVariables(get_variable_result=told)

    @on("ClearCache")
    async def on_clear_cache(self, **_: object) -> object:
        return result_v201.ClearCache(status="Accepted")

    async def business(self) -> None:
        for number in range(ROUNDS * 2):
            await self.call(
                call_v201.TransactionEvent(
                    event_type="Updated",
                    timestamp=NOW,
                    trigger_reason="MeterValuePeriodic",
                    seq_no=number,
                    transaction_info={"transaction_id": "t"},
                )
            )


class CsmsV201(ocpp.v201.ChargePoint):  # type: ignore[misc]
    """A CSMS with OCPP 2.0.1, which asks too."""

    @on("TransactionEvent")
    async def on_transaction(self, **_: object) -> object:
        return result_v201.TransactionEvent()

    async def ask(self) -> None:
        await self.call(call_v201.ClearCache())


VERSIONS: dict[str, tuple[Any, Any, Request]] = {
    "ocpp1.6": (ChargerV16, CsmsV16, asked("GetConfiguration", {"key": ["HeartbeatInterval"]})),
    "ocpp2.0.1": (
        ChargerV201,
        CsmsV201,
        asked(
            "GetVariables",
            {"getVariableData": [{"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}]},
        ),
    ),
}


class Site:
    """A charger, a relay and a CSMS, connected."""

    def __init__(self, relay: Relay, version: str, charger: ClientConnection, csms: ServerConnection) -> None:
        charger_type, csms_type, self.question = VERSIONS[version]
        self.relay = relay
        assert charger.response is not None
        self.extensions = charger.response.headers.get("Sec-WebSocket-Extensions")
        self.south, self.north = Wire(charger), Wire(csms)
        self.charger = charger_type("CP1", self.south, response_timeout=20)
        self.csms = csms_type("CP1", self.north, response_timeout=20)


@asynccontextmanager
async def connected(folder: Path, version: str, listen: str, value: str = "") -> AsyncIterator[Site]:
    """Connect a charger through a relay until the block ends."""
    arrived: asyncio.Queue[ServerConnection] = asyncio.Queue()

    async def take(socket: ServerConnection) -> None:
        arrived.put_nowait(socket)
        await socket.wait_closed()

    subprotocols: Any = [version]
    async with serve(take, "127.0.0.1", 0, subprotocols=subprotocols) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with (
            relaying(folder, f'url = "ws://127.0.0.1:{port}"', value=value, listen=listen) as relay,
            connect(f"ws://127.0.0.1:{relay.ports[0]}/ocpp/CP1", subprotocols=subprotocols) as charger,
            asyncio.timeout(60),
        ):
            site = Site(relay, version, charger, await arrived.get())
            reading = [asyncio.create_task(site.charger.start()), asyncio.create_task(site.csms.start())]
            yield site
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)


async def csms_asks(site: Site, done: asyncio.Event) -> int:
    """Let the CSMS ask over and over, which is answered each time."""
    count = 0
    while not done.is_set() or count < ASKS_MIN:
        await site.csms.ask()
        count += 1
        await asyncio.sleep(SLOW_S)
    return count


async def gateway_asks(site: Site, done: asyncio.Event) -> int:
    """Ask over and over; give how often that was answered."""
    answered = 0
    while not done.is_set() or answered < ASKS_MIN:
        answer = await ask_relay(site.relay, site.question)
        if isinstance(answer, Result):
            answered += 1
        else:
            assert isinstance(answer, Refused)
            assert answer.reason in {Refusal.NOT_BOOTED, Refusal.CSMS_CALL_OUTSTANDING, Refusal.BUSY}
    return answered


@pytest.mark.parametrize("version", VERSIONS)
async def test_business_goes_on_as_if_nobody_had_asked(tmp_path: Path, version: str) -> None:
    listen = listening("calls_per_min = 600\ncalls_burst = 100")
    async with connected(tmp_path, version, listen) as site:
        done = asyncio.Event()
        callers = [asyncio.create_task(csms_asks(site, done)), asyncio.create_task(gateway_asks(site, done))]
        await site.charger.business()
        done.set()
        by_csms, by_gateway = await asyncio.gather(*callers)
        assert min(by_csms, by_gateway) >= ASKS_MIN
        asked_by_csms = set(site.north.sent)
        questions = [text for text in site.south.got if text not in asked_by_csms]
        own = {json.loads(text)[1] for text in questions}
        assert {json.loads(text)[2] for text in questions} == {site.question.action}
        assert len(own) == len(questions) == by_gateway
        assert [text for text in site.south.got if text not in questions] == site.north.sent
        assert site.north.got == [text for text in site.south.sent if json.loads(text)[1] not in own]
        assert len(site.south.sent) - len(site.north.got) == by_gateway
        assert site.extensions is None
        assert await site.relay.metric('isolane_value_own_calls_total{outcome="result"}') == by_gateway
    lines = await asyncio.to_thread((tmp_path / "own-calls.jsonl").read_bytes)
    assert first_break(lines.splitlines()) is None


async def test_off_by_default_nothing_of_it_is_there(tmp_path: Path) -> None:
    listen = '[[value.listen]]\naddress = "127.0.0.1:0"\npath = "/ocpp"\n'
    async with connected(tmp_path, "ocpp1.6", listen) as site:
        await site.charger.business()
        assert (site.extensions or "").startswith("permessage-deflate")
        with pytest.raises(OSError, match="No such file"):
            await ask_relay(site.relay, site.question)
        assert not (site.relay.run_dir / "own-calls.sock").exists()
        page = await asyncio.to_thread(site.relay._page)
        assert "own_calls" not in page
    assert not (tmp_path / "own-calls.jsonl").exists()


async def test_a_charger_that_is_not_enabled_keeps_its_compression(tmp_path: Path) -> None:
    async with connected(tmp_path, "ocpp1.6", listening(charger="CP2")) as site:
        await site.charger.business()
        assert (site.extensions or "").startswith("permessage-deflate")
        assert await ask_relay(site.relay, site.question) == Refused(VERSION, Refusal.NOT_ENABLED)


async def test_of_several_workers_one_has_the_charger(tmp_path: Path) -> None:
    async with connected(tmp_path, "ocpp1.6", listening(), value="workers = 2") as site:
        await site.charger.business()
        paths = [site.relay.run_dir / f"own-calls.{number}.sock" for number in (1, 2)]
        answers = [await ask(path, site.question) for path in paths]
        assert Refused(VERSION, Refusal.NOT_CONNECTED) in answers
        assert any(isinstance(answer, Result) for answer in answers)
    assert all((tmp_path / f"own-calls.{number}.jsonl").exists() for number in (1, 2))
