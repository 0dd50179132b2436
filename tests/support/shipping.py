"""This file runs one link over one outbox until all is delivered; it guards that the link's end is awaited."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.health.links.catalogue import build
from isolane.health.links.counts import LinkCounts
from isolane.health.links.settings import AnyLinkSettings
from isolane.health.outbox.cursor import Pace
from isolane.health.outbox.outbox import Outbox
from isolane.health.outbox.records import Draft
from isolane.wire.schema import Schema
from support.outboxes import GATEWAY, SITE, TAG, settings


async def ship(table: AnyLinkSettings, drafts: Sequence[Draft], schema: Schema, folder: Path) -> LinkCounts:
    """Deliver blocks over a link and give its counts."""
    outbox = Outbox(settings(folder / f"{table.name}.db"), TAG, SystemClock(), schema, frozenset({table.name}))
    await outbox.open()
    (link,) = build([table], Site(name=SITE, gateway=GATEWAY, run_dir=folder))
    for draft in drafts:
        await outbox.put(draft)
    pace = Pace(1, table.ack_timeout_s, table.ledger_s, newest_first=False, in_order=True)
    task = asyncio.create_task(link.run(outbox.cursor(table.name, pace)))
    try:
        async with asyncio.timeout(30):
            await outbox.until_empty()
    finally:
        task.cancel()
        await asyncio.wait({task})
        await outbox.close()
    return link.counts
