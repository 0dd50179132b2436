"""This file runs a gateway's pipeline and gives it signed commands; it guards that each verb reaches its own stage."""

import asyncio
import base64
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from isolane import __version__
from isolane.config.site import Site
from isolane.config.values import Address
from isolane.core.clock import NS_PER_S, SystemClock
from isolane.core.failures import IsolaneError
from isolane.core.rungs import Rung
from isolane.health.commands.settings import CommandSettings
from isolane.health.commands.verbs.settings import DisruptiveSettings, UploadDoor, UploadSettings, VerbSettings
from isolane.health.outbox.outbox import Outbox
from isolane.health.outbox.settings import OutboxSettings
from isolane.health.pipeline import Pipeline
from isolane.health.recorder.settings import RecorderSettings
from isolane.health.sampling.settings import SamplingSettings
from isolane.health.settings import HealthSettings
from isolane.health.sources.host.settings import HostSettings
from isolane.health.sources.modbus.settings import DeviceSettings, ModbusSettings
from isolane.security.envelope import COMMAND, RECEIPT, STATEMENT, parse, seal
from isolane.wire.command import Approval, Command, Request, Statement, read, write
from isolane.wire.errand import Down, decode_stated
from isolane.wire.paper import decode_paper
from isolane.wire.receipt import BYTES_MAX, KIND, Receipt
from isolane.wire.tap_event import Connected, Packet, StatusChanged
from isolane.wire.uplink import Up
from isolane.wire.verbs.catalogue import VERBS
from support.commanded import People
from support.modbus_peer import ModbusPeer, good
from support.outboxes import GATEWAY, SITE, TAG, until
from support.signers import manifest, signed

TEMPLATE = """
maker = "Test"
model = "One point"
points = [{ key = "EVSE/DCVoltage", address = 0, type = "u16", unit = "V", scale = 0.1, resolution = 0.1 }]
[source]
title = "None"
url = "none"
"""
KEY = "1.0/EVSE/DCVoltage"


class Gateway:
    """A pipeline that runs, and people who command it.

    Args:
        folder: Its own.
        peer: The one device.
        clock: Both clocks.
        windows: When somebody may be disturbed.
    """

    def __init__(
        self, folder: Path, peer: ModbusPeer, clock: SystemClock | None = None, windows: tuple[str, ...] = ()
    ) -> None:
        self.folder, self.people, now = folder, People(folder), int(time.time())
        known = manifest(1, self.people.known, issued=now, expires=now + 86_400)
        (folder / "keys.jws").write_bytes(signed(known, self.people.roots))
        private = Ed25519PrivateKey.generate()
        (folder / "gw.pem").write_bytes(
            private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
        )
        (folder / "one.toml").write_text(TEMPLATE, encoding="utf-8")
        device = DeviceSettings(charger="CP1", evse=1, template_file=folder / "one.toml")
        self.outbox = OutboxSettings(path=folder / "o.db")
        self.settings = HealthSettings(
            sampling=SamplingSettings(step_ms=100),
            outbox=self.outbox,
            recorder=RecorderSettings(),
            sources=(
                HostSettings(period_s=0.1),
                ModbusSettings(name="meter", address=peer.address, devices=(device,), fast_s=0.1),
            ),
            commands=CommandSettings(
                key=folder / "gw.pem",
                manifest=folder / "keys.jws",
                verbs=VerbSettings(disruptive=DisruptiveSettings(windows=windows)),
            ),
        )
        self.pipeline = Pipeline(self.site, self.settings, clock or SystemClock())
        self.stop = asyncio.Event()
        self.seq = self._stated = 0

    @property
    def site(self) -> Site:
        return Site(name=SITE, gateway=GATEWAY, run_dir=self.folder)

    async def send(self, verb: str, **args: object) -> Command:
        """Have people sign a command, and bring it."""
        assert self.pipeline.errands is not None
        _, stated = await self.pipeline.errands.newest(0)
        told = _said(stated)
        self.seq, now, declared = self.seq + 1, int(time.time()), VERBS[verb]
        command = Command(
            v=1,
            jti=base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode(),
            iss="center",
            aud=GATEWAY,
            verb=verb,
            args=args,
            pre=declared.pre(args),
            req=Request(sub="ann", role="operator", ticket="T", reason="r"),
            appr=Approval(kind=declared.kind, need=declared.need),
            iat=now,
            nbf=now,
            exp=now + 300,
            boot=told.boot,
            chal=told.chal,
            seq=self.seq,
            keys_ver=1,
        )
        signers = [each.signer for each in (self.people.ann, self.people.bob)[: declared.need]]
        self.pipeline.errands.take(Down.COMMAND, seal(write(command), signers, COMMAND))
        return command

    async def do(self, verb: str, **args: object) -> Receipt:
        """Send a command and give its last receipt."""
        command = await self.send(verb, **args)
        found: list[Receipt] = []

        async def ended() -> bool:
            found[:] = [each for each in await receipts(self.pipeline.outbox) if each.jti == command.jti]
            return bool(found) and found[-1].state != "accepted"

        async with asyncio.timeout(60):
            while not await ended():
                await asyncio.sleep(0.02)
        return found[-1]


