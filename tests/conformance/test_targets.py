"""This file holds every link to a foreign system to the port's contract; it guards that all arrives, in order, in time.

Whatever the target did meanwhile: each row comes out at the other end, none overtakes another, nobody is flooded, and
a link that is told to stop stops.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.health.links.catalogue import build
from isolane.health.links.influx.settings import InfluxSettings
from isolane.health.links.loki.settings import LokiSettings
from isolane.health.links.otlp.settings import OtlpSettings
from isolane.health.links.port import Link
from isolane.health.links.remote_write.settings import RemoteWriteSettings
from isolane.health.links.settings import AnyLinkSettings
from isolane.health.links.sparkplug.settings import SparkplugSettings
from isolane.health.links.syslog.settings import SyslogSettings
from isolane.health.outbox.cursor import Cursor, Pace
from isolane.health.outbox.outbox import Outbox
from support.broker import Pki, make_pki
from support.http_target import HttpTarget, Reply
from support.outboxes import GATEWAY, SITE, TAG, is_balanced, settings, until
from support.receivers import InfluxReceiver, LokiReceiver, OtlpReceiver, Receiver, RemoteWriteReceiver
from support.sparkplug_target import HOST, SparkplugTarget
from support.syslog_target import SyslogTarget
from support.target_rows import SCHEMA, rows_draft

ROWS = 5


@dataclass
class Kind:
    """One protocol under test."""

    receiver: Callable[[], Receiver]
    table: Callable[[str, dict[str, Any]], AnyLinkSettings]


HTTP = {
    "remote_write": Kind(RemoteWriteReceiver, lambda url, more: RemoteWriteSettings(url=f"{url}/api/v1/write", **more)),
    "influx": Kind(InfluxReceiver, lambda url, more: InfluxSettings(url=url, org="o", bucket="b", **more)),
    "otlp": Kind(OtlpReceiver, lambda url, more: OtlpSettings(url=f"{url}/", **more)),
    "loki": Kind(LokiReceiver, lambda url, more: LokiSettings(url=f"{url}/loki/api/v1/push", **more)),
}


class Peer:
    """A target and how to reach it."""

    def __init__(self, name: str, pki: Pki, folder: Path) -> None:
        self._kind = HTTP.get(name)
        self.pki = pki
        self.target: HttpTarget | SyslogTarget | SparkplugTarget
        self.receiver: Receiver | SyslogTarget | SparkplugTarget
        if self._kind is not None:
            self.receiver = self._kind.receiver()
            self.target = HttpTarget(pki, self.receiver.take)
        elif name == "syslog":
            self.target = self.receiver = SyslogTarget(pki)
        else:
            self.target = self.receiver = SparkplugTarget(folder, pki)

    def table(self, **more: Any) -> AnyLinkSettings:  # noqa: ANN401 - any setting
        """Give the link's settings."""
        values: dict[str, Any] = {
            "name": "main",
            "ca": self.pki.ca,
            "certificate": self.pki.gateway.certificate,
            "key": self.pki.gateway.key,
            "ledger_s": 3600.0,
            "reconnect_s_max": 0.2,
            "port": self.target.port,
            **({"settle_s": 0.1} if isinstance(self.target, SyslogTarget) else {}),
            **more,
        }
        if isinstance(self.target, SparkplugTarget):
            return SparkplugSettings(host="localhost", primary_host=HOST, **values)
        if self._kind is None:
            return SyslogSettings(host="localhost", **values)
        return self._kind.table(f"https://localhost:{values.pop('port')}", {"timeout_s": 5.0, **values})


class HttpPeer(Peer):
    """A target that answers."""

    target: HttpTarget


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"), GATEWAY)


@pytest.fixture(params=[*HTTP, "syslog", pytest.param("sparkplug", marks=pytest.mark.broker)])
async def peer(request: pytest.FixtureRequest, pki: Pki, tmp_path: Path) -> AsyncIterator[Peer]:
    made = Peer(request.param, pki, tmp_path)
    await made.target.start()
    try:
        yield made
    finally:
        await made.target.stop()


@pytest.fixture(params=HTTP)
async def http_peer(request: pytest.FixtureRequest, pki: Pki, tmp_path: Path) -> AsyncIterator[HttpPeer]:
    made = HttpPeer(request.param, pki, tmp_path)
    await made.target.start()
    try:
        yield made
    finally:
        await made.target.stop()


