"""This file holds every link to the port's contract; it guards that no link loses, repeats for ever, or floods.

Each test runs over MQTT through a real mosquitto, over HTTPS to a center that takes bundles, and to one of a release
that knew none; all with mutual TLS on loopback.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.health.links.catalogue import build
from isolane.health.links.https.settings import HttpsSettings
from isolane.health.links.mqtt.settings import MqttSettings
from isolane.health.links.port import Link
from isolane.health.links.settings import AnyLinkSettings
from isolane.health.outbox.cursor import Cursor, Pace
from isolane.health.outbox.outbox import Outbox
from isolane.wire.uplink import Up
from support.broker import Broker, Pki, make_pki
from support.centers import Brain, HttpsCenter, MqttCenter
from support.outboxes import GATEWAY, SCHEMA, SITE, TAG, draft, is_balanced, settings, until
from support.patience import PATIENCE_S

ACK_TIMEOUT_S = 0.3
WINDOW = 4


class Peer:
    """What is at the other end of a link."""

    def __init__(self, protocol: str, pki: Pki, broker: Broker, center: HttpsCenter) -> None:
        self.protocol = protocol
        self.pki = pki
        self._broker = broker
        self._center = center
        self.brain = Brain()

    def table(self, **more: Any) -> AnyLinkSettings:  # noqa: ANN401 - any setting
        """Give the link's settings."""
        values: dict[str, Any] = {
            "name": "main",
            "ca": self.pki.ca,
            "certificate": self.pki.gateway.certificate,
            "key": self.pki.gateway.key,
            "ack_timeout_s": ACK_TIMEOUT_S,
            "ledger_s": 0.2,
            "reconnect_s_max": 0.2,
            **more,
        }
        if self.protocol == "mqtt":
            return MqttSettings(host="127.0.0.1", port=self._broker.port, window=WINDOW, **values)
        return HttpsSettings(url=f"https://127.0.0.1:{self._center.port}", window=WINDOW, **values)

    async def cut(self) -> None:
        """Cut the connection: the broker dies and comes back, the center drops everyone."""
        if self.protocol == "mqtt":
            self._broker.stop()
            self._broker.start()
        else:
            self._center.cut()


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"), GATEWAY)


@pytest.fixture(params=[pytest.param("mqtt", marks=pytest.mark.broker), "https", "https-one-by-one"])
async def peer(request: pytest.FixtureRequest, tmp_path: Path, pki: Pki) -> AsyncIterator[Peer]:
    brain = Brain()
    broker = Broker(tmp_path, pki)
    made = Peer(request.param, pki, broker, HttpsCenter(brain, pki, 16 if request.param == "https" else 0))
    made.brain = brain
    try:
        if request.param == "mqtt":
            broker.start()
            async with MqttCenter(brain, pki, broker.port):
                yield made
        else:
            async with made._center:
                yield made
    finally:
        broker.stop()


@dataclass
class Running:
    """A link at work over an outbox."""

    outbox: Outbox
    cursor: Cursor
    link: Link


@contextlib.asynccontextmanager
async def running(peer: Peer, path: Path, blocks: int, **more: Any) -> AsyncIterator[Running]:  # noqa: ANN401
    table = peer.table(**more)
    outbox = Outbox(settings(path), TAG, SystemClock(), SCHEMA, frozenset({"main"}))
    await outbox.open()
    (link,) = build([table], Site(name=SITE, gateway=GATEWAY, run_dir=path.parent))
    cursor = outbox.cursor("main", Pace(WINDOW, table.ack_timeout_s, table.ledger_s, newest_first=False))
    for number in range(blocks):
        await outbox.put(draft(number))
    task = asyncio.create_task(link.run(cursor))
    try:
        yield Running(outbox, cursor, link)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        tally = outbox.tally
        await outbox.close()
    assert is_balanced(tally)


async def test_delivers_everything_and_the_books_with_it(peer: Peer, tmp_path: Path) -> None:
    async with running(peer, tmp_path / "o.db", 30) as at:
        await asyncio.wait_for(at.outbox.until_empty(), 10)
        assert at.outbox.tally.acknowledged == 300
        await at.outbox.put(draft(99))
        await asyncio.wait_for(at.outbox.until_empty(), 10)
        await asyncio.wait_for(at.cursor.state_books(), PATIENCE_S)
        await until(lambda: peer.brain.ledgers[-1].entries[0].acknowledged == 310, "the last statement")
    brain = peer.brain
    assert brain.order[0] is Up.SCHEMA
    assert brain.schemas == {SCHEMA.id: 1}
    assert {key[2]: count for key, count in brain.blocks.items()} == dict.fromkeys(range(1, 32), 1)
    assert sum(brain.samples.values()) == 310
    assert all(entry.balanced for statement in brain.ledgers for entry in statement.entries)
    counts = at.link.counts
    assert counts.messages[Up.BLOCK] == 31
    assert counts.socket_sent_bytes > sum(counts.payload_bytes.values())
    assert counts.socket_received_bytes > 0
    assert at.outbox.troubles.unknown_acks == 0


