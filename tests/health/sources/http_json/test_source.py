"""This file reads pages of servers that behave and that do not; it guards that each failure has its reason."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from isolane.config.values import Secret
from isolane.core.clock import SystemClock
from isolane.core.failures import IsolaneError
from isolane.core.samples import Quality, Reason
from isolane.health.sources.http_json.settings import HttpJsonSettings, JsonPointSettings
from isolane.health.sources.http_json.source import HttpJsonSource
from support.broker import Pki
from support.readings import running
from support.together import together
from support.web_page import Answer, WebPage, response, says

CHARGE = "0.0/xUps/xCharge"
VOLTS = "0.0/xUps/Voltage"
BODY = b'{"battery": {"charge": 97, "note": null}, "outputs": [{"volts": 2301}], "at": 17e8}'
POINTS = (
    JsonPointSettings(key=CHARGE, unit="Percent", path="battery.charge", range=(0, 100)),
    JsonPointSettings(key=VOLTS, unit="V", scale=0.1, resolution=0.1, path="outputs[0].volts"),
    JsonPointSettings(key="0.0/xUps/xNote", path="battery.note"),
    JsonPointSettings(key="0.0/xUps/xGone", path="battery.gone"),
)
Pages = Callable[..., Awaitable[WebPage]]


def source(url: str, **more: object) -> HttpJsonSource:
    table: dict[str, object] = {"period_s": 0.1, "timeout_s": 0.4, "reconnect_s_max": 0.2, **more}
    return HttpJsonSource(
        HttpJsonSettings(name="ups", url=url, points=POINTS, **table),  # type: ignore[arg-type]
        SystemClock(),
    )


@pytest.fixture
async def page() -> AsyncIterator[Pages]:
    pages: list[WebPage] = []

    async def start(answer: Answer, context: ssl.SSLContext | None = None) -> WebPage:
        one = WebPage(answer, context)
        pages.append(one)
        await one.start()
        return one

    yield start
    for each in pages:
        await each.stop()


async def test_values_come_from_their_paths_over_one_connection(page: Pages) -> None:
    server = await page(says(BODY))
    async with running(source(server.url)) as kept:
        await kept.until(lambda: len(kept.readings) >= 16)
    assert kept.value(CHARGE) == 97
    assert kept.value(VOLTS) == pytest.approx(230.1)
    lacking = {each.signal for each in kept.readings if each.reason is Reason.NOT_IMPLEMENTED}
    assert lacking == {"0.0/xUps/xNote", "0.0/xUps/xGone"}
    assert server.connections == 1


async def hang(_head: bytes, _writer: asyncio.StreamWriter) -> None:
    pass


async def trickle(_head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(response(BODY)[:50])
    while not writer.is_closing():
        await asyncio.sleep(0.02)
        writer.write(b" ")
        await writer.drain()


async def reset(_head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def flood(_head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(400):
        writer.write(b"10000\r\n" + b"7" * 65_536 + b"\r\n")
        await writer.drain()


async def endless_head(_head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(400):
        writer.write(b"7" * 65_536)
        await writer.drain()


async def short(_head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(response(BODY)[:-5])
    writer.close()


def says_long(body: bytes, more: int) -> Answer:
    """Answer with a body and a length that is another's."""

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body) + more, body))

    return answer


