"""This file tests what only a broker can do to a link; it guards that no broker, sick or strict, holds up delivery."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.health.budget.settings import BudgetSettings
from isolane.health.links.mqtt.link import MqttLink
from isolane.health.links.mqtt.settings import MqttSettings
from isolane.health.links.port import AnyMessage, Courier
from isolane.health.links.way import Way
from isolane.health.outbox.cursor import Pace
from isolane.health.outbox.outbox import Outbox
from isolane.security.tls import client_context, server_context
from isolane.wire.uplink import Downlink, Up, down_topic, encode
from support.broker import Broker, Pki, stopping
from support.budget_ways import World
from support.centers import Brain, MqttCenter
from support.couriers import Errands, Letter
from support.listening import listening
from support.mqtt_peer import joined
from support.old_broker import OldBroker
from support.outboxes import GATEWAY, SCHEMA, SITE, TAG, draft, settings, until
from support.shipping import at_work

pytestmark = pytest.mark.broker
SMALL = Letter(Up.SCHEMA, b'{"version":1,"columns":[]}')
LARGE = Letter(Up.BLOCK, bytes(400_000))


@contextlib.asynccontextmanager
async def running(
    port: int,
    pki: Pki,
    errands: Courier[AnyMessage],
    folder: Path,
    window: int = 4,
    *,
    way: Way | None = None,
    **more: Any,  # noqa: ANN401 - any setting
) -> AsyncIterator[MqttLink]:
    table = MqttSettings(
        host="127.0.0.1",
        port=port,
        ca=pki.ca,
        certificate=pki.gateway.certificate,
        key=pki.gateway.key,
        reconnect_s_max=0.1,
        window=window,
        dead_s=2,
        keepalive_s=5,
        **more,
    )
    link = MqttLink(table, Site(name=SITE, gateway=GATEWAY, run_dir=folder), way)
    async with at_work(link, errands):
        yield link


def descriptors() -> int:
    """Count this process's open descriptors."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def say(pki: Pki, port: int, payload: bytes, *, retain: bool = False) -> None:
    """Publish one answer as the center."""
    tls = client_context(pki.ca, pki.center.certificate, pki.center.key)
    async with joined(port, tls) as client:
        await client.publish(down_topic(SITE, GATEWAY), payload, qos=1, retain=retain)


async def test_a_message_larger_than_the_broker_says_is_not_even_sent(tmp_path: Path, pki: Pki) -> None:
    with stopping(Broker(tmp_path, pki, "max_packet_size 300000")) as broker:
        broker.start()
        errands = Errands([SMALL, LARGE, SMALL, SMALL])
        async with running(broker.port, pki, errands, tmp_path) as link:
            await until(lambda: len(errands.sent_letters) == 3 and errands.refused_letters == [LARGE])
            assert link.counts.sessions == 1
            assert link.counts.refused == 1


async def test_small_messages_wait_for_a_large_one_before_them_on_a_slow_way(tmp_path: Path, pki: Pki) -> None:
    """At 100 kB/s the large one takes twice as long as a broker that says nothing is believed to live."""
    way = World(BudgetSettings(rate_kbit_s=800)).way
    with stopping(Broker(tmp_path, pki)) as broker:
        broker.start()
        errands = Errands([LARGE, SMALL, SMALL, SMALL])
        async with running(broker.port, pki, errands, tmp_path, way=way.of("mqtt")) as link:
            await until(lambda: len(errands.sent_letters) == 4)
            assert (link.counts.sessions, link.counts.failures) == (1, 0)
    await way.close()


async def test_a_message_that_ends_each_session_does_not_hold_up_the_others(tmp_path: Path, pki: Pki) -> None:
    outbox = Outbox(settings(tmp_path / "o.db"), TAG, SystemClock(), SCHEMA, frozenset({"mqtt"}))
    with stopping(Broker(tmp_path, pki, "message_size_limit 300000")) as broker:
        broker.start()
        await outbox.open()
        cursor = outbox.cursor("mqtt", Pace(4, 5.0, 600.0, newest_first=False))
        await outbox.put(draft(0))
        await outbox.put(draft(1, rows=40_000, noise=40))
        for number in range(2, 8):
            await outbox.put(draft(number))
        async with MqttCenter(Brain(), pki, broker.port), running(broker.port, pki, cursor, tmp_path):
            # A suspect goes when nothing else is to go, so it may end its session only after all others have arrived.
            await until(lambda: outbox.tally.acknowledged == 70 and cursor.set_aside >= 1)
        assert outbox.tally.blocks_queued == 1
        await outbox.close()


async def test_what_the_broker_does_not_allow_is_refused_and_told(tmp_path: Path, pki: Pki) -> None:
    acl = tmp_path / "acl"
    acl.write_text(f"user {GATEWAY}\ntopic read isolane/#\ntopic write isolane/+/+/up/schema\n", encoding="utf-8")
    acl.chmod(0o600)
    with stopping(Broker(tmp_path, pki, f"acl_file {acl}")) as broker:
        broker.start()
        errands = Errands([Letter(Up.GAP, b"{}"), SMALL])
        async with running(broker.port, pki, errands, tmp_path):
            await until(lambda: errands.sent_letters == [SMALL] and len(errands.refused_letters) == 1)


