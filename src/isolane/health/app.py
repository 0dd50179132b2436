"""This file runs Channel B as a process.

It guards that it starts whole or not at all, and ends without losing a row.
"""

import asyncio
import contextlib
import logging
import signal

from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.health.own_certificates import with_certificates
from isolane.health.pipeline import Pipeline
from isolane.health.priority import stand_back
from isolane.health.settings import HealthSettings
from isolane.wire.exposition import serve_metrics

_LOG = logging.getLogger(__name__)


async def run(site: Site, settings: HealthSettings) -> None:
    """Run Channel B until SIGTERM or SIGINT.

    Raises:
        IsolaneError: A source, link, the outbox or the metrics port cannot be used.
    """
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    stand_back(settings.cpu, settings.nice)
    pipeline = Pipeline(site, with_certificates(settings), SystemClock())
    async with contextlib.AsyncExitStack() as stack:
        page = "none"
        if settings.metrics is not None:
            server = await serve_metrics(pipeline.registry, settings.metrics.host, settings.metrics.port)
            stack.push_async_callback(server.wait_closed)
            stack.callback(server.close)
            host, port = server.sockets[0].getsockname()[:2]
            page = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        await pipeline.outbox.open()
        _LOG.info(
            "ready metrics=%s sources=%d signals=%d links=%s epoch=%d",
            page,
            len(pipeline.sources),
            len({column for rhythm in pipeline.rhythms for column in rhythm.schema.columns}),
            ",".join(link.name for link in pipeline.links) or "none",
            pipeline.outbox.epoch,
        )
        await pipeline.run(stop)
    tally = pipeline.outbox.tally
    _LOG.info("stopped produced=%d acknowledged=%d queued=%d", tally.produced, tally.acknowledged, tally.queued)
