"""This file checks the queue of messages; it guards that what bills are made of is sent in order and not forgotten."""

import asyncio

from isolane.sim.chargers.outbox import READINGS_MAX, Outbox, Outgoing
from support.patience import PATIENCE_S


def message(action: str, *, durable: bool = True, reading: bool = False) -> Outgoing:
    return Outgoing(action, dict, durable=durable, reading=reading)


async def test_plain_messages_go_first_and_durable_ones_stay() -> None:
    outbox, lost = Outbox(), []
    outbox.put(message("Start"))
    outbox.put(message("Stop"))
    status = message("Status", durable=False)
    status.lost = lambda: lost.append("Status")
    outbox.put(status)
    assert await outbox.next(1) is status
    outbox.forget_plain()
    assert lost == ["Status"]
    first = await outbox.next(1)
    assert first is not None
    assert first is await outbox.next(1)
    outbox.remove(first)
    second = await outbox.next(1)
    assert second is not None
    assert [first.action, second.action] == ["Start", "Stop"]
    assert len(outbox) == 1
    outbox.remove(second)
    await asyncio.wait_for(outbox.emptied(), PATIENCE_S)
    assert await outbox.next(0.01) is None


async def test_it_wakes_up_for_a_new_message() -> None:
    outbox = Outbox()
    waiting = asyncio.create_task(outbox.next(5))
    await asyncio.sleep(0)
    outbox.put(message("Late"))
    found = await waiting
    assert found is not None
    assert found.action == "Late"


async def test_a_full_queue_drops_readings_and_nothing_else() -> None:
    outbox = Outbox()
    for _ in range(READINGS_MAX + 5):
        outbox.put(message("MeterValues", reading=True))
    outbox.put(message("Stop"))
    assert outbox.readings_dropped == 5
    assert len(outbox) == READINGS_MAX + 1
