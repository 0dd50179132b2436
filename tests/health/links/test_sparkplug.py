"""This file gives the Sparkplug link what an earlier run left; it guards that a host gets it in its order."""

import asyncio
from pathlib import Path

import pytest

from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.health.links.sparkplug.link import SparkplugLink
from isolane.health.links.sparkplug.settings import SparkplugSettings
from isolane.health.outbox.cursor import Pace
from isolane.health.outbox.outbox import Outbox
from isolane.wire.schema import Schema
from support import sparkplug_decoder
from support.broker import Broker, Pki, stopping
from support.outboxes import GATEWAY, SITE, TAG, settings, until
from support.sparkplug_host import SparkplugHost
from support.target_rows import SCHEMA, SIGNALS, rows_draft

PACE = Pace(1, 3600.0, 3600.0, newest_first=False, in_order=True)


async def opened(folder: Path, schema: Schema) -> Outbox:
    outbox = Outbox(settings(folder / "o.db"), TAG, SystemClock(), schema, frozenset({"sparkplug"}))
    await outbox.open()
    return outbox


@pytest.mark.broker
async def test_a_backlog_of_an_earlier_schema_keeps_its_order(tmp_path: Path, pki: Pki) -> None:
    sparkplug_decoder.install()
    outbox = await opened(tmp_path, SCHEMA)
    for number in range(4):
        await outbox.put(rows_draft(number, 1))
    # The first block names its schema itself; the others an anchor.
    await outbox.settle("sparkplug", [(outbox.epoch, 0, 1), (outbox.epoch, 0, 2)], [], [])
    await outbox.close()
    with stopping(Broker(tmp_path, pki)) as broker:
        broker.start()
        table = SparkplugSettings(
            host="127.0.0.1",
            port=broker.port,
            ca=pki.ca,
            certificate=pki.gateway.certificate,
            key=pki.gateway.key,
            reconnect_s_max=0.2,
        )
        link = SparkplugLink(table, Site(name=SITE, gateway=GATEWAY, run_dir=tmp_path), SystemClock())
        outbox = await opened(tmp_path, Schema.of(SIGNALS[1:]))
        async with SparkplugHost(pki, broker.port) as host:
            task = asyncio.create_task(link.run(outbox.cursor("sparkplug", PACE)))
            try:
                async with asyncio.timeout(30):
                    await outbox.until_empty()
                await until(lambda: host.kinds().count("DDATA") == 2, "both")
            finally:
                task.cancel()
                await asyncio.wait({task})
                await outbox.close()
    assert link.counts.refused == 0
    told = [
        metric.value
        for message in sparkplug_decoder.decode(host.messages)
        if message.kind == "DDATA"
        for metric in message.metrics
        if metric.name == SIGNALS[3].key
    ]
    assert told == [2, 3]
