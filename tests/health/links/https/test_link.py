"""This file tests the HTTPS link against centers and impostors; it guards that only the center's word is an answer."""

import asyncio
import contextlib
import dataclasses
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from isolane.config.site import Site
from isolane.health.links.https.link import HttpsLink
from isolane.health.links.https.settings import HttpsSettings
from isolane.security.authority import Authority, Identity
from isolane.wire.uplink import Downlink, Up, encode
from support.broker import Pki
from support.centers import Brain, HttpsCenter
from support.couriers import Errands, Letter, gap
from support.http_target import Reply
from support.outboxes import GATEWAY, SITE, until
from support.shipping import at_work

LEDGER = Letter(Up.LEDGER, b'{"version":1,"at_ms":1,"entries":[]}')
SCHEMA = Letter(Up.SCHEMA, b'{"version":1,"columns":[]}')
GAP = gap(1)


@pytest.fixture
async def center(pki: Pki) -> AsyncIterator[HttpsCenter]:
    async with HttpsCenter(Brain(), pki) as made:
        yield made


@contextlib.asynccontextmanager
async def running(
    center: HttpsCenter, pki: Pki, errands: Errands, folder: Path, **more: float
) -> AsyncIterator[HttpsLink]:
    settings = HttpsSettings(
        url=f"https://127.0.0.1:{center.port}",
        ca=pki.ca,
        certificate=pki.gateway.certificate,
        key=pki.gateway.key,
        **{"timeout_s": 5.0, "reconnect_s_max": 0.1, **more},  # type: ignore[arg-type]
    )
    link = HttpsLink(settings, Site(name=SITE, gateway=GATEWAY, run_dir=folder))
    async with at_work(link, errands):
        yield link


async def test_one_connection_carries_all(center: HttpsCenter, pki: Pki, tmp_path: Path) -> None:
    errands = Errands([SCHEMA, GAP, SCHEMA, GAP])
    async with running(center, pki, errands, tmp_path) as link:
        await until(lambda: len(errands.sent_letters) == 4)
        assert link.counts.connected
    assert center.connections == 1
    assert errands.begun == 1
    assert sum(len(answer.acks) for answer in errands.answers) == 2


@pytest.mark.parametrize("status", [400, 413, 415, 422])
async def test_a_refused_message_is_set_aside_at_once(
    center: HttpsCenter, pki: Pki, tmp_path: Path, status: int
) -> None:
    center.page = (status, b"no")
    errands = Errands([GAP, SCHEMA])
    async with running(center, pki, errands, tmp_path) as link:
        await until(lambda: errands.refused_letters == [GAP, SCHEMA])
        assert link.counts.refused == 2
    assert not errands.answers
    assert not errands.back_letters


@pytest.mark.parametrize(
    "page",
    [
        (200, b"<html>Welcome to our network</html>"),
        (200, b""),
        (200, b"{}"),
        (200, b'{"version":1,"acks":' + b"[" * 5000),
        (200, b" " * (1 << 20) + b'{"version":1}'),
        (302, b""),
        (401, b""),
        (403, b""),
        (404, b""),
        (407, b""),
        (429, b""),
        (500, encode(Downlink(1))),
        (503, b""),
    ],
)
async def test_whatever_else_a_page_says_nothing_is_acknowledged_and_all_is_kept(
    center: HttpsCenter, pki: Pki, tmp_path: Path, page: tuple[int, bytes]
) -> None:
    center.page = page
    errands = Errands([GAP])
    async with running(center, pki, errands, tmp_path) as link:
        await until(lambda: len(errands.back_letters) >= 2)
        assert not link.counts.connected
        assert bool(link.counts.garbage) is (page[0] == 200)
        assert not errands.answers
        assert not errands.sent_letters
        center.page = None
        await until(lambda: errands.sent_letters == [GAP])
        assert link.counts.connected


