"""This file tests the loop of links to targets; it guards that what opens a block never costs it its place."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.core.signals import Signal
from isolane.health.links.catalogue import build
from isolane.health.links.port import AnyMessage, Courier, Link
from isolane.health.links.remote_write.settings import RemoteWriteSettings
from isolane.health.links.rows import acknowledged
from isolane.health.outbox.cursor import Cursor, Pace
from isolane.health.outbox.outbox import Outbox
from isolane.health.outbox.records import Draft
from isolane.wire.anchor import Anchor, is_anchor
from isolane.wire.block import Block, BlockKey, encode, read_head
from isolane.wire.schema import Schema
from isolane.wire.uplink import Up
from support.broker import Pki
from support.couriers import Errands, Letter
from support.http_target import HttpTarget
from support.metric_servers import VictoriaMetrics
from support.outboxes import GATEWAY, SITE, TAG, is_balanced, settings, until
from support.receivers import RemoteWriteReceiver
from support.shipping import at_work, ship
from support.target_rows import BAD, SCHEMA, SIGNALS, rows_draft

PACE = Pace(1, 60.0, 3600.0, newest_first=False, in_order=True)


async def made(folder: Path, schema: Schema, required: str = "main") -> Outbox:
    outbox = Outbox(settings(folder / "o.db"), TAG, SystemClock(), schema, frozenset({required}))
    await outbox.open()
    return outbox


@contextlib.asynccontextmanager
async def running(target: HttpTarget, courier: Courier[AnyMessage], *, required: bool = True) -> AsyncIterator[Link]:
    table = RemoteWriteSettings(
        name="main",
        url=f"https://localhost:{target.port}/",
        ca=target.pki.ca,
        certificate=target.pki.gateway.certificate,
        key=target.pki.gateway.key,
        required=required,
        reconnect_s_max=0.1,
    )
    first = RemoteWriteSettings(name="first", url="https://localhost/")
    *_, link = build([first, table], Site(name=SITE, gateway=GATEWAY, run_dir=Path()))
    async with at_work(link, courier):
        yield link


async def take_block(cursor: Cursor) -> None:
    """Bring one block away in a required link's name."""
    while True:
        message = await cursor.next()
        cursor.sent(message)
        if message.kind is Up.BLOCK:
            await cursor.answer(acknowledged(read_head(message.data).key))
            return


@pytest.mark.metrics
async def test_rows_written_against_anchors_come_back_value_for_value(
    victoria_metrics: VictoriaMetrics, server_pki: Pki, tmp_path: Path
) -> None:
    start_ms = time.time_ns() // 1_000_000_000 * 1000 - 600_000
    n = np.arange(70, dtype=np.int64)
    # Up, down and far, so that a difference taken for a value, or from another row, shows.
    volts = 2300 + (-1) ** n * n * n + np.where(n % 9 == 0, 2**40, 0)
    values = np.stack([np.full(70, 125), volts, 1000 + 7 * n, n])
    codes = np.zeros((4, 70), np.uint8)
    codes[1, 33:37] = BAD
    drafts = [
        Draft(SCHEMA.id, start_ms + 1000 * int(row), 1000, values[:, row : row + 1], codes[:, row : row + 1])
        for row in n
    ]
    table = RemoteWriteSettings(
        name="main", url=f"{victoria_metrics.url}/api/v1/write", ca=server_pki.ca, labels={"run": "anchors"}
    )
    counts = await ship(table, drafts, SCHEMA, tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "main.db")) as file:
        kept = [bytes(row[0]) for row in file.execute("SELECT json FROM schemas")]
    assert any(is_anchor(json) for json in kept), "no block was written against an anchor"
    assert counts.samples == 4 * 70 - 4
    expected = {start_ms + 1000 * row: int(volts[row]) / 10 for row in range(70) if not 33 <= row < 37}
    match = 'isolane_ac_voltage_volts{run="anchors"}'
    await until(lambda: victoria_metrics.samples(match) == expected, "all values")