@dataclass
class Running:
    """A link at work over an outbox."""

    outbox: Outbox
    cursor: Cursor
    link: Link
    task: asyncio.Task[None]
    put: int = 0

    async def add(self, blocks: int) -> None:
        """Put more blocks."""
        for _ in range(blocks):
            await self.outbox.put(rows_draft(self.put, ROWS))
            self.put += 1

    async def arrived(self) -> None:
        """Wait until the outbox is empty."""
        async with asyncio.timeout(30):
            await self.outbox.until_empty()


@contextlib.asynccontextmanager
async def running(table: AnyLinkSettings, folder: Path, blocks: int) -> AsyncIterator[Running]:
    outbox = Outbox(settings(folder / "o.db"), TAG, SystemClock(), SCHEMA, frozenset({"main"}))
    await outbox.open()
    (link,) = build([table], Site(name=SITE, gateway=GATEWAY, run_dir=folder))
    in_order = getattr(table, "in_order", False)
    cursor = outbox.cursor("main", Pace(1, table.ack_timeout_s, table.ledger_s, newest_first=False, in_order=in_order))
    at = Running(outbox, cursor, link, asyncio.ensure_future(asyncio.sleep(0)))
    await at.add(blocks)
    at.task = asyncio.create_task(link.run(cursor))
    try:
        yield at
    finally:
        begun = time.monotonic()
        at.task.cancel()
        await asyncio.wait({at.task}, timeout=10)
        took_s = time.monotonic() - begun
        tally = outbox.tally
        await outbox.close()
    assert at.task.cancelled()
    assert took_s < 2
    assert is_balanced(tally)


def descriptors() -> int:
    """Count this process's open descriptors."""
    return len(list(Path("/proc/self/fd").iterdir()))


def distinct(numbers: list[int]) -> list[int]:
    """Give each number where it came first."""
    return list(dict.fromkeys(numbers))


async def test_all_arrives_in_order_and_once(peer: Peer, tmp_path: Path) -> None:
    async with running(peer.table(), tmp_path, 8) as at:
        await at.arrived()
        await at.add(2)
        await at.arrived()
        counts = at.link.counts
        assert counts.connected
        assert counts.sessions == 1
        assert counts.samples + counts.facts >= 50
    assert counts.socket_sent_bytes > 0
    assert counts.socket_received_bytes > 0
    assert sum(counts.payload_bytes.values()) > 0
    assert peer.receiver.numbers == list(range(50))
    assert peer.target.connections == 1


async def test_a_target_that_is_away_at_the_start_is_waited_for(peer: Peer, tmp_path: Path) -> None:
    await peer.target.stop()
    async with running(peer.table(), tmp_path, 6) as at:
        await until(lambda: at.link.counts.failures >= 4, "tried")
        assert not at.link.counts.connected
        await peer.target.start()
        await at.arrived()
    assert peer.receiver.numbers == list(range(30))


async def test_a_restart_in_between_loses_nothing(peer: Peer, tmp_path: Path) -> None:
    async with running(peer.table(), tmp_path, 3) as at:
        await at.arrived()
        for _ in range(2):
            await peer.target.stop()
            await at.add(4)
            failures = at.link.counts.failures
            await until(lambda before=failures: at.link.counts.failures > before, "noticed")  # type: ignore[misc]
            await peer.target.start()
            await at.arrived()
    assert distinct(peer.receiver.numbers) == list(range(55))


async def test_a_target_that_hangs_is_given_up_and_asked_again(http_peer: HttpPeer, tmp_path: Path) -> None:
    http_peer.target.hangs = True
    async with running(http_peer.table(timeout_s=0.3), tmp_path, 3) as at:
        await until(lambda: at.link.counts.failures >= 4, "given up")
        http_peer.target.hangs = False
        await at.arrived()
    assert distinct(http_peer.receiver.numbers) == list(range(15))


async def test_a_slow_target_is_asked_one_thing_at_a_time(http_peer: HttpPeer, tmp_path: Path) -> None:
    http_peer.target.slow_s = 0.05
    async with running(http_peer.table(), tmp_path, 4) as at:
        await at.arrived()
    assert http_peer.receiver.numbers == list(range(20))