async def test_a_silent_center_is_asked_again_but_not_flooded(peer: Peer, tmp_path: Path) -> None:
    peer.brain.mute = True
    async with running(peer, tmp_path / "o.db", 20) as at:
        await until(lambda: sum(peer.brain.blocks.values()) >= WINDOW + 3, "sent again")
        assert len(peer.brain.blocks) <= WINDOW + 1
        assert at.cursor.in_flight <= WINDOW
        assert at.outbox.tally.queued == 200
        assert at.cursor.counts.resent
        peer.brain.mute = False
        await asyncio.wait_for(at.outbox.until_empty(), 10)
    assert len(peer.brain.samples) == 20


async def test_cut_connections_lose_nothing(peer: Peer, tmp_path: Path) -> None:
    async with running(peer, tmp_path / "o.db", 10) as at:
        for number in range(3):
            await at.outbox.put(draft(100 + number))
            await until(lambda: bool(peer.brain.blocks), "something came")
            await peer.cut()
            for more in range(5):
                await at.outbox.put(draft(200 + 10 * number + more))
        await asyncio.wait_for(at.outbox.until_empty(), 20)
        assert at.outbox.tally.acknowledged == 280
    assert {key[2] for key in peer.brain.samples} == set(range(1, 29))


async def test_an_acknowledgement_that_is_lost_after_the_commit_costs_a_repetition(peer: Peer, tmp_path: Path) -> None:
    peer.brain.loses = 2
    async with running(peer, tmp_path / "o.db", 12) as at:
        await asyncio.wait_for(at.outbox.until_empty(), 20)
        assert at.outbox.tally.acknowledged == 120
        assert at.cursor.counts.resent >= 2
    assert len(peer.brain.samples) == 12
    assert sum(peer.brain.blocks.values()) >= 14


async def test_odd_answers_do_no_harm(peer: Peer, tmp_path: Path) -> None:
    peer.brain.twice = peer.brain.unknown = peer.brain.garbage = True
    async with running(peer, tmp_path / "o.db", 6) as at:
        await asyncio.wait_for(at.outbox.until_empty(), 20)
        assert at.outbox.tally.acknowledged == 60
        assert at.outbox.troubles.unknown_acks
        assert at.link.counts.garbage


async def test_a_center_that_forgot_the_schema_gets_it_again(peer: Peer, tmp_path: Path) -> None:
    peer.brain.forgets = 1
    async with running(peer, tmp_path / "o.db", 3, ack_timeout_s=60.0) as at:
        await asyncio.wait_for(at.outbox.until_empty(), 10)
        assert at.cursor.counts.schemas_wanted == 1
    assert peer.brain.schemas[SCHEMA.id] == 2
    assert len(peer.brain.samples) == 3


async def test_poison_counts_as_acknowledged_and_is_told_apart(peer: Peer, tmp_path: Path) -> None:
    peer.brain.poison = True
    async with running(peer, tmp_path / "o.db", 5) as at:
        await asyncio.wait_for(at.outbox.until_empty(), 10)
        assert at.outbox.tally.acknowledged == 50
        assert at.outbox.troubles.poisoned_blocks == 5
    assert set(peer.brain.blocks.values()) == {1}


async def test_gap_records_travel_in_band(peer: Peer, tmp_path: Path) -> None:
    async with running(peer, tmp_path / "o.db", 0) as at:
        for number in range(12):
            await at.outbox.put(draft(number, rows=40_000, noise=30))
        await asyncio.wait_for(at.outbox.until_empty(), 20)
        dropped = at.outbox.tally.dropped
    lost = {number for gap in peer.brain.gaps.values() for number in range(gap.first, gap.last + 1)}
    assert dropped
    assert sum(gap.samples for gap in peer.brain.gaps.values()) == sum(dropped.values())
    assert lost | {key[2] for key in peer.brain.samples} == set(range(1, 13))


async def test_a_peer_of_another_authority_gets_nothing(peer: Peer, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make_pki(tmp_path / "other", GATEWAY)
    async with running(peer, tmp_path / "o.db", 3, ca=other.ca) as at:
        await until(lambda: at.link.counts.failures >= 2, "refused twice")
        assert not at.link.counts.connected
        assert at.outbox.tally.queued == 30
    assert not peer.brain.order


async def test_a_gateway_of_another_authority_is_refused_and_keeps_trying(peer: Peer, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make_pki(tmp_path / "other", GATEWAY).gateway
    async with running(peer, tmp_path / "o.db", 3, certificate=other.certificate, key=other.key) as at:
        await until(lambda: at.link.counts.failures >= 2, "refused twice")
        assert at.outbox.tally.queued == 30
    assert not peer.brain.order
