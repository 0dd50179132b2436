"""This file is the far end of Channel B; it guards that blocks are acknowledged as the O&M center does, and counted.

It reads each block whole and answers what came within a moment together, as a commit does. It keeps nothing: storing
is another bench's. Arguments: CA, certificate, key, then a broker's port each. An empty line on standard input is
answered with blocks, samples and bytes by port, as JSON.
"""

import asyncio
import json
import os
import sys
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

import aiomqtt

from isolane.security.tls import client_context
from isolane.wire.block import decode, gateway_tag
from isolane.wire.uplink import (
    UP_FILTER,
    VERSION,
    Ack,
    Downlink,
    Up,
    decode_gap,
    down_topic,
    encode,
    read_up_topic,
)

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


class Answers:
    """What is to be acknowledged next."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._blocks: defaultdict[tuple[str, str, int, int], list[int]] = defaultdict(list)
        self._gaps: defaultdict[tuple[str, str, int, int], list[int]] = defaultdict(list)

    def take(self, topic: str, data: bytes) -> None:
        """Note a message."""
        site, gateway, kind = read_up_topic(topic)
        self._counts.messages += 1
        self._counts.payload_bytes += len(data)
        if kind is Up.BLOCK:
            block = decode(data, gateway_tag(site, gateway))
            self._counts.blocks += 1
            self._counts.samples += block.samples
            self._blocks[site, gateway, block.key.epoch, block.key.stream].append(block.key.sequence)
        elif kind is Up.GAP:
            gap = decode_gap(data)
            self._gaps[site, gateway, gap.epoch, gap.stream].append(gap.first)

    def due(self) -> list[tuple[str, bytes]]:
        """Give each topic with its answer."""
        keys = dict.fromkeys((*self._blocks, *self._gaps))
        out = []
        for site, gateway, epoch, stream in keys:
            key = (site, gateway, epoch, stream)
            ack = Ack(epoch, stream, tuple(self._blocks.get(key, ())), tuple(self._gaps.get(key, ())))
            out.append((down_topic(site, gateway), encode(Downlink(VERSION, (ack,)))))
        self._blocks.clear()
        self._gaps.clear()
        return out


async def _serve(port: int, identity: tuple[Path, Path, Path], counts: Counts, up: asyncio.Event) -> None:
    context = client_context(*identity)
    client = aiomqtt.Client(HOST, port, identifier="center", protocol=aiomqtt.ProtocolVersion.V5, tls_context=context)
    async with client:
        await client.subscribe(UP_FILTER, qos=1)
        up.set()
        answers = Answers(counts)
        messages = client.messages
        async for message in messages:
            answers.take(str(message.topic), bytes(message.payload))
            await asyncio.sleep(_COMMIT_S)
            while len(messages):
                more = await anext(messages)
                answers.take(str(more.topic), bytes(more.payload))
            for topic, data in answers.due():
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
