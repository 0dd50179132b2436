"""This file tests the HTTPS link against centers and impostors; it guards that only the center's word is an answer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from isolane.config.site import Site
from isolane.health.links.https.link import HttpsLink
from isolane.health.links.https.settings import HttpsSettings
from isolane.wire.uplink import Downlink, Up, encode
from support.broker import Pki
from support.centers import Brain, HttpsCenter
from support.couriers import Errands, Letter
from support.outboxes import GATEWAY, SITE, until

SCHEMA = Letter(Up.SCHEMA, b'{"version":1,"columns":[]}')
GAP = Letter(
    Up.GAP,
    b'{"version":1,"epoch":1,"stream":0,"first":1,"last":1,"samples":0,"reason":"expired","from_ms":0,"to_ms":0}',
)


@pytest.fixture
async def center(pki: Pki) -> AsyncIterator[HttpsCenter]:
    async with HttpsCenter(Brain(), pki) as made:
        yield made


@contextlib.asynccontextmanager
async def running(center: HttpsCenter, pki: Pki, errands: Errands, folder: Path) -> AsyncIterator[HttpsLink]:
    settings = HttpsSettings(
        url=f"https://127.0.0.1:{center.port}",
        ca=pki.ca,
        certificate=pki.gateway.certificate,
        key=pki.gateway.key,
        reconnect_s_max=0.1,
        timeout_s=5.0,
    )
    link = HttpsLink(settings, Site(name=SITE, gateway=GATEWAY, run_dir=folder))
    task = asyncio.create_task(link.run(errands))
    try:
        yield link
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


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


async def test_a_message_on_its_way_when_the_link_stops_is_given_back(
    center: HttpsCenter, pki: Pki, tmp_path: Path
) -> None:
    center.hangs = True
    errands = Errands([GAP])
    async with running(center, pki, errands, tmp_path):
        await until(lambda: center.asked == 1)
    assert errands.back_letters == [GAP]
