"""This file is the far end of Channel B; it guards that messages are read and answered by the center's own code.

What comes within a moment is answered together, as a commit does; nothing is stored, which is another bench's matter.
Arguments: CA, certificate, key, then a broker's port each. A line on standard input is answered with messages, blocks,
samples and payload bytes by port, as JSON.
"""

import asyncio
import json
import os
import sys
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

import aiomqtt

from isolane.center.ingest.anchors import Anchors
from isolane.center.ingest.answer import answer, merge
from isolane.center.ingest.read import read
from isolane.center.store.port import BlockArrival, Origin, PoisonArrival
from isolane.security.tls import client_context
from isolane.wire.uplink import UP_FILTER, Downlink, down_topic, encode, read_up_topic

HOST = "127.0.0.1"
_COMMIT_S = 0.05
_PRIORITY = 15


@dataclass
class Counts:
    """What one broker has brought."""

    messages: int = 0
    blocks: int = 0
    samples: int = 0
    payload_bytes: int = 0


class Intake:
    """What came through one broker, and what is to be answered.

    Args:
        counts: Where it is counted.
    """

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._anchors = Anchors()
        self._answers: defaultdict[tuple[str, str], list[Downlink]] = defaultdict(list)

    def take(self, message: aiomqtt.Message) -> None:
        """Read a message.

        Raises:
            SystemExit: It cannot be read; then nothing here means anything.
        """
        site, gateway, kind = read_up_topic(str(message.topic))
        data = bytes(message.payload)
        self._counts.messages += 1
        self._counts.payload_bytes += len(data)
        arrival = read(Origin(site, gateway, time.time_ns() // 1_000_000), kind, data, self._anchors)
        if isinstance(arrival, BlockArrival):
            self._counts.blocks += 1
            self._counts.samples += arrival.block.samples
        elif isinstance(arrival, PoisonArrival):
            raise SystemExit(f"a {kind} that cannot be read: {arrival.reason}")
        self._answers[site, gateway].append(answer(arrival, ()))

    def due(self) -> list[tuple[str, bytes]]:
        """Give each topic with its answer."""
        merged = ((place, merge(answers)) for place, answers in self._answers.items())
        out = [(down_topic(*place), encode(one)) for place, one in merged if one.acks or one.want]
        self._answers.clear()
        return out


async def _serve(port: int, identity: tuple[Path, Path, Path], counts: Counts, up: asyncio.Event) -> None:
    context = client_context(*identity)
    client = aiomqtt.Client(HOST, port, identifier="center", protocol=aiomqtt.ProtocolVersion.V5, tls_context=context)
    async with client:
        await client.subscribe(UP_FILTER, qos=1)
        up.set()
        intake = Intake(counts)
        messages = client.messages
        async for message in messages:
            intake.take(message)
            await asyncio.sleep(_COMMIT_S)
            while len(messages):
                intake.take(await anext(messages))
            for topic, data in intake.due():
                await client.publish(topic, data, qos=1)


async def _main(identity: tuple[Path, Path, Path], ports: list[int]) -> None:
    counts = {port: Counts() for port in ports}
    ups = [asyncio.Event() for _ in ports]
    async with asyncio.TaskGroup() as tasks:
        for port, up in zip(ports, ups, strict=True):
            tasks.create_task(_serve(port, identity, counts[port], up))
        for up in ups:
            await up.wait()
        print("ready", flush=True)
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps({port: asdict(each) for port, each in counts.items()}), flush=True)


if __name__ == "__main__":
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    asyncio.run(_main((Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])), [int(port) for port in sys.argv[4:]]))
