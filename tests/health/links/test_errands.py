"""This file fills the errands of a link; it guards that a flood of commands takes nobody else's place."""

import asyncio

from isolane.health.links.errands import COMMANDS_MAX, OTHERS_MAX, Errands
from isolane.wire.errand import Down


async def test_keys_come_before_commands_and_a_flood_is_counted() -> None:
    errands = Errands()
    for number in range(1000):
        errands.take(Down.COMMAND, b"%d" % number)
    errands.take(Down.KEYS, b"keys")
    assert await errands.next() == (Down.KEYS, b"keys")
    assert await errands.next() == (Down.COMMAND, b"0")
    assert errands.counts[Down.COMMAND, "taken"] == COMMANDS_MAX
    assert errands.counts[Down.COMMAND, "flood"] == 1000 - COMMANDS_MAX
    for _ in range(OTHERS_MAX + 1):
        errands.take(Down.NOTE, b"note")
    assert errands.counts[Down.NOTE, "flood"] == 1


async def test_what_is_retained_or_too_long_is_not_taken() -> None:
    errands = Errands()
    errands.take(Down.COMMAND, b"old", retained=True)
    errands.take(Down.KEYS, bytes(1 << 20))
    errands.take(Down.COMMAND, b"new")
    assert await errands.next() == (Down.COMMAND, b"new")
    assert errands.counts == {(Down.COMMAND, "retained"): 1, (Down.KEYS, "size"): 1, (Down.COMMAND, "taken"): 1}
    family = next(iter(errands.collect()))
    assert {"kind": "cmd", "outcome": "retained"} in [sample.labels for sample in family.samples]


async def test_each_link_brings_the_newest_statement_once() -> None:
    errands = Errands()
    waiting = asyncio.ensure_future(errands.newest(0))
    await errands.state(b"first")
    assert await waiting == (1, b"first")
    await errands.state(b"second")
    await errands.state(b"third")
    assert await errands.newest(1) == (3, b"third")
    later = asyncio.ensure_future(errands.newest(3))
    await asyncio.sleep(0)
    assert not later.done()
    await errands.state(b"fourth")
    assert await later == (4, b"fourth")
