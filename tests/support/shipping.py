"""This file runs one link, over one outbox until all is delivered if wanted; it guards that its end is awaited."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.health.links.catalogue import build
from isolane.health.links.counts import LinkCounts
from isolane.health.links.port import AnyMessage, Courier, Link
from isolane.health.links.settings import AnyLinkSettings
from isolane.health.outbox.cursor import Pace
from isolane.health.outbox.outbox import Outbox
from isolane.health.outbox.records import Draft
from isolane.wire.schema import Schema
from support.outboxes import GATEWAY, SITE, TAG, settings

AnyLink = TypeVar("AnyLink", bound=Link)


@asynccontextmanager
async def at_work(link: AnyLink, courier: Courier[AnyMessage]) -> AsyncIterator[AnyLink]:
    """Run a link beside a test, and wait for its end."""
    task = asyncio.create_task(link.run(courier))
    try:
        yield link
    finally:
        task.cancel()
        await asyncio.wait({task})
    assert task.cancelled()


async def ship(table: AnyLinkSettings, drafts: Sequence[Draft], schema: Schema, folder: Path) -> LinkCounts:
    """Deliver blocks over a link and give its counts."""
    outbox = Outbox(settings(folder / f"{table.name}.db"), TAG, SystemClock(), schema, frozenset({table.name}))
    await outbox.open()
    (link,) = build([table], Site(name=SITE, gateway=GATEWAY, run_dir=folder))
    for draft in drafts:
        await outbox.put(draft)
    pace = Pace(1, table.ack_timeout_s, table.ledger_s, newest_first=False, in_order=True)
    try:
        async with at_work(link, outbox.cursor(table.name, pace)), asyncio.timeout(30):
            await outbox.until_empty()
    finally:
        await outbox.close()
    return link.counts
