"""This file tests what "delivered" means over syslog; it guards against believing too early."""

from pathlib import Path

from isolane.wire.uplink import Up
from support.broker import Pki, make_pki
from support.couriers import Errands, gap
from support.outboxes import GATEWAY, until
from support.syslog_target import SyslogTarget, syslog_table, telling


async def test_one_connection_carries_all_and_is_counted(pki: Pki) -> None:
    target = SyslogTarget(pki)
    await target.start()
    errands = Errands([gap(1), gap(2), gap(3)])
    async with telling(syslog_table(target.port, pki), errands) as link:
        await until(lambda: len(errands.sent_letters) == 3)
        await until(lambda: len(target.records) == 3)
        assert link.counts.facts == 3
        assert link.counts.socket_sent_bytes > link.counts.payload_bytes[Up.GAP]
    await target.stop()
    assert target.connections == 1
    assert [next(iter(record.data.values()))["first"] for record in target.records] == ["1", "2", "3"]
    assert [answer.acks[0].gaps for answer in errands.answers] == [(1,), (2,), (3,)]
    assert target.records[0].severity == 4


async def test_a_certificate_that_the_server_refuses_delivers_nothing(pki: Pki, tmp_path: Path) -> None:
    stranger = make_pki(tmp_path, GATEWAY)
    target = SyslogTarget(pki)
    await target.start()
    errands = Errands([gap(1)])
    mixed = Pki(pki.ca, pki.server, stranger.gateway, pki.center)
    async with telling(syslog_table(target.port, mixed, settle_s=10.0), errands) as link:
        await until(lambda: link.counts.failures >= 2, "refused")
        assert not errands.sent_letters
    await target.stop()
    assert not target.records


async def test_a_peer_that_never_shakes_hands_is_given_up(pki: Pki) -> None:
    target = SyslogTarget(pki, hangs=True)
    await target.start()
    errands = Errands([gap(1)])
    async with telling(syslog_table(target.port, pki), errands) as link:
        await until(lambda: link.counts.failures >= 1, "given up")
        await target.stop()
        target.hangs = False
        await target.start()
        await until(lambda: bool(errands.sent_letters), "delivered")
        assert link.counts.connected
    await target.stop()