async def test_no_content_is_a_success_without_an_answer(center: HttpsCenter, pki: Pki, tmp_path: Path) -> None:
    center.page = (204, b"")
    errands = Errands([SCHEMA])
    async with running(center, pki, errands, tmp_path):
        await until(lambda: errands.sent_letters == [SCHEMA])


async def test_a_center_that_closes_in_the_middle_of_a_request_is_asked_again(
    center: HttpsCenter, pki: Pki, tmp_path: Path
) -> None:
    center.closes_at = 20_000
    large = Letter(Up.BLOCK, bytes(200_000))
    center.brain.refuse = lambda _, data: data == large.data
    errands = Errands([large])
    async with running(center, pki, errands, tmp_path) as link:
        await until(lambda: len(errands.back_letters) >= 2)
        assert not link.counts.connected
        center.closes_at = None
        await until(lambda: errands.refused_letters == [large])
    assert not errands.answers


async def test_a_center_that_asks_for_patience_gets_it(center: HttpsCenter, pki: Pki, tmp_path: Path) -> None:
    patient = [Reply(503, b"", (("retry-after", "1"),))]
    center.mood = lambda _: patient.pop() if patient else None
    errands = Errands([GAP])
    async with running(center, pki, errands, tmp_path, reconnect_s_max=5.0):
        await until(lambda: errands.sent_letters == [GAP])
    assert center.asked[1] - center.asked[0] >= 0.99


async def test_a_message_on_its_way_when_the_link_stops_is_given_back(
    center: HttpsCenter, pki: Pki, tmp_path: Path
) -> None:
    center.hangs = True
    errands = Errands([GAP])
    async with running(center, pki, errands, tmp_path):
        await until(lambda: len(center.asked) == 1)
    assert errands.back_letters == [GAP]


def acknowledged(errands: Errands) -> list[int]:
    return [number for answer in errands.answers for ack in answer.acks for number in ack.gaps]


async def test_what_is_due_goes_in_one_post_once_the_center_has_told_that_it_takes_it(
    center: HttpsCenter, pki: Pki, tmp_path: Path
) -> None:
    center.bundle = 256
    errands = Errands([SCHEMA, LEDGER, *map(gap, range(1, 41))])
    async with running(center, pki, errands, tmp_path) as link:
        await until(lambda: len(acknowledged(errands)) == 40)
        assert link.counts.bundles == 2
        assert link.counts.messages[Up.GAP] == 40
    assert center.bundles == [32, 8]
    assert len(center.asked) == 4
    assert acknowledged(errands) == list(range(1, 41))
    assert len(errands.sent_letters) == 42


@pytest.mark.parametrize(("bundle", "window"), [(0, 32), (256, 1)])
async def test_a_center_of_an_older_release_and_a_window_of_one_get_each_message_alone(
    center: HttpsCenter, pki: Pki, tmp_path: Path, bundle: int, window: int
) -> None:
    center.bundle = bundle
    errands = Errands([SCHEMA, LEDGER, *map(gap, range(1, 9))])
    async with running(center, pki, errands, tmp_path, window=window) as link:
        await until(lambda: len(acknowledged(errands)) == 8)
        assert not link.counts.failures
    assert (center.bundles, len(center.asked)) == ([], 10)
    assert not errands.back_letters


async def test_a_center_that_is_replaced_by_an_older_one_goes_on_at_once(
    center: HttpsCenter, pki: Pki, tmp_path: Path
) -> None:
    center.bundle = 256
    errands = Errands([LEDGER, gap(1), gap(2)])
    async with running(center, pki, errands, tmp_path) as link:
        await until(lambda: len(acknowledged(errands)) == 2)
        center.bundle = 0
        errands.letters += map(gap, range(3, 9))
        errands.came.set()
        await until(lambda: len(acknowledged(errands)) == 8)
        assert not link.counts.failures
        assert link.counts.connected
    assert sorted(set(acknowledged(errands))) == list(range(1, 9))
    assert len(errands.back_letters) == 6


