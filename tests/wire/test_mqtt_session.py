"""This file tests what is mended of the MQTT library; a real broker is in the tests of sources and links."""

import asyncio
import gc
import math
from typing import Any

import aiomqtt
import pytest

from isolane.wire.mqtt_session import MqttSession, held
from support.outboxes import until
from support.stream_server import StreamServer


@pytest.mark.parametrize("turns", range(4))
async def test_a_cancellation_that_meets_the_answer_is_not_lost(turns: int) -> None:
    session = MqttSession("127.0.0.1", 1)
    answered = asyncio.Event()

    async def goes_on() -> None:
        await session._wait_for(answered.wait(), 10)
        await asyncio.Event().wait()

    going = asyncio.create_task(goes_on())
    for _ in range(3):
        await asyncio.sleep(0)
    answered.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    going.cancel()
    ended, _ = await asyncio.wait({going}, timeout=10)
    assert ended
    assert going.cancelled()


async def test_what_is_not_answered_in_time_is_an_error_of_the_session() -> None:
    session = MqttSession("127.0.0.1", 1, timeout=0.01)
    with pytest.raises(aiomqtt.MqttError, match="timed out"):
        await session._wait_for(asyncio.Event().wait(), None)


async def test_who_waits_for_ever_is_answered() -> None:
    answered = asyncio.Event()
    answered.set()
    assert await MqttSession("127.0.0.1", 1)._wait_for(answered.wait(), math.inf)


class Greeter(StreamServer):
    """A broker that takes a session and ends it when told."""

    def __init__(self) -> None:
        super().__init__()
        self.end = asyncio.Event()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(b"\x20\x02\x00\x00")
        await writer.drain()
        await self.end.wait()


async def test_the_end_of_a_session_at_which_nobody_looked_is_not_reported() -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    broker = Greeter()
    await broker.start()
    session = MqttSession("127.0.0.1", broker.port)
    try:
        async with held(session):
            broker.end.set()
            await until(session._disconnected.done)
    finally:
        await broker.stop()
    del session
    for _ in range(5):  # the loop holds on to it for a few turns
        await asyncio.sleep(0)
        gc.collect()
    assert reported == []