async def receipts(outbox: Outbox) -> list[Receipt]:
    """Give the receipts that wait in an outbox, in their order."""
    picked = await outbox.pick("test", frozenset(), frozenset(), 9999, newest_first=False)
    papers = sorted((each.key, decode_paper(each.data, TAG)) for each in picked if each.kind is Up.PAPER)
    return [read(parse(paper.body, RECEIPT, BYTES_MAX).payload, Receipt) for _, paper in papers if paper.kind == KIND]


@asynccontextmanager
async def running(
    folder: Path, peer: ModbusPeer, clock: SystemClock | None = None, windows: tuple[str, ...] = ()
) -> AsyncIterator[Gateway]:
    gateway = Gateway(folder, peer, clock, windows)
    await gateway.pipeline.outbox.open()
    run = asyncio.create_task(gateway.pipeline.run(gateway.stop))
    try:
        yield gateway
        gateway.stop.set()
        async with asyncio.timeout(60):
            await run
    finally:
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)


@pytest.fixture
async def peer() -> AsyncIterator[ModbusPeer]:
    found = ModbusPeer(good)
    await found.start()
    yield found
    await found.stop()


async def test_each_verb_reaches_its_own_stage(tmp_path: Path, peer: ModbusPeer) -> None:
    async with running(tmp_path, peer) as gateway:
        assert (await gateway.do("status")).result["release"] == __version__
        read_now = await gateway.do("registers.read", source="meter", charger="CP1", signals=[KEY])
        (reading,) = msgspec.convert(read_now.result["readings"], list[dict[str, object]])
        assert (reading["value"], reading["unit"], reading["quality"]) == (pytest.approx(230.1), "V", "GOOD")
        before = peer.connections
        assert (await gateway.do("source.restart", source="meter")).result == {"restarts": 1}
        await until(lambda: peer.connections > before)
        assert (await gateway.do("source.restart", source="other")).reason == "verb"
        assert (await gateway.do("telemetry.set_rate", rate="full", for_s=60)).result["for_s"] == 60
        assert gateway.pipeline.rates.rung is Rung.FULL
        assert (await gateway.do("telemetry.set_rate", rate="rapid", for_s=60)).reason == "verb"
        assert (await gateway.do("telemetry.refine", from_ms=0, to_ms=1000)).result["blocks"] == 0
        assert (await gateway.do("ledger")).result["books"]
        assert gateway.pipeline.recorder is not None
        ident = (await gateway.do("snapshot.take", charger="CP1")).result["snapshot"]
        assert ident in gateway.pipeline.recorder.keeper.shelf.entries
        lines = (await gateway.do("log.tail", lines=50)).result["lines"]
        assert "snapshot-begun" in str(lines)
        for absent in ("net.ping", "charger.trigger_message"):
            args = {"target": "a"} if absent == "net.ping" else {"charger": "CP1", "message": "Heartbeat"}
            assert (await gateway.do(absent, **args)).reason == "verb"


