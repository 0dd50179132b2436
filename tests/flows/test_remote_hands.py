"""This file has people reach a charger by signed commands, over a real relay, tap and audit, and real OCPP peers.

It guards that a charger is restarted only while the tap's facts of this moment say that it is idle, that it uploads its
log to the gateway alone, and that the CSMS hears nothing of it.
"""

import asyncio
import ftplib
import io
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import ocpp.routing  # type: ignore[import-untyped]
import ocpp.v16  # type: ignore[import-untyped]
import ocpp.v201  # type: ignore[import-untyped]
from ocpp.v16 import call as call_v16
from ocpp.v16 import call_result as result_v16
from ocpp.v201 import call as call_v201
from ocpp.v201 import call_result as result_v201
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from isolane.config.site import Site
from isolane.config.values import Address
from isolane.core.clock import SystemClock
from isolane.core.rungs import Rung
from isolane.health.commands.interlocks import Interlocks
from isolane.health.commands.limits import Limits
from isolane.health.commands.occupancy import Occupancy
from isolane.health.commands.own_calls import OwnCalls, Relays
from isolane.health.commands.uploads.doors import Doors, doors_of
from isolane.health.commands.uploads.quarantine import Upload
from isolane.health.commands.verbs.available import Means, available
from isolane.health.commands.verbs.settings import UploadDoor, UploadSettings
from isolane.health.commands.verbs.telemetry_refine import Refined
from isolane.health.rates import Rates
from isolane.health.recorder.recorder import Recorder
from isolane.health.sources.ocpp.hear import listen
from isolane.wire.command import Approval
from isolane.wire.snapshot_file.content import uploaded
from isolane.wire.snapshot_file.manifest import check
from isolane.wire.verbs.catalogue import VERBS
from support.black_boxes import settings as box_settings
from support.commanded import People, World
from support.outboxes import until
from support.relay import Relay, relaying
from support.tap_process import Tap

NOW = "2026-01-01T00:00:00Z"
LOG = bytes(range(256)) * 500
Answering = TypeVar("Answering", bound=Callable[..., Any])


def on(action: str) -> Callable[[Answering], Answering]:
    """Give the library's decorator, which has no types."""
    decorator: Callable[[Answering], Answering] = ocpp.routing.on(action)
    return decorator


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Wire:
    """A WebSocket as the library's charge points take one, which notes what came."""

    def __init__(self, peer: Any) -> None:  # noqa: ANN401 - a client's or a server's
        self._peer = peer
        self.got: list[Any] = []

    async def send(self, text: str) -> None:
        await self._peer.send(text)

    async def recv(self) -> str:
        text = str(await self._peer.recv())
        self.got.append(json.loads(text))
        return text


class ChargerV201(ocpp.v201.ChargePoint):  # type: ignore[misc]
    """A charger with OCPP 2.0.1 that uploads by HTTP."""

    uploads: asyncio.Task[None]

    @on("Reset")
    async def on_reset(self, **_: object) -> object:
        return result_v201.Reset(status="Accepted")

    @on("GetVariables")
    async def on_get_variables(self, get_variable_data: list[Any], **_: object) -> object:
        told = [{**each, "attribute_status": "Accepted", "attribute_value": "1"} for each in get_variable_data]
        return result_v201.GetVariables(get_variable_result=told)

    @on("GetLog")
    async def on_get_log(self, log: dict[str, Any], **_: object) -> object:
        self.uploads = asyncio.create_task(self._upload(log["remote_location"]))
        return result_v201.GetLog(status="Accepted", filename="log.gz")

    async def _upload(self, url: str) -> None:
        async with httpx.AsyncClient(timeout=20) as client:
            assert (await client.put(f"{url}log.gz", content=LOG)).status_code == 201

    async def begin(self) -> None:
        station = {"model": "m", "vendor_name": "v"}
        await self.call(call_v201.BootNotification(charging_station=station, reason="PowerUp"))
        await self.status("Available")

    async def status(self, status: str) -> None:
        await self.call(call_v201.StatusNotification(timestamp=NOW, connector_status=status, evse_id=1, connector_id=1))

    async def transaction(self, event: str) -> None:
        trigger = "Authorized" if event == "Started" else "StopAuthorized"
        await self.call(
            call_v201.TransactionEvent(
                event_type=event,
                timestamp=NOW,
                trigger_reason=trigger,
                seq_no=0,
                transaction_info={"transaction_id": "t"},
                evse={"id": 1},
            )
        )


class CsmsV201(ocpp.v201.ChargePoint):  # type: ignore[misc]
    """A CSMS with OCPP 2.0.1."""

    @on("BootNotification")
    async def on_boot(self, **_: object) -> object:
        return result_v201.BootNotification(current_time=NOW, interval=300, status="Accepted")

    @on("StatusNotification")
    async def on_status(self, **_: object) -> object:
        return result_v201.StatusNotification()

    @on("TransactionEvent")
    async def on_transaction(self, **_: object) -> object:
        return result_v201.TransactionEvent()