async def test_one_message_that_is_refused_out_of_a_bundle_leaves_the_others(
    center: HttpsCenter, pki: Pki, tmp_path: Path
) -> None:
    center.bundle = 256
    center.brain.refuse = lambda _, data: data == gap(3).data
    errands = Errands([LEDGER, *map(gap, range(1, 7))])
    async with running(center, pki, errands, tmp_path) as link:
        await until(lambda: len(acknowledged(errands)) == 5)
        assert link.counts.refused == 1
    assert errands.refused_letters == [gap(3)]
    assert acknowledged(errands) == [1, 2, 4, 5, 6]
    assert center.bundles == [6]
    assert not errands.back_letters


@pytest.mark.parametrize("status", [400, 413, 422, 500])
async def test_a_message_at_which_a_proxy_breaks_is_found_out_and_the_others_get_through(
    center: HttpsCenter, pki: Pki, tmp_path: Path, status: int
) -> None:
    center.bundle = 256
    center.mood = lambda request: Reply(status) if gap(5).data in request.body else None
    errands = Errands([LEDGER, *map(gap, range(1, 17))])
    async with running(center, pki, errands, tmp_path):
        await until(lambda: set(acknowledged(errands)) == set(range(1, 17)) - {5})
        if status != 500:
            await until(lambda: errands.refused_letters == [gap(5)])
    assert len(acknowledged(errands)) == 15


async def test_a_bundle_whose_answer_is_lost_comes_again_and_one_under_way_at_the_end_is_given_back(
    center: HttpsCenter, pki: Pki, tmp_path: Path
) -> None:
    center.bundle = 256
    errands = Errands([LEDGER])
    async with running(center, pki, errands, tmp_path) as link:
        await until(lambda: bool(errands.answers))
        center.loses = 1
        errands.letters += map(gap, range(1, 5))
        errands.came.set()
        await until(lambda: set(acknowledged(errands)) == {1, 2, 3, 4})
        assert link.counts.failures == 1
        center.hangs = True
        before = len(center.asked)
        errands.letters += map(gap, range(5, 8))
        errands.came.set()
        await until(lambda: len(center.asked) > before)
    assert {5, 6, 7} & set(acknowledged(errands)) == set()
    assert set(errands.back_letters) >= set(map(gap, range(1, 5)))
    assert sorted(map(hash, errands.letters)) == sorted(map(hash, map(gap, range(5, 8))))


class _KnowsPeers(HttpsCenter):
    """A center that remembers which certificate each connection has shown."""

    def __init__(self, pki: Pki) -> None:
        super().__init__(Brain(), pki)
        self.serials: list[str] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.serials.append(writer.get_extra_info("peercert")["serialNumber"])
        await super().talk(reader, writer)


async def test_a_renewed_certificate_is_shown_by_the_next_connection(pki: Pki, tmp_path: Path) -> None:
    folder = tmp_path / "next"
    folder.mkdir()
    for name in ("ca.pem", "ca.key", "revoked.pem"):
        shutil.copy(pki.ca.parent / name, folder / name)
    new = Authority(folder).issue("gateway", common_name=GATEWAY)
    used = Identity(tmp_path / "gateway.pem", tmp_path / "gateway.key")
    shutil.copy(pki.gateway.certificate, used.certificate)
    shutil.copy(pki.gateway.key, used.key)
    errands = Errands([SCHEMA])
    async with (
        _KnowsPeers(pki) as center,
        running(center, dataclasses.replace(pki, gateway=used), errands, tmp_path),
    ):
        await until(lambda: len(errands.sent_letters) == 1)
        shutil.copy(new.key, used.key)
        shutil.copy(new.certificate, used.certificate)
        errands.letters.append(SCHEMA)
        errands.came.set()
        await until(lambda: len(errands.sent_letters) == 2)
        assert len(center.serials) == 1, "the connection that lives goes on"
        center.loses = 1
        errands.letters.append(SCHEMA)
        errands.came.set()
        await until(lambda: len(errands.sent_letters) == 3)
        assert len(set(center.serials)) == 2
