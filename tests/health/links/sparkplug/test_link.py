"""This file watches the Sparkplug link with an independent decoder; it guards the order within a session."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.health.links.port import Link
from isolane.health.links.sparkplug.link import SparkplugLink
from isolane.health.links.sparkplug.payload import Payload
from isolane.health.links.sparkplug.settings import SparkplugSettings
from isolane.health.outbox.cursor import Pace
from isolane.health.outbox.outbox import Outbox
from isolane.health.outbox.records import Draft
from support.broker import Broker, Pki, make_pki, stopping
from support.old_broker import OldBroker
from support.outboxes import GATEWAY, SITE, TAG, settings, until
from support.sparkplug_decoder import Told, decode
from support.sparkplug_host import SparkplugHost
from support.target_rows import BAD, SCHEMA, SIGNALS, rows_draft

pytestmark = pytest.mark.broker
VOLTAGE, STATE = SIGNALS[1].key, SIGNALS[3].key
NOW_MS = time.time_ns() // 1_000_000


@dataclass
class At:
    """A link at work."""

    outbox: Outbox
    link: Link
    task: asyncio.Task[None]

    async def put(self, *drafts: Draft) -> None:
        """Store blocks and wait until they are delivered."""
        for draft in drafts:
            await self.outbox.put(draft)
        async with asyncio.timeout(30):
            await self.outbox.until_empty()


@contextlib.asynccontextmanager
async def running(broker: Broker, pki: Pki, folder: Path, **more: Any) -> AsyncIterator[At]:  # noqa: ANN401
    table = SparkplugSettings(
        host="127.0.0.1",
        port=broker.port,
        ca=pki.ca,
        certificate=pki.gateway.certificate,
        key=pki.gateway.key,
        reconnect_s_max=0.2,
        dead_s=5,
        **more,
    )
    outbox = Outbox(settings(folder / "o.db"), TAG, SystemClock(), SCHEMA, frozenset({"sparkplug"}))
    await outbox.open()
    link = SparkplugLink(table, Site(name=SITE, gateway=GATEWAY, run_dir=folder), SystemClock())
    cursor = outbox.cursor("sparkplug", Pace(1, 3600.0, 3600.0, newest_first=False, in_order=True))
    task = asyncio.create_task(link.run(cursor))
    try:
        yield At(outbox, link, task)
    finally:
        begun = time.monotonic()
        task.cancel()
        await asyncio.wait({task}, timeout=10)
        took_s = time.monotonic() - begun
        await outbox.close()
    assert took_s < 2


@contextlib.asynccontextmanager
async def site(folder: Path, pki: Pki, **more: Any) -> AsyncIterator[tuple[At, SparkplugHost, Broker]]:  # noqa: ANN401
    with stopping(Broker(folder, pki)) as broker:
        broker.start()
        async with SparkplugHost(pki, broker.port) as host, running(broker, pki, folder, **more) as at:
            yield at, host, broker


def live(number: int, rows: int = 5) -> Draft:
    """Make a block that is younger than any session of this test."""
    return rows_draft(number, rows, t0_ms=NOW_MS + 3_600_000)


def values(told: list[Told], name: str) -> list[Any]:
    return [
        metric.value
        for message in told
        if message.kind in {"NDATA", "DDATA"}
        for metric in message.metrics
        if metric.name == name
    ]


async def test_births_come_first_and_data_follow_by_alias(tmp_path: Path, pki: Pki) -> None:
    async with site(tmp_path, pki) as (at, host, _):
        await at.put(live(0), live(1), live(2))
        await until(lambda: host.kinds().count("DDATA") == 3)
        assert at.link.counts.connected
        assert at.link.counts.samples == 60
    told = [message for message in decode(host.messages) if message.kind != "NDEATH"]
    assert [message.kind for message in told] == ["NBIRTH", "DBIRTH", "NDATA", "DDATA", "DDATA", "DDATA"]
    born = {metric.name: metric for metric in told[0].metrics}
    assert (born["bdSeq"].datatype, born["bdSeq"].value, born["bdSeq"].alias) == ("INT64", 0, None)
    rebirth = born["Node Control/Rebirth"]
    assert (rebirth.datatype, rebirth.value, rebirth.alias) == ("BOOLEAN", False, None)
    assert (born[SIGNALS[0].key].datatype, born[SIGNALS[0].key].value) == ("DOUBLE", 12.5)
    device = {metric.name: metric for metric in told[1].metrics}
    assert told[1].device == "CP-1"
    assert set(device) == {signal.key for signal in SIGNALS[1:]}
    assert device[STATE].datatype == "INT64"
    aliases = [metric.alias for message in told[:2] for metric in message.metrics if metric.alias is not None]
    assert len(set(aliases)) == len(aliases) == 4
    assert [message.seq for message in told] == list(range(len(told)))
    assert values(told, VOLTAGE) == [n / 10 for n in range(15)]
    assert values(told, STATE) == list(range(15))
    assert values(told, SIGNALS[0].key) == [12.5], "a value that did not change was reported again"
    for topic, raw in host.messages[2:6]:
        message = Payload.FromString(raw)
        times = [metric.timestamp for metric in message.metrics]
        assert times == sorted(times), topic
        assert not any(metric.HasField("name") or metric.HasField("datatype") for metric in message.metrics)
    assert not any(metric.is_historical for message in told[4:] for metric in message.metrics)
    units = {m.name: m.properties for m in Payload.FromString(host.messages[1][1]).metrics}
    assert units[VOLTAGE].keys == ["engUnit"]
    assert units[VOLTAGE].values[0].string_value == "V"
    assert [topic for topic, _ in host.messages[:6]] == [
        "spBv1.0/north/NBIRTH/gw-1",
        "spBv1.0/north/DBIRTH/gw-1/CP-1",
        "spBv1.0/north/NDATA/gw-1",
        *["spBv1.0/north/DDATA/gw-1/CP-1"] * 3,
    ]
    assert host.levels[:6] == [0] * 6
    assert not host.retained
    assert all(metric.t_ms for message in told for metric in message.metrics)


async def test_sequence_numbers_go_round_after_255(tmp_path: Path, pki: Pki) -> None:
    async with site(tmp_path, pki) as (at, host, _):
        await at.put(*(live(number, 1) for number in range(260)))
        await until(lambda: host.kinds().count("DDATA") == 260)
    numbers = [message.seq for message in decode(host.messages) if message.kind != "NDEATH"]
    assert numbers == [n % 256 for n in range(263)]


async def test_small_changes_stay_within_the_deadband_and_lost_values_are_null(tmp_path: Path, pki: Pki) -> None:
    draft = live(0, 10)
    codes = np.zeros((4, 10), np.uint8)
    codes[1, 6:8] = BAD
    async with site(tmp_path, pki, deadbands={"V": 0.25}) as (at, host, _):
        await at.put(Draft(draft.schema, draft.t0_ms, 1000, draft.values, codes))
        await until(lambda: host.kinds().count("DDATA") == 1)
    told = decode(host.messages)
    birth = next(metric.value for metric in told[1].metrics if metric.name == VOLTAGE)
    assert birth == 0.9
    assert values(told, VOLTAGE) == [0.0, 0.3, None, 0.8]


async def test_what_is_older_than_the_session_is_history_and_the_birth_has_the_newest(tmp_path: Path, pki: Pki) -> None:
    async with site(tmp_path, pki) as (at, host, _):
        await at.put(rows_draft(0), rows_draft(1), live(0))
        await until(lambda: host.kinds().count("DDATA") == 3)
    told = decode(host.messages)
    metrics = [metric for message in told[2:] for metric in message.metrics if metric.name == STATE]
    assert [(metric.value, metric.is_historical) for metric in metrics] == [
        *((n, True) for n in range(10)),
        *((n, False) for n in range(5)),
    ]
    assert [metric.t_ms for metric in metrics[:2]] == [1_700_000_000_000, 1_700_000_001_000]
    assert next(metric.value for metric in told[1].metrics if metric.name == STATE) == 4


async def test_a_death_is_told_and_the_next_session_has_the_next_number(tmp_path: Path, pki: Pki) -> None:
    with stopping(Broker(tmp_path, pki)) as broker:
        broker.start()
        async with SparkplugHost(pki, broker.port) as host:
            async with running(broker, pki, tmp_path) as at:
                await at.put(live(0))
                broker.stop()
                await until(lambda: not at.link.counts.connected, "noticed")
                for number in (1, 2):
                    await at.outbox.put(live(number))
                broker.start()
                async with asyncio.timeout(30):
                    await at.outbox.until_empty()
                await host.listening.wait()
                host.messages.clear()
                host.ask_rebirth()
                await until(lambda: "DBIRTH" in host.kinds(), "the rebirth")
                await at.put(live(3))
                await until(lambda: "DDATA" in host.kinds())
            await until(lambda: "NDEATH" in host.kinds(), "the death")
    told = decode(host.messages)
    births = [message for message in told if message.kind == "NBIRTH"]
    (death, *_) = [message for message in told if message.kind == "NDEATH"]
    assert len(death.metrics) == 1
    assert (death.metrics[0].name, death.metrics[0].datatype) == ("bdSeq", "INT64")
    assert death.seq is None
    assert death.metrics[0].value == births[-1].metrics[0].value >= 1
    assert values(told, STATE) == list(range(15, 20))
    assert [message.seq for message in births] == [0] * len(births)


async def test_a_charger_that_cannot_be_read_is_told_dead_and_born_again(tmp_path: Path, pki: Pki) -> None:
    lost = np.zeros((4, 5), np.uint8)
    lost[1:, 2:] = BAD
    gone = np.zeros((4, 5), np.uint8)
    gone[1:] = BAD
    drafts = [live(number) for number in range(4)]
    async with site(tmp_path, pki) as (at, host, _):
        await at.put(drafts[0])
        await at.put(
            *(dataclasses.replace(draft, codes=codes) for draft, codes in zip(drafts[1:3], (lost, gone), strict=True))
        )
        await until(lambda: "DDEATH" in host.kinds())
        await at.put(drafts[3])
        await until(lambda: host.kinds().count("DBIRTH") == 2)
        await until(lambda: host.kinds().count("DDATA") == 3)
    told = [message for message in decode(host.messages) if message.kind not in {"NDEATH", "NDATA"}]
    assert [message.kind for message in told] == [
        "NBIRTH",
        "DBIRTH",
        "DDATA",
        "DDATA",
        "DDEATH",
        "DBIRTH",
        "DDATA",
    ]
    assert next(metric.value for metric in told[5].metrics if metric.name == STATE) == 19
    numbers = [message.seq for message in decode(host.messages) if message.kind != "NDEATH"]
    assert numbers == list(range(len(numbers)))


async def test_a_killed_gateway_is_told_dead_by_its_will(tmp_path: Path, pki: Pki) -> None:
    async with site(tmp_path, pki) as (at, host, _):
        await at.put(live(0))
        await until(lambda: "DDATA" in host.kinds())
        # What a SIGKILL leaves undone: saying farewell.
        at.link._farewell = lambda *_: asyncio.sleep(0)  # type: ignore[attr-defined]
        at.task.cancel()
        await until(lambda: "NDEATH" in host.kinds(), "the will")
    (death, *_) = [message for message in decode(host.messages) if message.kind == "NDEATH"]
    assert death.metrics[0].value == 0
    assert death.seq is None
    assert len(death.metrics) == 1
    assert host.messages[host.kinds().index("NDEATH")][0] == "spBv1.0/north/NDEATH/gw-1"
    assert host.levels[host.kinds().index("NDEATH")] == 1
    assert not host.retained


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_session_begins_clean_and_leaves_a_will(tmp_path: Path, pki: Pki, protocol: str) -> None:
    with stopping(Broker(tmp_path, pki)) as broker:
        broker.start()
        old = OldBroker(pki, broker.port)
        await old.start()
        broker_port, broker.port = broker.port, old.port
        async with running(broker, pki, tmp_path, protocol=protocol):
            await until(lambda: bool(old.flags))
        broker.port = broker_port
        await old.stop()
    clean, will, will_qos_1, will_retain = 0x02, 0x04, 0x08, 0x20
    assert old.flags[0] & (clean | will | 0x18 | will_retain) == clean | will | will_qos_1
    # MQTT 5: receive maximum and packet size, and no session expiry (0x11), which means 0.
    if protocol == "5":
        assert (old.properties[0][0], old.properties[0][3], len(old.properties[0])) == (0x21, 0x27, 8)


async def test_a_rebirth_is_done_when_asked_and_nothing_else_is(tmp_path: Path, pki: Pki) -> None:
    async with site(tmp_path, pki) as (at, host, _):
        await at.put(live(0))
        host.command(b"\xff\xff")
        other = Payload(timestamp=1)
        other.metrics.add(name="Node Control/Reboot", datatype=11, boolean_value=True)
        host.command(other.SerializeToString())
        host.ask_rebirth()
        await until(lambda: host.kinds().count("NBIRTH") == 2)
        await at.put(live(1))
        await until(lambda: host.kinds().count("DDATA") == 2)
        assert at.link.counts.garbage == 1
    told = decode(host.messages)
    again = next(index for index, message in enumerate(told) if index and message.kind == "NBIRTH")
    assert [message.kind for message in told[again : again + 3]] == ["NBIRTH", "DBIRTH", "DDATA"]
    assert [message.seq for message in told[again : again + 3]] == [0, 1, 2]
    assert told[again].metrics[0].value == told[0].metrics[0].value == 0
    assert next(metric.value for metric in told[again + 1].metrics if metric.name == STATE) == 4
    assert values(told, STATE) == list(range(10))


async def test_nothing_is_published_while_the_primary_host_is_away(tmp_path: Path, pki: Pki) -> None:
    async with site(tmp_path, pki, primary_host="scada") as (at, host, _):
        await at.outbox.put(live(0))
        host.say_state(online=False, timestamp=5)
        await until(lambda: at.link._host._timestamp == 5, "the first state")  # type: ignore[attr-defined]
        host.say_state(online=True, timestamp=4)
        host.ask_rebirth()
        host.command(b"\xff\xff")
        await until(lambda: at.link.counts.garbage == 1, "all read")
        assert not host.messages
        assert not at.link.counts.connected
        host.say_state(online=True, timestamp=6)
        async with asyncio.timeout(30):
            await at.outbox.until_empty()
        host.say_state(online=False, timestamp=5)
        await at.put(live(1))
        assert "NDEATH" not in host.kinds(), "an old state ended the session"
        host.say_state(online=False, timestamp=7)
        await until(lambda: "NDEATH" in host.kinds(), "the death")
        await at.outbox.put(live(2))
        await until(lambda: at.link.counts.failures >= 1)
        assert host.kinds().count("DDATA") == 2
        assert at.outbox.tally.blocks_queued == 1
        host.say_state(online=True, timestamp=8)
        async with asyncio.timeout(30):
            await at.outbox.until_empty()
        await until(lambda: host.kinds().count("DDATA") == 3)
    told = decode(host.messages)
    assert values(told, STATE) == list(range(15))
    assert [m.metrics[0].value for m in told if m.kind == "NBIRTH"][-1] >= 1


@pytest.mark.parametrize("protocol", ["3.1.1"])
async def test_the_older_mqtt_will_do(tmp_path: Path, pki: Pki, protocol: str) -> None:
    async with site(tmp_path, pki, protocol=protocol) as (at, host, _):
        await at.put(live(0))
        await until(lambda: "DDATA" in host.kinds())
    assert values(decode(host.messages), STATE) == list(range(5))


async def test_a_broker_of_another_authority_gets_nothing(tmp_path: Path, pki: Pki) -> None:
    (tmp_path / "other").mkdir()
    other = make_pki(tmp_path / "other", GATEWAY)
    with stopping(Broker(tmp_path, pki)) as broker:
        broker.start()
        strange = Pki(other.ca, pki.server, pki.gateway, pki.center)
        async with SparkplugHost(pki, broker.port) as host, running(broker, strange, tmp_path) as at:
            await at.outbox.put(live(0))
            await until(lambda: at.link.counts.failures >= 2)
            assert at.outbox.tally.blocks_queued == 1
        assert not host.messages
