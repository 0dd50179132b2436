"""This file brings kept blocks back through a real outbox; it guards that they are whole, and behind all else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from isolane.health.outbox.outbox import Outbox
from isolane.health.refining import REFINED, Refining
from isolane.health.thinning.kept import Kept
from isolane.health.thinning.settings import KeptSettings
from isolane.wire.block import decode
from isolane.wire.uplink import Up
from support.kept_blocks import ROWS, T0_MS, block
from support.outboxes import FAST, SCHEMA, TAG, ManualClock, draft, settings


class Store:
    """What is kept, and the outbox."""

    def __init__(self, folder: Path) -> None:
        clock = ManualClock()
        self.kept = Kept(KeptSettings(), folder / "kept", TAG, clock)
        self.outbox = Outbox(settings(folder / "o.db"), TAG, clock, SCHEMA)
        for schema in (SCHEMA, FAST):
            self.kept.learn(schema)

    async def waiting(self) -> list[tuple[tuple[int, int, int], bytes]]:
        found = await self.outbox.pick("center", frozenset(), frozenset(), 1000, newest_first=True)
        return [(each.key, each.data) for each in found if each.kind is Up.BLOCK]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    found = Store(tmp_path)
    await found.outbox.open()
    running = asyncio.create_task(found.kept.run())
    yield found
    running.cancel()
    await asyncio.wait({running})
    await found.kept.close()
    await found.outbox.close()


async def test_what_was_thinned_comes_whole_behind_what_is_live(store: Store) -> None:
    for number in range(1, 6):
        store.kept.keep(block(number))
    store.kept.keep(block(1, stream=1))
    span_ms = 1000 * ROWS
    refining = Refining(store.kept, store.outbox)
    refined = await refining.refine(T0_MS + 2 * span_ms, T0_MS + 4 * span_ms)
    assert (refined.blocks, refined.samples, refined.left) == (2, 4 * ROWS, False)
    await store.outbox.put(draft(1))
    first, *behind = await store.waiting()
    assert first[0][1] == 0, "what is live goes first"
    assert [key[1] for key, _ in behind] == [REFINED] * 2
    found = sorted((decode(data) for _, data in behind), key=lambda each: each.t0_ms)
    for number, each in zip((2, 3), found, strict=True):
        kept = block(number)
        assert (each.schema, each.t0_ms, each.step_ms, each.thinned) == (kept.schema, kept.t0_ms, kept.step_ms, None)
        assert np.array_equal(each.values, kept.values)
        assert np.array_equal(each.codes, kept.codes)
    books = {entry.stream: entry for entry in await store.outbox.entries()}
    assert (books[REFINED].produced, books[REFINED].queued, books[REFINED].thinned) == (4 * ROWS, 4 * ROWS, 0)
    assert books[0].produced == draft(1).produced


async def test_a_time_of_which_nothing_is_kept_gives_nothing(store: Store) -> None:
    store.kept.keep(block(1))
    refined = await Refining(store.kept, store.outbox).refine(0, 1000)
    assert (refined.blocks, refined.samples, refined.left) == (0, 0, False)