class ChargerV16(ocpp.v16.ChargePoint):  # type: ignore[misc]
    """A charger with OCPP 1.6 that uploads by FTP."""

    uploads: asyncio.Task[None]

    @on("GetConfiguration")
    async def on_get_configuration(self, **_: object) -> object:
        told = {"key": "HeartbeatInterval", "readonly": False, "value": "300"}
        return result_v16.GetConfiguration(configuration_key=[told])

    @on("GetDiagnostics")
    async def on_get_diagnostics(self, location: str, **_: object) -> object:
        self.uploads = asyncio.create_task(asyncio.to_thread(self._upload, location))
        return result_v16.GetDiagnostics(file_name="diag.zip")

    @staticmethod
    def _upload(location: str) -> None:
        parts = urlsplit(location)
        with ftplib.FTP(timeout=20) as client:  # noqa: S321 - what chargers speak
            client.connect(parts.hostname or "", parts.port or 0)
            client.login(parts.username or "", parts.password or "")
            client.cwd(parts.path)
            client.storbinary("STOR diag.zip", io.BytesIO(LOG))

    async def begin(self) -> None:
        await self.call(call_v16.BootNotification(charge_point_model="m", charge_point_vendor="v"))
        await self.call(call_v16.StatusNotification(connector_id=1, error_code="NoError", status="Available"))


class CsmsV16(ocpp.v16.ChargePoint):  # type: ignore[misc]
    """A CSMS with OCPP 1.6."""

    @on("BootNotification")
    async def on_boot(self, **_: object) -> object:
        return result_v16.BootNotification(current_time=NOW, interval=300, status="Accepted")

    @on("StatusNotification")
    async def on_status(self, **_: object) -> object:
        return result_v16.StatusNotification()


PEERS: dict[str, tuple[Any, Any]] = {"ocpp1.6": (ChargerV16, CsmsV16), "ocpp2.0.1": (ChargerV201, CsmsV201)}


class Gateway:
    """Verbs, interlocks and desk of a gateway, behind a tap."""

    def __init__(self, folder: Path, run_dir: Path) -> None:
        (folder / "people").mkdir()
        self.people, clock = People(folder / "people"), SystemClock()
        self.world = World(folder, self.people)
        self.occupancy = Occupancy({"CP1": 1}, clock, 60)
        limits = Limits(folder / "limits", per_hour=3, windows=(), clock=clock, is_synced=lambda: True)
        site = Site(name="s", gateway="g", run_dir=run_dir)
        self.recorder = Recorder(box_settings(), folder / "box", site, clock, (), lambda _: None)
        doors = [UploadDoor(way=way, address=Address("127.0.0.1", free_port())) for way in ("http", "ftp")]
        self.uploads = UploadSettings(doors=tuple(doors), wait_s=30)
        means = Means(
            clock=clock,
            seen=self.world.seen,
            limits=limits,
            facts=dict,
            books=self._books,
            tail=lambda _: ([], 0),
            rates=Rates(clock, lambda: Rung.FULL, lambda _: None, can_burst=False),
            refine=self._refine,
            restarts={},
            end=lambda: None,
            calls=OwnCalls(Relays(run_dir).ask, self.occupancy.ocpp),
            logs=(Doors(self.uploads, folder / "quarantine"), self._keep),
        )
        self.world.use(available(means), Interlocks(["CP1"], self.occupancy, limits))

    async def do(self, verb: str, **args: object) -> tuple[str, str, dict[str, object]]:
        """Have people sign a command and the gateway take it; give how it ended."""
        declared = VERBS[verb]
        command = self.world.command(
            verb, args=args, pre=declared.pre(args), appr=Approval(kind=declared.kind, need=declared.need)
        )
        signers = [self.people.ann, self.people.bob][: declared.need]
        await self.world.desk.receive(self.world.seal(command, *signers))
        receipt = self.world.told()[-1]
        assert receipt.jti == command.jti
        return receipt.state, receipt.reason, receipt.result

    async def log(self, result: dict[str, object]) -> bytes | None:
        """Give the log in the snapshot that a receipt names."""
        path = self.recorder.keeper.shelf.file(str(result["snapshot"]))
        return uploaded(check(await asyncio.to_thread(path.read_bytes)).anatomy)

    async def _keep(self, charger: str, upload: Upload) -> str:
        return await self.recorder.pack(charger, "charger.get_log", upload.label, upload.path)

    async def _books(self, epoch: int | None) -> dict[str, object] | None:
        return {"epoch": epoch}

    async def _refine(self, from_ms: int, to_ms: int) -> Refined:
        return Refined(from_ms, to_ms, left=False)


class Scene:
    """A charger that does business through a relay, and a gateway beside it."""

    def __init__(self, gateway: Gateway, tap: Tap, relay: Relay) -> None:
        self.gateway, self.tap, self.relay = gateway, tap, relay
        self.charger: Any = None
        self.south: Wire
        self.north: Wire

    async def until_idle(self, *, expected: bool | None) -> None:
        await until(lambda: self.gateway.occupancy.is_idle("CP1") is expected)