async def test_a_restart_ends_in_order_and_its_receipt_is_there_afterwards(tmp_path: Path, peer: ModbusPeer) -> None:
    async with running(tmp_path, peer) as gateway:
        command = await gateway.send("gateway.restart")
        async with asyncio.timeout(60):
            await gateway.stop.wait()
    outbox = Outbox(gateway.outbox, TAG, SystemClock(), gateway.pipeline.schema)
    await outbox.open()
    told = [each.state for each in await receipts(outbox) if each.jti == command.jti]
    await outbox.close()
    assert told == ["accepted", "done"]


async def test_facts_of_the_tap_reach_the_interlocks(tmp_path: Path, peer: ModbusPeer) -> None:
    gateway = Gateway(tmp_path, peer)
    reach = gateway.pipeline.reach
    assert reach is not None
    now = time.monotonic_ns()
    gateway.pipeline._hear(Packet(1, 0, (Connected("CP1", now, "ocpp1.6", secure=False),)))
    gateway.pipeline._hear(Packet(1, 0, (StatusChanged("CP1", now, 1, 1, "Available"),)))
    assert reach.interlocks("charger-idle:CP1") is None, "no setting says how many EVSEs it has"
    assert reach.interlocks("charger-listed:CP1") is False
    assert reach.interlocks("under-limit") is True
    assert gateway.pipeline.commands is not None
    gateway.pipeline.commands.close()


class SetClock(SystemClock):
    by_ns = 0

    def utc_ns(self) -> int:
        return super().utc_ns() + self.by_ns


async def test_a_clock_that_was_set_is_stated_and_opens_no_window(
    tmp_path: Path, peer: ModbusPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("isolane.health.pipeline.is_synced", lambda: True)  # as of a machine whose time is spoofed
    clock = SetClock()
    async with running(tmp_path, peer, clock, ("00:00-00:00",)) as gateway:
        pipeline = gateway.pipeline
        assert pipeline.errands is not None
        assert pipeline.reach is not None
        number, stated = await pipeline.errands.newest(0)
        assert _said(stated).clock == "synced"
        assert pipeline.reach.interlocks("in-window") is True
        clock.by_ns = 3600 * NS_PER_S
        async with asyncio.timeout(60):
            _, stated = await pipeline.errands.newest(number)
        assert _said(stated).clock == "unsynced"
        assert pipeline.reach.interlocks("in-window") is None
        told = pipeline.registry.get_sample_value(
            "isolane_health_security_events_total", {"type": "setting-system-time"}
        )
        assert told == 1
        assert (await gateway.do("status")).state == "done"


def _said(stated: bytes) -> Statement:
    return read(parse(decode_stated(stated).statement.encode(), STATEMENT).payload, Statement)


async def test_doors_without_what_they_need_are_a_mistake(tmp_path: Path, peer: ModbusPeer) -> None:
    gateway = Gateway(tmp_path, peer)
    assert gateway.pipeline.commands is not None
    gateway.pipeline.commands.close()
    door = UploadDoor(way="http", address=Address("127.0.0.1", 8082))
    verbs = VerbSettings(uploads=UploadSettings(doors=(door,)))
    commands = CommandSettings(key=tmp_path / "gw.pem", manifest=tmp_path / "keys.jws", verbs=verbs)
    settings = HealthSettings(outbox=gateway.outbox, sources=(HostSettings(),), commands=commands)
    with pytest.raises(IsolaneError, match="could ask for a log"):
        Pipeline(gateway.site, settings, SystemClock())
