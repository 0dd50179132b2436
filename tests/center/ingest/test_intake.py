"""This file tests the one door to the store; it guards that an answer is never earlier than its commit."""

import asyncio
import logging
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from isolane.center.ingest.counters import IngestCounters
from isolane.center.ingest.intake import Intake
from isolane.center.ingest.settings import CommitSettings
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.port import Batch, Committed, RefusedError, UnavailableError
from isolane.wire.uplink import Ack, Up, encode
from support.center_process import OpenCenter
from support.gateways import T0_MS, FakeGateway
from support.patience import PATIENCE_S


async def test_messages_are_answered_when_they_are_stored(center: OpenCenter, gateway: FakeGateway) -> None:
    schema = gateway.schema()
    block = gateway.block(schema.schema, [[1], [2]])
    first = await center.intake.receive("depot", "gw-1", Up.BLOCK, block.data)
    assert first.downlink.acks == (Ack(T0_MS, 1, (1,)),)
    assert first.downlink.want == (schema.schema.id.hex(),)
    await center.intake.receive("depot", "gw-1", Up.SCHEMA, schema.schema.json)
    again = await center.intake.receive("depot", "gw-1", Up.BLOCK, block.data)
    assert (again.downlink.acks, again.downlink.want) == (first.downlink.acks, ())
    assert [signal.value for signal in await center.telemetry.signals("depot", "CP-1")] == [0.2, 1]
    (line,) = await center.catalogue.ledger()
    assert (line.blocks, line.duplicates) == (1, 1)


async def test_poison_is_set_aside_named_and_counted(center: OpenCenter, gateway: FakeGateway) -> None:
    data = gateway.block(gateway.schema().schema, [[1], [2]]).data
    received = await center.intake.receive("depot", "gw-1", Up.BLOCK, data[:-1] + b"?")
    assert set(received.downlink.poison) == {f"{T0_MS}/1/1"}
    assert (await center.intake.receive("depot", "gw-1", Up.GAP, b"{}")).poison
    assert [entry.kind for entry in await center.catalogue.quarantine()] == ["gap", "block"]
    registry = CollectorRegistry()
    registry.register(center.counters)
    page = generate_latest(registry).decode()
    assert 'isolane_center_poison_total{kind="block"} 1.0' in page
    assert "isolane_center_commit_seconds_count 2.0" in page


@pytest.mark.parametrize(("site", "name"), [("harbour", "gw-1"), ("De pot", "gw-3"), ("depot", "../gw")])
async def test_a_sender_who_is_not_believed_stores_nothing(
    center: OpenCenter, gateway: FakeGateway, site: str, name: str
) -> None:
    await center.intake.receive("depot", "gw-1", Up.SCHEMA, gateway.schema().schema.json)
    block = FakeGateway(site=site, name=name).block(gateway.schema().schema, [[1], [2]])
    with pytest.raises(RefusedError):
        await center.intake.receive(site, name, Up.BLOCK, block.data)
    assert await center.catalogue.ledger() == []
    assert [entry.site for entry in await center.catalogue.sites()] == ["depot"]


async def test_many_messages_share_a_commit(center: OpenCenter, gateway: FakeGateway) -> None:
    schema = gateway.schema().schema
    blocks = [gateway.block(schema, [[n], [n]], t0_ms=T0_MS + n) for n in range(200)]
    answers = await asyncio.gather(*(center.intake.receive("depot", "gw-1", Up.BLOCK, b.data) for b in blocks))
    assert [answer.downlink.acks[0].blocks for answer in answers] == [(n,) for n in range(1, 201)]
    registry = CollectorRegistry()
    registry.register(center.counters)
    commits = registry.get_sample_value("isolane_center_commit_seconds_count")
    assert commits is not None
    assert commits < 50


async def test_senders_wait_while_too_much_is_waiting(
    open_telemetry: Callable[[], EmbeddedTelemetry], open_catalogue: Callable[[], SqlCatalogue]
) -> None:
    settings = CommitSettings(window_ms=0, waiting_mb_max=2)
    intake = Intake(open_catalogue(), open_telemetry(), settings, IngestCounters())
    big = b"x" * (1 << 20)
    promises = [await intake.submit("depot", "gw-1", Up.BLOCK, big) for _ in range(2)]
    third = asyncio.create_task(intake.submit("depot", "gw-1", Up.BLOCK, big))
    done, _ = await asyncio.wait({third}, timeout=0.1)
    assert not done
    running = asyncio.create_task(intake.run())
    promises.append(await asyncio.wait_for(third, PATIENCE_S))
    assert all([(await promise).poison for promise in promises])
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


class FullDisk(EmbeddedTelemetry):
    """A store whose disk is full for a while."""

    full = True

    async def commit(self, batch: Batch) -> Committed:
        """Refuse while full."""
        if self.full:
            raise UnavailableError("the disk is full")
        return await super().commit(batch)


async def test_nothing_is_answered_while_nothing_can_be_stored(
    open_catalogue: Callable[[], SqlCatalogue],
    gateway: FakeGateway,
    open_telemetry: Callable[..., EmbeddedTelemetry],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "isolane.center.ingest.intake")
    telemetry = open_telemetry(kind=FullDisk)
    assert isinstance(telemetry, FullDisk)
    counters = IngestCounters()
    intake = Intake(open_catalogue(), telemetry, CommitSettings(window_ms=0), counters)
    running = asyncio.create_task(intake.run())
    statement = encode(gateway.statement(1, 2).statement)
    for _ in range(2):
        with pytest.raises(UnavailableError):
            await intake.receive("depot", "gw-1", Up.LEDGER, statement)
    telemetry.full = False
    assert not (await intake.receive("depot", "gw-1", Up.LEDGER, statement)).poison
    assert counters.failed_commits == 2
    assert caplog.messages == ["commit-unavailable error=the disk is full", "commit-available"]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


class FillingDisk(EmbeddedTelemetry):
    """A store that takes one commit and not the next, for once."""

    refuses: tuple[bool, ...] = (False, True)

    async def commit(self, batch: Batch) -> Committed:
        """Refuse the second."""
        refuse, *self.refuses = (*self.refuses, False)  # type: ignore[assignment]
        if refuse:
            raise UnavailableError("the disk is full")
        return await super().commit(batch)


async def test_nothing_of_a_bundle_is_answered_unless_all_of_it_is_stored(
    open_catalogue: Callable[[], SqlCatalogue],
    gateway: FakeGateway,
    open_telemetry: Callable[..., EmbeddedTelemetry],
) -> None:
    counters = IngestCounters()
    settings = CommitSettings(window_ms=0, messages_max=1)
    intake = Intake(open_catalogue(), open_telemetry(kind=FillingDisk), settings, counters)
    running = asyncio.create_task(intake.run())
    schema = gateway.schema().schema
    parts = [(Up.BLOCK, gateway.block(schema, [[number], [2]]).data) for number in (1, 2, 3)]
    with pytest.raises(UnavailableError):
        await intake.receive_all("depot", "gw-1", parts)
    assert (counters.blocks, counters.failed_commits) == (2, 1)
    received = await intake.receive_all("depot", "gw-1", parts)
    assert [one.downlink.acks[0].blocks for one in received] == [(1,), (2,), (3,)]
    assert (counters.blocks, counters.duplicates) == (3, 2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