async def test_a_backlog_of_an_earlier_schema_keeps_its_order(pki: Pki, tmp_path: Path) -> None:
    outbox = await made(tmp_path, SCHEMA)
    for number in range(4):
        await outbox.put(rows_draft(number, 1))
    cursor = outbox.cursor("main", PACE)
    await cursor.begin()
    for _ in range(2):
        # The block that says its schema, and the one whose anchor the others have.
        await take_block(cursor)
    await outbox.close()
    later = Schema.of((*SIGNALS, Signal("CP-1", "1.0/ElectricalFeed/ACCurrent[L1]", "A", 0.001)))
    outbox = await made(tmp_path, later)
    draft = rows_draft(4, 1)
    values, codes = (np.concatenate([part, part[-1:]]) for part in (draft.values, draft.codes))
    await outbox.put(Draft(later.id, draft.t0_ms, 1000, values, codes))
    receiver = RemoteWriteReceiver()
    target = HttpTarget(pki, receiver.take)
    await target.start()
    cursor = outbox.cursor("main", PACE)
    try:
        async with running(target, cursor) as link, asyncio.timeout(30):
            await outbox.until_empty()
        assert link.counts.refused == cursor.set_aside == 0
    finally:
        await target.stop()
        await outbox.close()
    assert receiver.numbers == [2, 3, 4]


async def test_a_schema_that_nobody_can_tell_is_asked_for_once(pki: Pki) -> None:
    receiver = RemoteWriteReceiver()
    target = HttpTarget(pki, receiver.take)
    await target.start()
    draft = rows_draft(1, 1)
    anchor = Anchor(SCHEMA.id, np.ascontiguousarray(rows_draft(0, 1).values[:, 0]))
    blocks = [Block(BlockKey(1, 0, n), SCHEMA.id, draft.t0_ms, 1000, draft.values, draft.codes) for n in (1, 2)]
    lost = Letter(Up.BLOCK, encode(blocks[0], TAG, anchor))
    errands = Errands([Letter(Up.SCHEMA, SCHEMA.json), lost, Letter(Up.BLOCK, encode(blocks[1], TAG))])
    try:
        async with running(target, errands) as link:
            await until(lambda: bool(errands.refused_letters), "set aside")
            await until(lambda: len(errands.sent_letters) == 2, "the rest")
            assert link.counts.refused == 1
    finally:
        await target.stop()
    assert errands.back_letters == errands.refused_letters == [lost]
    assert errands.answers[0].want == (anchor.id.hex(),)
    assert receiver.numbers == [1]


async def test_a_link_that_is_not_required_holds_nobody_up_and_goes_on_after_its_outage(
    pki: Pki, tmp_path: Path
) -> None:
    receiver = RemoteWriteReceiver()
    target = HttpTarget(pki, receiver.take)
    await target.start()
    outbox = await made(tmp_path, SCHEMA, "first")
    first, second = outbox.cursor("first", PACE), outbox.cursor("second", PACE)
    await first.begin()
    try:
        async with running(target, second, required=False) as link:
            await outbox.put(rows_draft(0))
            await until(lambda: len(receiver.numbers) == 5, "before the outage")
            await target.stop()
            for number in (1, 2, 3):
                await outbox.put(rows_draft(number))
            await until(lambda: link.counts.failures >= 2, "the outage")
            for _ in range(3):
                await take_block(first)
            assert outbox.tally.blocks_queued == 1
            await target.start()
            await until(lambda: len(receiver.numbers) >= 10, "what was still there")
            await take_block(first)
            await outbox.put(rows_draft(4))
            await until(lambda: receiver.numbers[-1] == 24, "after it")
            await take_block(first)
            assert outbox.tally.blocks_queued == 0
            lost_rows = 25 - len(set(receiver.numbers))
            await until(lambda: link.counts.samples == 4 * (25 - lost_rows), "all answered")
            missed = {("second", "brought"): (lost_rows // 5, 4 * lost_rows)}
            await until(lambda: outbox.tally.missed == missed, "what was under way is decided")
            assert is_balanced(outbox.tally)
    finally:
        await target.stop()
        await outbox.close()
    told = list(dict.fromkeys(receiver.numbers))
    assert told[:5] == list(range(5))
    assert told[-10:] == list(range(15, 25))
