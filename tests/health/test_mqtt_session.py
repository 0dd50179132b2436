"""This file tests what is mended of the MQTT library; a real broker is in the tests of sources and links."""

import asyncio
import math

import aiomqtt
import pytest

from isolane.health.mqtt_session import MqttSession


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
