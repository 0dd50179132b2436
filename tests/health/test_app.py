"""This file runs whole health processes; it guards the ledger under kill -9 and an end that leaves nothing behind."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from support.broker import Broker, Pki, stopping
from support.centers import Brain, HttpsCenter, MqttCenter
from support.health_process import Health
from support.outboxes import accounted, until


@pytest.fixture
def brain() -> Brain:
    return Brain()


@asynccontextmanager
async def over_https(folder: Path, pki: Pki, brain: Brain, **settings: int) -> AsyncIterator[Health]:
    async with HttpsCenter(brain, pki) as center:
        made = Health(folder, pki, f'type = "https"\nurl = "https://127.0.0.1:{center.port}"\n', **settings)
        try:
            yield made
        finally:
            made.kill()


@pytest.fixture
async def health(tmp_path: Path, pki: Pki, brain: Brain) -> AsyncIterator[Health]:
    async with over_https(tmp_path, pki, brain) as made:
        yield made


async def test_killed_at_any_moment_no_number_is_missing(health: Health, brain: Brain) -> None:
    moments = random.Random(5)
    for run in range(5):
        # In every second run the center does not answer, so that what is killed has a queue.
        brain.mute = run % 2 == 1
        await health.start()
        await asyncio.sleep(moments.uniform(0.05, 0.9))
        health.kill()
        for epoch, (queued, in_gaps, last) in accounted(health.outbox).items():
            at_center = {key[2] for key in brain.blocks if key[0] == epoch}
            assert queued | in_gaps | at_center >= set(range(1, last + 1)), f"epoch {epoch}"
            assert max(queued | at_center, default=0) <= last
    brain.mute = False
    brain.ledgers.clear()
    await health.start()
    await until(
        lambda: bool(brain.ledgers) and all(not entry.queued for entry in brain.ledgers[-1].entries[1:]), "drained"
    )
    assert await health.stop() == 0
    assert all(entry.balanced for statement in brain.ledgers for entry in statement.entries)
    final = {entry.epoch: entry for statement in brain.ledgers for entry in statement.entries}
    for epoch, entry in final.items():
        numbers = {key[2] for key in brain.samples if key[0] == epoch}
        assert numbers == set(range(1, entry.last_sequence + 1))
        assert entry.acknowledged == sum(count for key, count in brain.samples.items() if key[0] == epoch)
        assert entry.queued == 0


async def test_the_processor_is_left_to_others_as_settled(tmp_path: Path, pki: Pki, brain: Brain) -> None:
    async with over_https(tmp_path, pki, brain) as health:
        table = tmp_path / "site.toml"
        text = table.read_text(encoding="utf-8").replace("[health]\n", '[health]\ncpu = "idle"\n')
        table.write_text(text, encoding="utf-8")
        health.launch()
        assert health.process is not None
        pid = health.process.pid
        await until(lambda: os.sched_getscheduler(pid) == os.SCHED_IDLE, "it stands back")


async def test_the_center_is_told_when_the_certificate_of_the_link_ends(health: Health, brain: Brain) -> None:
    await health.start()
    await until(lambda: "0.0/Controller/xCertificateLeft" in brain.signals, "it is a signal")


async def test_an_ordered_end_delivers_all_rows_and_states_the_books(health: Health, brain: Brain) -> None:
    await health.start()
    assert health.nice == 19
    await until(lambda: len(brain.samples) >= 3, "blocks")
    page = health.metrics()
    produced = page['isolane_health_samples_total{reason="",state="produced"}']
    acknowledged = page['isolane_health_samples_total{reason="",state="acknowledged"}']
    assert produced == acknowledged + page["isolane_health_samples_queued"] > 0
    assert page['isolane_health_bytes_sent_total{kind="block",link="https"}'] > 0
    assert page['isolane_health_socket_bytes_total{direction="sent",link="https"}'] > 0
    assert page['isolane_health_rows_total{outcome="taken"}'] > 0
    assert await health.stop() == 0
    (entry,) = brain.ledgers[-1].entries
    assert entry.produced == entry.acknowledged == sum(brain.samples.values())
    assert "stopped produced=" in health.text
    assert "Traceback" not in health.text


async def test_an_end_without_a_center_is_quick_and_keeps_everything(tmp_path: Path, pki: Pki, brain: Brain) -> None:
    brain.mute = True
    async with over_https(tmp_path, pki, brain, flush_s=1) as health:
        await health.start()
        await until(lambda: bool(brain.blocks), "a block")
        assert await health.stop() == 0
        ((queued, in_gaps, last),) = [found for found in accounted(health.outbox).values() if found[2]]
    assert queued == set(range(1, last + 1))
    assert not in_gaps


async def test_a_damaged_outbox_does_not_stop_the_gateway(health: Health, brain: Brain) -> None:
    health.outbox.write_bytes(b"garbage" * 1000)
    await health.start()
    await until(lambda: bool(brain.samples), "a block")
    assert health.metrics()['isolane_health_outbox_troubles_total{kind="quarantined-file"}'] == 1
    assert await health.stop() == 0
    assert "outbox-quarantined" in health.text


async def test_two_processes_on_one_outbox_are_refused_in_words(health: Health) -> None:
    await health.start()
    second = health.twin()
    try:
        second.launch()
        assert await second.ended() == 2
        assert "another process uses the outbox" in health.text
    finally:
        second.kill()


@pytest.mark.broker
async def test_over_mqtt_the_broker_may_die_and_come_back(tmp_path: Path, pki: Pki, brain: Brain) -> None:
    with stopping(Broker(tmp_path, pki)) as broker:
        broker.start()
        health = Health(tmp_path, pki, f'type = "mqtt"\nhost = "127.0.0.1"\nport = {broker.port}\n')
        try:
            async with MqttCenter(brain, pki, broker.port):
                await health.start()
                await until(lambda: len(brain.samples) >= 2, "blocks")
                broker.stop()
                await asyncio.sleep(0.3)
                broker.start()
                before = len(brain.samples)
                await until(lambda: len(brain.samples) >= before + 3, "blocks again")
                assert await health.stop() == 0
                await until(lambda: not brain.ledgers[-1].entries[0].queued, "the last statement")
        finally:
            health.kill()
    numbers = {key[2] for key in brain.samples}
    assert numbers == set(range(1, len(numbers) + 1))
    assert brain.ledgers[-1].entries[0].acknowledged == sum(brain.samples.values())