async def test_a_hanging_target_does_not_hold_up_the_end(peer: Peer, tmp_path: Path) -> None:
    await peer.target.stop()
    before = descriptors()
    peer.target.hangs = True
    await peer.target.start()
    async with running(peer.table(), tmp_path, 1):
        await until(lambda: bool(peer.target.asked), "asked")
    await peer.target.stop()
    await until(lambda: descriptors() <= before, "every socket closed")


@pytest.mark.parametrize("status", [400, 409, 413, 422])
async def test_what_the_target_will_never_take_is_set_aside_and_the_rest_goes_on(
    http_peer: HttpPeer, tmp_path: Path, status: int
) -> None:
    first = True

    def mood(_: object) -> Reply | None:
        nonlocal first
        was, first = first, False
        return Reply(status, b"out of order sample") if was else None

    async with running(http_peer.table(), tmp_path, 1) as at:
        await at.arrived()
        http_peer.target.mood = mood
        await at.add(1)
        await until(lambda: at.cursor.set_aside == 1, "refused")
        await at.add(3)
        await until(lambda: at.outbox.tally.blocks_queued == 1, "the others")
        assert at.link.counts.refused == 1
    assert distinct(http_peer.receiver.numbers) == [*range(5), *range(10, 25)]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, b"oops"),
        Reply(503),
        Reply(502, b"<html>bad gateway</html>"),
        Reply(401),
        Reply(403),
        Reply(404),
        Reply(302, b"", (("location", "https://portal.example/"),)),
        Reply(200, b"<html>Welcome</html>", (("content-type", "text/html"),)),
        Reply(200, b"x" * 200_000),
    ],
    ids=lambda reply: f"{reply.status}-{len(reply.body)}",
)
async def test_an_answer_that_is_no_success_keeps_everything_and_the_order(
    http_peer: HttpPeer, tmp_path: Path, reply: Reply
) -> None:
    http_peer.target.mood = lambda _: reply
    async with running(http_peer.table(reconnect_s_max=0.1), tmp_path, 4) as at:
        await until(lambda: at.link.counts.failures >= 4, "failed")
        assert at.outbox.tally.blocks_queued == 4
        assert not at.link.counts.connected
        assert bool(at.link.counts.garbage) is (reply.status == 200)
        asked = len(http_peer.target.asked)
        assert asked <= at.link.counts.failures + 1
        http_peer.target.mood = lambda _: None
        await at.arrived()
    assert distinct(http_peer.receiver.numbers) == list(range(20))


async def test_an_answer_that_is_lost_after_the_target_took_the_message_costs_a_repetition(
    http_peer: HttpPeer, tmp_path: Path
) -> None:
    async with running(http_peer.table(reconnect_s_max=0.1), tmp_path, 2) as at:
        await at.arrived()
        http_peer.target.loses = 2
        await at.add(3)
        await at.arrived()
        assert at.link.counts.failures == 2
        assert at.cursor.set_aside == 0
    numbers = http_peer.receiver.numbers
    assert distinct(numbers) == list(range(25))
    assert len(numbers) > 25


async def test_a_target_that_closes_in_the_middle_of_a_request_is_asked_again(
    http_peer: HttpPeer, tmp_path: Path
) -> None:
    async with running(http_peer.table(reconnect_s_max=0.1), tmp_path, 0) as at:
        http_peer.target.closes_at = 2000
        await at.outbox.put(rows_draft(0, 3000))
        await until(lambda: at.link.counts.failures >= 3, "cut")
        assert http_peer.receiver.numbers == []
        assert at.outbox.tally.blocks_queued == 1
        http_peer.target.closes_at = None
        await at.arrived()
    assert http_peer.receiver.numbers == list(range(3000))