async def not_http(_head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\0\0\0\x12 SSH-2.0 hello\r\n\r\n")


EVIL: dict[str, tuple[Answer, Reason]] = {
    "hangs": (hang, Reason.TIMEOUT),
    "trickles": (trickle, Reason.TIMEOUT),
    "resets": (reset, Reason.DISCONNECTED),
    "floods": (flood, Reason.MALFORMED),
    "floods its head": (endless_head, Reason.MALFORMED),
    "promises more": (says_long(BODY, 40), Reason.TIMEOUT),
    "promises less": (says_long(BODY, -20), Reason.MALFORMED),
    "ends too soon": (short, Reason.DISCONNECTED),
    "is no web server": (not_http, Reason.MALFORMED),
    "is no JSON": (says(b"<html>"), Reason.MALFORMED),
    "is nested": (says(b"[" * 100_000), Reason.MALFORMED),
    "denies": (says(b"{}", "401 Unauthorized"), Reason.REFUSED),
    "is sick": (says(b"{}", "500 Oops"), Reason.REFUSED),
    "sends elsewhere": (says(b"", "302 Found", "Location: http://127.0.0.1:9/\r\n"), Reason.REFUSED),
    "is of another form": (says(b"[1, 2]"), Reason.NOT_IMPLEMENTED),
}


FLOODS = [[name] for name in EVIL if "flood" in name]
"""Alone, so that the others have the loop in time."""


@pytest.mark.parametrize(
    "names", [[name for name in EVIL if [name] not in FLOODS], *FLOODS], ids=["all", *map(str, FLOODS)]
)
async def test_a_sick_server_gives_its_reason_and_recovers(names: list[str], page: Pages) -> None:
    async def case(name: str) -> None:
        answer, reason = EVIL[name]
        server = await page(answer)
        async with running(source(server.url)) as kept:
            await kept.until(lambda: len(kept.readings) >= 8)
            assert not kept.good()
            assert reason in kept.reasons()
            # Many servers are sick at once here: on a machine that is busy too, any of them may be late instead.
            assert kept.reasons() <= {reason, Reason.DISCONNECTED, Reason.TIMEOUT}
            server.answer = says(BODY)
            await kept.until(lambda: kept.value(CHARGE) == 97)

    await together(names, case)


async def test_a_server_that_restarts_is_read_again(page: Pages) -> None:
    server = await page(says(BODY))
    async with running(source(server.url)) as kept:
        await kept.until(lambda: kept.value(CHARGE) == 97)
        await server.stop()
        await kept.until(lambda: kept.readings[-1].reason is Reason.DISCONNECTED)
        server.answer = says(BODY.replace(b"97", b"96"))
        await server.start()
        await kept.until(lambda: kept.value(CHARGE) == 96)


async def test_a_server_that_hangs_up_is_not_stormed(page: Pages) -> None:
    server = await page(reset)
    async with running(source(server.url, reconnect_s_max=30)) as kept:
        await kept.until(lambda: len(kept.readings) >= 4 * 20)
    assert server.connections <= 4


async def test_credentials_are_sent_and_never_in_the_url(page: Pages, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n", encoding="utf-8")
    secret = Secret.parse("file:secret", tmp_path)
    server = await page(says(BODY))
    for more, header in (
        ({"user": "reader", "password": secret}, b"authorization: basic cmvhzgvyonmzy3jlda=="),
        ({"token": secret}, b"authorization: bearer s3cret"),
    ):
        async with running(source(server.url, **more)) as kept:
            await kept.until(lambda kept=kept: bool(kept.good()))  # type: ignore[misc]
        assert header in server.heads[-1].lower()


async def test_a_server_is_verified(page: Pages, pki: Pki) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.server.certificate, pki.server.key)
    server = await page(says(BODY), context)
    async with running(source(server.url, ca=pki.ca)) as kept:
        await kept.until(lambda: bool(kept.good()))
    async with running(source(server.url)) as kept:
        await kept.until(lambda: len(kept.readings) >= 8)
        assert kept.reasons() == {Reason.DISCONNECTED}


async def test_the_documents_own_time_is_the_readings_age(page: Pages) -> None:
    server = await page(says(b'{"battery": {"charge": 50}, "at": %d}' % (time.time() - 60)))
    async with running(source(server.url, time_path="at")) as kept:
        await kept.until(lambda: bool(kept.good()))
    age_s = (SystemClock().mono_ns() - kept.good()[0].source_mono_ns) / 1e9
    assert 58 < age_s < 75


async def test_a_neighbour_keeps_its_pace_beside_one_that_floods(page: Pages) -> None:
    sick, sound = await page(flood), await page(says(BODY))
    async with running(source(sick.url)) as flooded, running(source(sound.url)) as well:
        await flooded.until(lambda: len(flooded.readings) >= 40)
        await well.until(lambda: len(well.readings) >= 40)
    assert {each.quality for each in well.readings if each.signal == CHARGE} == {Quality.GOOD}


@pytest.mark.parametrize(
    ("more", "says_"),
    [
        ({"url": "ftp://host/x"}, "must be http"),
        ({"url": "http://user:secret@host/x"}, "carry no credentials"),
        ({"user": "reader"}, "half or double"),
    ],
)
def test_a_table_that_cannot_be_is_refused(more: dict[str, str], says_: str) -> None:
    with pytest.raises(IsolaneError, match=says_):
        source(more.pop("url", "http://host/x"), **more)
