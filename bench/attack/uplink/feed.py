"""This file is a gateway's health process that is told its blocks; it guards that all behind is the product.

Commands on standard input, a JSON object a line, each answered by one on standard output: `{"do": "enqueue",
"first": 1, "n": 100, "size": 500, "lane": 2}` commits blocks to the outbox and answers when the last is in,
`{"do": "encode", "n": 3, "size": 500}` only encodes, `{"do": "reconnect", "n": 40}` begins sessions, and
`{"do": "books"}` tells the books. A block is made from its number alone, so that a judge knows what must arrive.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

import aiomqtt
import numpy as np

from isolane.cli.main import log_to_stderr
from isolane.config.load import load
from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.core.signals import Signal
from isolane.health.links.mqtt.connect import connected
from isolane.health.links.mqtt.settings import MqttSettings
from isolane.health.outbox.lanes import Lane
from isolane.health.outbox.records import Draft
from isolane.health.pipeline import Pipeline
from isolane.health.settings import HealthSettings
from isolane.wire.block import BlockKey, encode
from isolane.wire.exposition import serve_metrics
from isolane.wire.schema import Schema

COLUMNS = 8
SCHEMA = Schema.of(tuple(Signal("CP-FEED", f"1.0/Feed/Value[{column}]", "V", 1.0) for column in range(COLUMNS)))
_BITS = 40
_BYTES_A_SAMPLE = 5.8
"""Of noise of so many bits, packed."""
_STEP_MS = 100
T0_MS = 1_700_000_000_000


def draft(number: int, size: int) -> Draft:
    """Make block `number` of about `size` bytes: it begins with the number and size, the rest is noise."""
    rows = max(2, int(size / _BYTES_A_SAMPLE / COLUMNS))
    values = np.random.default_rng(number).integers(0, 1 << _BITS, (COLUMNS, rows))
    values[0, 0], values[0, 1] = number, size
    t0_ms = T0_MS + number * 3_600_000
    return Draft(SCHEMA.id, t0_ms, _STEP_MS, values, np.zeros(values.shape, np.uint8))


class Feed:
    """Does what it is told, one command after the other.

    Args:
        pipeline: The product's, with an open outbox.
        settings: What it was made of.
        gateway: Its name.
    """

    def __init__(self, pipeline: Pipeline, settings: HealthSettings, gateway: str) -> None:
        self._pipeline, self._settings, self._gateway = pipeline, settings, gateway

    async def do(self, command: dict[str, Any]) -> dict[str, Any]:
        """Do one command; give what is answered."""
        if command["do"] == "enqueue":
            return await self._enqueue(command)
        if command["do"] == "encode":
            return await self._encode(int(command["n"]), int(command["size"]))
        if command["do"] == "reconnect":
            return await self._reconnect(int(command["n"]))
        return await self._books()

    async def _enqueue(self, command: dict[str, Any]) -> dict[str, Any]:
        lane, first = Lane(command.get("lane", Lane.LIVE)), int(command["first"])
        for number in range(first, first + int(command["n"])):
            await self._pipeline.outbox.put(draft(number, int(command["size"])), lane)
            if command.get("tell"):
                sys.stdout.write(f"put {number}\n")
                sys.stdout.flush()
        return {"done": int(command["n"])}

    async def _encode(self, number: int, size: int) -> dict[str, Any]:
        """Encode blocks on the outbox's thread and drop them: the C library keeps the room of the second, 7 MB."""
        for _ in range(number):
            block = draft(1, size).block(BlockKey(1, 0, 1))
            await self._pipeline.outbox._call(encode, block, bytes(4))  # noqa: SLF001 - it must be that thread's memory
        return {"encoded": number}

    async def _reconnect(self, number: int) -> dict[str, Any]:
        """Open as many sessions with the broker, one after the other, without the pauses of a link that has lost one.

        Each takes the link's own session over, which then begins again by itself.
        """
        opened = 0
        tables = [table for table in self._settings.links if isinstance(table, MqttSettings)]
        for table in tables[:1] * number:
            with contextlib.suppress(aiomqtt.MqttError):
                async with connected(table, self._gateway):
                    opened += 1
        return {"opened": opened}

    async def _books(self) -> dict[str, Any]:
        outbox = self._pipeline.outbox
        tally, entries = outbox.tally, await outbox.entries()
        return {
            "produced": tally.produced,
            "acknowledged": tally.acknowledged,
            "queued": tally.queued,
            "dropped": dict(tally.dropped),
            "blocks_queued": tally.blocks_queued,
            "gaps_queued": tally.gaps_queued,
            "quarantined": outbox.troubles.quarantined,
            "refused": outbox.troubles.write_failures,
            "in_flight": sum(cursor.in_flight for cursor in outbox.cursors),
            "set_aside": sum(cursor.set_aside for cursor in outbox.cursors),
            "entries": [[entry.epoch, entry.stream, entry.last_sequence] for entry in entries],
            "links": {
                link.name: [link.counts.connected, link.counts.sessions, link.counts.failures, link.counts.garbage]
                for link in self._pipeline.links
            },
        }


async def main(file: Path) -> None:
    """Run until SIGTERM or the end of the commands."""
    site, settings = load(file, "site", Site), load(file, "health", HealthSettings)
    pipeline = Pipeline(site, settings, SystemClock())
    server = await serve_metrics(pipeline.registry, "127.0.0.1", 0)
    await pipeline.outbox.open()
    await pipeline.outbox.learn(SCHEMA)
    stop, feed = asyncio.Event(), Feed(pipeline, settings, site.gateway)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    async def obey() -> None:
        async for line in reader:
            # Not by write(): a case lets every one of the process's fail, and is told so by this answer.
            os.writev(sys.stdout.fileno(), [json.dumps(await feed.do(json.loads(line))).encode() + b"\n"])
        stop.set()

    obeying = asyncio.create_task(obey())
    host, port = server.sockets[0].getsockname()[:2]
    logging.getLogger("bench").info("ready metrics=%s:%d", host, port)
    await pipeline.run(stop)
    obeying.cancel()
    server.close()


if __name__ == "__main__":
    log_to_stderr("info")
    asyncio.run(main(Path(sys.argv[1])))