@asynccontextmanager
async def scene(folder: Path, version: str) -> AsyncIterator[Scene]:
    """Play until the block ends."""
    tap = Tap(folder)
    gateway = Gateway(folder, tap.run_dir)
    await asyncio.to_thread(gateway.recorder.keeper.open)
    arrived: asyncio.Queue[ServerConnection] = asyncio.Queue()

    async def take(peer: ServerConnection) -> None:
        arrived.put_nowait(peer)
        await peer.wait_closed()

    allowed = ["GetVariables", "TriggerMessage", "GetLog", "Reset"]
    own_calls = (
        '[[value.listen]]\naddress = "127.0.0.1:0"\npath = "/ocpp"\n[value.own_calls]\nenabled_for = ["CP1"]\n'
        f'audit = "own-calls.jsonl"\nactions_v2 = {allowed}\nupload_to = {list(doors_of(gateway.uploads))}\n'
    )
    hearing = asyncio.create_task(listen(tap.run_dir / "events.sock", gateway.occupancy.hear))
    await asyncio.to_thread(tap.start)
    subprotocols: Any = [version]
    tasks: list[asyncio.Task[Any]] = [hearing]
    try:
        async with serve(take, "127.0.0.1", 0, subprotocols=subprotocols) as server:
            csms = f'url = "ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"'
            async with (
                asyncio.timeout(120),
                relaying(folder, csms, listen=own_calls) as relay,
                connect(f"ws://127.0.0.1:{relay.ports[0]}/ocpp/CP1", subprotocols=subprotocols) as peer,
            ):
                found = Scene(gateway, tap, relay)
                found.south, found.north = Wire(peer), Wire(await arrived.get())
                charger, business = PEERS[version]
                found.charger = charger("CP1", found.south, response_timeout=20)
                tasks += [asyncio.create_task(each.start()) for each in (found.charger, business("CP1", found.north))]
                await found.charger.begin()
                await found.until_idle(expected=True)
                yield found
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if tap.process is not None and tap.process.poll() is None:
            await asyncio.to_thread(tap.stop)
        await gateway.recorder.close()
        gateway.world.close()


def asked(scene: Scene) -> list[str]:
    """Give what the charger was asked."""
    return [message[2] for message in scene.south.got if message[0] == 2]


async def test_an_idle_charger_is_restarted_by_two_people_and_a_busy_or_unknown_one_is_not(tmp_path: Path) -> None:
    async with scene(tmp_path, "ocpp2.0.1") as now:
        gateway = now.gateway
        await now.charger.transaction("Started")
        await now.until_idle(expected=False)
        assert (await gateway.do("charger.reset", charger="CP1"))[:2] == ("refused", "interlock")
        await now.charger.transaction("Ended")
        await now.until_idle(expected=True)
        assert asked(now) == []
        assert await gateway.do("charger.reset", charger="CP1") == ("done", "", {"status": "Accepted"})
        (reset,) = [message for message in now.south.got if message[0] == 2]
        assert reset[2:] == ["Reset", {"type": "OnIdle"}]
        assert (await gateway.do("charger.reset", charger="CP2"))[:2] == ("refused", "interlock")
        await asyncio.to_thread(now.tap.stop)
        await now.until_idle(expected=None)
        assert (await gateway.do("charger.reset", charger="CP1"))[:2] == ("refused", "interlock")
        assert asked(now) == ["Reset"]
        assert {message[0] for message in now.north.got} == {2}, "the CSMS hears of no answer that it has not asked for"


async def test_a_charger_with_ocpp_2_is_read_and_leaves_its_log(tmp_path: Path) -> None:
    async with scene(tmp_path, "ocpp2.0.1") as now:
        variable = {"component": "OCPPCommCtrlr", "variable": "HeartbeatInterval"}
        state, _, result = await now.gateway.do("charger.get_variables", charger="CP1", variables=[variable])
        assert (state, result["answer"]["getVariableResult"][0]["attributeValue"]) == ("done", "1")  # type: ignore[index]
        state, reason, result = await now.gateway.do("charger.get_log", charger="CP1", log="diagnostics")
        assert (state, reason, result["size"], result["name"]) == ("done", "", len(LOG), "log.gz")
        assert await now.gateway.log(result) == LOG
        await now.charger.uploads
        assert now.gateway.world.told()[-1].checkpoint == ""
        assert not await asyncio.to_thread(lambda: list((tmp_path / "quarantine").iterdir()))


async def test_a_charger_with_ocpp_1_6_is_read_and_leaves_its_diagnostics_but_is_not_restarted(tmp_path: Path) -> None:
    async with scene(tmp_path, "ocpp1.6") as now:
        state, _, result = await now.gateway.do("charger.get_configuration", charger="CP1")
        assert state == "done"
        assert result["answer"]["configurationKey"][0]["value"] == "300"  # type: ignore[index]
        state, reason, result = await now.gateway.do("charger.get_log", charger="CP1", by="ftp", from_ms=1000)
        assert (state, reason, result["size"], result["name"]) == ("done", "", len(LOG), "diag.zip")
        assert await now.gateway.log(result) == LOG
        await now.charger.uploads
        assert (await now.gateway.do("charger.reset", charger="CP1"))[:2] == ("failed", "verb")
        assert asked(now) == ["GetConfiguration", "GetDiagnostics"]
