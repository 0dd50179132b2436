"""This file keeps blocks from an event loop and reads them back; it guards that nobody waits for the disk."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from isolane.health.thinning.kept import Kept
from isolane.health.thinning.metrics import KeptCollector
from isolane.health.thinning.segment import ALL, FILES, Wanted
from isolane.health.thinning.settings import KeptSettings
from support.kept_blocks import T0_MS, block, is_same, numbers
from support.outboxes import FAST, SCHEMA, TAG, ManualClock, until


def made(folder: Path, bytes_max: int = 32 << 20) -> Kept:
    kept = Kept(KeptSettings(bytes_max=bytes_max), folder, TAG, ManualClock())
    kept.learn(SCHEMA)
    kept.learn(FAST)
    return kept


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    found = made(tmp_path)
    running = asyncio.create_task(found.run())
    yield found
    running.cancel()
    await asyncio.wait({running})
    await found.close()


async def between(kept: Kept, wanted: Wanted = ALL) -> list[int]:
    return [each.key.sequence async for _, each in kept.between(wanted)]


async def test_what_was_just_handed_over_is_read_back_at_once(kept: Kept) -> None:
    for number in range(1, 6):
        kept.keep(block(number))
    kept.keep(block(6, stream=1))
    found = [(schema, each) async for schema, each in kept.between()]
    assert [schema for schema, _ in found] == [SCHEMA] * 5 + [FAST]
    assert all(is_same(each, block(n, stream=int(n == 6))) for n, (_, each) in enumerate(found, 1))
    assert await between(kept, Wanted(stream=1)) == [6]
    assert await between(kept, Wanted(T0_MS + 120_000, T0_MS + 180_000, stream=0)) == [2]


async def test_an_end_writes_what_is_left(tmp_path: Path) -> None:
    kept = made(tmp_path)
    kept.keep(block(1))
    await kept.close()
    assert numbers(tmp_path) == [1]


async def test_with_no_bytes_nothing_is_kept_and_nothing_is_left(tmp_path: Path) -> None:
    kept = made(tmp_path)
    kept.keep(block(1))
    await kept.close()
    assert numbers(tmp_path) == [1]
    kept = made(tmp_path, bytes_max=0)
    running = asyncio.create_task(kept.run())
    await until(lambda: not FILES.files(tmp_path), "what the run before has kept is removed")
    for number in range(2, 40):
        kept.keep(block(number))
    assert not await between(kept)
    assert kept.counts.blocks_behind == 0
    running.cancel()
    await asyncio.wait({running})
    await kept.close()
    assert not FILES.files(tmp_path)


async def test_a_disk_that_hangs_costs_blocks_and_nobody_waits(kept: Kept) -> None:
    disk = threading.Event()
    hung = asyncio.create_task(kept._call(disk.wait, 30))
    await asyncio.sleep(0)
    for number in range(1, 101):
        kept.keep(block(number))
    assert kept.counts.blocks_behind >= 100 - 17
    disk.set()
    await hung
    await until(kept._queue.empty)
    assert len(await between(kept)) == 100 - kept.counts.blocks_behind


async def test_who_finds_the_disk_full_is_given_room_from_any_thread(kept: Kept, tmp_path: Path) -> None:
    kept.keep(block(1))
    assert await between(kept) == [1]
    assert await asyncio.to_thread(kept.give_up, tmp_path)
    assert not FILES.files(tmp_path)
    assert not await asyncio.to_thread(kept.give_up, tmp_path)
    kept.keep(block(2))
    assert await between(kept) == [2], "a new file knows its schema"


async def test_damage_is_passed_over_and_counted(kept: Kept, tmp_path: Path) -> None:
    for number in (1, 2):
        kept.keep(block(number))
        assert len(await between(kept)) == number
    ((_, _, path),) = FILES.files(tmp_path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    kept.keep(block(3))
    assert await between(kept) == [1, 3]
    assert kept.counts.damaged_bytes > 0


async def test_the_metrics_say_what_there_is_and_what_went(kept: Kept) -> None:
    registry = CollectorRegistry()
    registry.register(KeptCollector(kept))
    assert "isolane_health_kept_oldest_seconds 0.0" in generate_latest(registry).decode()
    kept.keep(block(1))
    await between(kept)
    page = generate_latest(registry).decode()
    for line in (
        "isolane_health_kept_bytes 4096.0",
        "isolane_health_kept_oldest_seconds 1.70000006e+09",
        f"isolane_health_kept_written_bytes_total {kept.counts.written_bytes:.1f}",
        'isolane_health_kept_blocks_total{outcome="written"} 1.0',
        'isolane_health_kept_blocks_total{outcome="refused"} 0.0',
        'isolane_health_kept_lost_bytes_total{reason="disk-full"} 0.0',
    ):
        assert line in page