async def test_a_retained_answer_is_nobodys_word(tmp_path: Path, pki: Pki) -> None:
    with stopping(Broker(tmp_path, pki)) as broker:
        broker.start()
        await say(pki, broker.port, encode(Downlink(1, want=("11" * 8,))), retain=True)
        errands = Errands([])
        async with running(broker.port, pki, errands, tmp_path) as link:
            await until(lambda: link.counts.garbage == 1)
            await say(pki, broker.port, encode(Downlink(1, want=("22" * 8,))))
            await until(lambda: bool(errands.answers))
    assert [answer.want for answer in errands.answers] == [("22" * 8,)]


async def test_the_receive_maximum_of_the_broker_is_kept(tmp_path: Path, pki: Pki) -> None:
    with stopping(Broker(tmp_path, pki, "max_inflight_messages 1")) as broker:
        broker.start()
        brain = Brain()
        errands = Errands([SMALL] * 50)
        async with MqttCenter(brain, pki, broker.port), running(broker.port, pki, errands, tmp_path, 16) as link:
            await until(lambda: brain.schemas.total() == 50)
            assert link.counts.sessions == 1


async def test_a_peer_that_accepts_and_says_nothing_leaves_nothing_behind(tmp_path: Path, pki: Pki) -> None:
    accepted = 0

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        await reader.read()
        writer.close()

    async with listening(mute, server_context(pki.server.certificate, pki.server.key, pki.ca)) as port:
        before = descriptors()
        errands = Errands([SMALL])
        async with running(port, pki, errands, tmp_path) as link:
            await until(lambda: link.counts.failures >= 2)
            assert errands.begun == 0
        await until(lambda: descriptors() <= before)
    assert accepted >= 2


@pytest.mark.parametrize(("protocol", "levels"), [("auto", {5: 1, 4: 1}), ("3.1.1", {4: 1})])
async def test_a_broker_that_knows_only_the_older_mqtt_gets_that(
    tmp_path: Path, pki: Pki, protocol: str, levels: dict[int, int]
) -> None:
    brain = Brain()
    with stopping(Broker(tmp_path, pki)) as broker:
        broker.start()
        old = OldBroker(pki, broker.port)
        await old.start()
        errands = Errands([SMALL] * 5)
        async with (
            MqttCenter(brain, pki, broker.port),
            running(old.port, pki, errands, tmp_path, protocol=protocol) as link,
        ):
            await until(lambda: brain.schemas.total() == 5)
            await until(lambda: len(errands.answers) > 0)
            assert link.counts.connected
        await old.stop()
    assert dict(old.levels) == levels


async def test_mqtt_5_alone_stays_mqtt_5(tmp_path: Path, pki: Pki) -> None:
    with stopping(Broker(tmp_path, pki)) as broker:
        broker.start()
        old = OldBroker(pki, broker.port)
        await old.start()
        async with running(old.port, pki, Errands([SMALL]), tmp_path, protocol="5") as link:
            await until(lambda: old.levels[5] >= 3)
            assert not link.counts.connected
        await old.stop()
    assert set(old.levels) == {5}


async def test_a_topic_is_sent_once_where_the_broker_remembers_it(tmp_path: Path, pki: Pki) -> None:
    sizes = {}
    for offered in (0, 10):
        brain = Brain()
        folder = tmp_path / str(offered)
        folder.mkdir()
        with stopping(Broker(folder, pki, f"max_topic_alias {offered}")) as broker:
            broker.start()
            errands = Errands([SMALL, Letter(Up.LEDGER, b'{"version":1,"at_ms":1,"entries":[]}')] * 25)
            async with MqttCenter(brain, pki, broker.port), running(broker.port, pki, errands, folder) as link:
                await until(lambda brain=brain: len(brain.order) == 50)  # type: ignore[misc]
            assert brain.order.count(Up.LEDGER) == 25, "a number was taken for another topic"
            sizes[offered] = link.counts.socket_sent_bytes
    assert sizes[10] < sizes[0] - 48 * 20


async def test_the_broker_is_told_when_a_message_expires(tmp_path: Path, pki: Pki) -> None:
    with stopping(Broker(tmp_path, pki)) as broker:
        broker.start()
        tls = client_context(pki.ca, pki.center.certificate, pki.center.key)
        async with joined(broker.port, tls) as client:
            await client.subscribe("isolane/#", qos=1)
            async with running(broker.port, pki, Errands([SMALL]), tmp_path, expiry_s=1234):
                async with asyncio.timeout(15):
                    message = await anext(aiter(client.messages))
    assert message.properties is not None
    assert 1200 < getattr(message.properties, "MessageExpiryInterval", 0) <= 1234