async def test_a_target_that_refuses_our_certificate_gets_nothing(peer: Peer, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    stranger = make_pki(tmp_path / "other", GATEWAY).gateway
    more: dict[str, Any] = {"certificate": stranger.certificate, "key": stranger.key}
    if isinstance(peer.target, SyslogTarget):
        more["settle_s"] = 10.0  # in TLS 1.3 the refusal comes after the handshake
    async with running(peer.table(**more), tmp_path, 2) as at:
        await until(lambda: at.link.counts.failures >= 3, "refused")
        assert at.outbox.tally.blocks_queued == 2
    assert peer.receiver.numbers == []


@pytest.mark.parametrize("status", [429, 503])
async def test_a_target_that_asks_for_patience_gets_it(http_peer: HttpPeer, tmp_path: Path, status: int) -> None:
    patient = [Reply(status, b"", (("retry-after", "1"),))]
    http_peer.target.mood = lambda _: patient.pop() if patient else None
    async with running(http_peer.table(reconnect_s_max=0.1), tmp_path, 2) as at:
        await at.arrived()
        assert at.link.counts.throttled == 1
    assert http_peer.target.asked[1] - http_peer.target.asked[0] >= 0.99
    assert http_peer.receiver.numbers == list(range(10))


async def test_a_message_that_breaks_the_target_each_time_does_not_hold_up_the_rest(
    http_peer: HttpPeer, tmp_path: Path
) -> None:
    broken: list[bytes] = []

    def mood(request: Any) -> Reply | None:  # noqa: ANN401
        broken.append(request.body) if not broken else None
        return Reply(500) if request.body == broken[0] else None

    async with running(http_peer.table(reconnect_s_max=0.1), tmp_path, 1) as at:
        await at.arrived()
        http_peer.target.mood = mood
        await at.add(4)
        await until(lambda: at.outbox.tally.blocks_queued == 1, "the others")
        assert at.cursor.set_aside == 1
    assert distinct(http_peer.receiver.numbers) == [*range(5), *range(10, 25)]


async def test_a_target_of_another_authority_gets_nothing(peer: Peer, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make_pki(tmp_path / "other", GATEWAY)
    async with running(peer.table(ca=other.ca), tmp_path, 2) as at:
        await until(lambda: at.link.counts.failures >= 3, "refused")
        assert at.outbox.tally.blocks_queued == 2
    assert not peer.target.asked


async def test_a_target_of_another_name_gets_nothing(peer: Peer, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make_pki(tmp_path / "other", GATEWAY, hosts=("elsewhere.example",))
    await peer.target.stop()
    peer.target.pki = other
    await peer.target.start()
    async with running(peer.table(ca=other.ca), tmp_path, 2) as at:
        await until(lambda: at.link.counts.failures >= 3, "refused")
        assert at.outbox.tally.blocks_queued == 2
    assert not peer.target.asked


async def test_a_dead_link_does_not_hold_up_another(peer: Peer, tmp_path: Path) -> None:
    dead = peer.table(name="dead", port=1)
    outbox = Outbox(settings(tmp_path / "o.db"), TAG, SystemClock(), SCHEMA, frozenset({"main", "dead"}))
    await outbox.open()
    links = build([dead, peer.table()], Site(name=SITE, gateway=GATEWAY, run_dir=tmp_path))
    cursors = [outbox.cursor(link.name, Pace(1, 60.0, 3600.0, newest_first=False, in_order=True)) for link in links]
    for number in range(6):
        await outbox.put(rows_draft(number, ROWS))
    tasks = [asyncio.create_task(link.run(cursor)) for link, cursor in zip(links, cursors, strict=True)]
    try:
        await until(lambda: len(peer.receiver.numbers) == 30, "all over the living link")
        await until(lambda: links[0].counts.failures >= 2, "the dead one tries")
        assert outbox.tally.blocks_queued == 6
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await outbox.close()
    assert peer.receiver.numbers == list(range(30))


async def test_what_is_too_old_for_the_target_is_passed_over_by_a_link_that_is_not_required(
    peer: Peer, tmp_path: Path
) -> None:
    table = peer.table(required=False, age_max_s=600)
    outbox = Outbox(settings(tmp_path / "o.db"), TAG, SystemClock(), SCHEMA, frozenset({"somebody"}))
    await outbox.open()
    for number in range(4):
        now_ms = time.time_ns() // 1_000_000
        await outbox.put(rows_draft(number, ROWS, t0_ms=now_ms - (3_600_000 if number < 2 else 60_000)))
    site = Site(name=SITE, gateway=GATEWAY, run_dir=tmp_path)
    (_, link) = build([peer.table(name="somebody"), table], site)
    cursor = outbox.cursor("main", Pace(1, 60.0, 3600.0, newest_first=False, in_order=True))
    task = asyncio.create_task(link.run(cursor))
    try:
        await until(lambda: len(peer.receiver.numbers) == 10, "the young ones")
        assert link.counts.passed_over == 2
        assert outbox.tally.blocks_queued == 4
    finally:
        task.cancel()
        await asyncio.wait({task})
        await outbox.close()
    assert peer.receiver.numbers == list(range(10, 20))
