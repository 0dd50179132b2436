"""This file uploads as chargers do, with real clients; it guards what doors take, and that they are shut otherwise."""

import asyncio
import contextlib
import ftplib
import gc
import io
import logging
import resource
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import trustme

from isolane.config.values import Address
from isolane.health.commands.uploads import http_door
from isolane.health.commands.uploads.doors import Doors, Expected, doors_of
from isolane.health.commands.verb import VerbError
from isolane.health.commands.verbs.settings import UploadDoor, UploadSettings

LOG = b"\x1f\x8b" + bytes(range(256)) * 400
SIZE_MAX = 200_000


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Charger:
    """Uploads to a URL as it was told it."""

    def __init__(self, url: str, trusts: ssl.SSLContext) -> None:
        self.url, self.trusts = url, trusts
        self.parts = urlsplit(url)

    async def put(self, name: str, body: object = LOG, method: str = "PUT", url: str = "", **more: str) -> int:
        async with httpx.AsyncClient(verify=self.trusts, timeout=20) as client:
            target = (url or self.url) + name
            answer = await client.request(method, target, content=body, headers=more)  # type: ignore[arg-type]
            return answer.status_code

    def ftp(self) -> ftplib.FTP:
        if self.parts.scheme == "ftps":
            client: ftplib.FTP = _ImplicitTls(context=self.trusts, timeout=20)
        else:
            client = ftplib.FTP(timeout=20)  # noqa: S321 - what chargers speak
        client.connect(self.parts.hostname or "", self.parts.port or 0)
        client.login(self.parts.username or "", self.parts.password or "")
        if isinstance(client, ftplib.FTP_TLS):
            client.prot_p()
        return client


class _ImplicitTls(ftplib.FTP_TLS):
    """FTP with TLS from the first byte on, which the library does not know."""

    def connect(self, host: str = "", port: int = 0, *_: object) -> str:
        self.host, self.port = host, port
        plain = socket.create_connection((host, port), 20)
        self.af = plain.family
        self.sock = self.context.wrap_socket(plain, server_hostname=host)
        self.file = self.sock.makefile("r", encoding="utf-8")
        self.welcome = self.getresp()
        return self.welcome


class Yard:
    """A gateway with a door of each way."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("127.0.0.1")
        chain, key = folder / "chain.pem", folder / "key.pem"
        certificate.private_key_pem.write_to_path(key)
        for blob in certificate.cert_chain_pems:
            blob.write_to_path(chain, append=True)
        self.trusts = ssl.create_default_context()
        authority.configure_trust(self.trusts)
        doors = []
        for way in ("http", "https", "ftp", "ftps"):
            is_secure = way.endswith("s")
            doors.append(
                UploadDoor(
                    way=way,
                    address=Address("127.0.0.1", free_port()),
                    certificate=chain if is_secure else None,
                    key=key if is_secure else None,
                )
            )
        self.settings = UploadSettings(doors=tuple(doors), size_bytes_max=SIZE_MAX, wait_s=20)
        self.folder = folder / "quarantine"
        self.doors = Doors(self.settings, self.folder)

    @asynccontextmanager
    async def waiting(self, way: str | None) -> AsyncIterator[tuple[Expected, Charger]]:
        async with asyncio.timeout(60), self.doors.expect(way) as expected:
            yield expected, Charger(expected.url, self.trusts)


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Yard:
    return Yard(tmp_path_factory.mktemp("yard"))


@pytest.mark.parametrize("way", ["http", "https"])
@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_charger_uploads_by_http(yard: Yard, way: str, method: str) -> None:
    async with yard.waiting(way) as (expected, charger):
        assert expected.url.startswith(f"{way}://")
        assert await charger.put("diag%2F..%2F1.gz", method=method) == 201
        upload = await yard.doors.arrived(expected)
        assert (upload.path.read_bytes(), upload.label) == (LOG, "1.gz")
        assert await charger.put("again") == 409
    assert not list(yard.folder.iterdir())
    with pytest.raises(httpx.ConnectError):
        await charger.put("later")


async def test_a_body_without_a_length_is_bounded_as_it_comes(yard: Yard) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield LOG

    async def short() -> AsyncIterator[bytes]:
        yield LOG

    async with yard.waiting(None) as (expected, charger):
        with contextlib.suppress(httpx.WriteError, httpx.ReadError):
            assert await charger.put("log", endless()) == 413
        assert await charger.put("log", bytes(SIZE_MAX + 1)) == 413
        assert not list(yard.folder.iterdir())
        assert await charger.put("log", short()) == 201
        assert (await yard.doors.arrived(expected)).size == len(LOG)


async def test_strangers_learn_nothing_and_leave_nothing(yard: Yard) -> None:
    async with yard.waiting("http") as (expected, charger):
        parts = charger.parts
        bare = f"http://{parts.hostname}:{parts.port}"
        assert await charger.put("log", url=f"{bare}/") == 404
        assert await charger.put("log", url=f"{bare}/{'0' * 32}/") == 404
        assert await charger.put("log", url=f"{bare}/%2e%2e/{expected.slot.token}/") == 404
        assert await charger.put("log", url=f"{bare}{parts.path}") == 401
        assert await charger.put("log", url=f"{bare}{parts.path}", Authorization="Bearer x") == 401
        assert await charger.put("log", url=f"http://a:b@{parts.hostname}:{parts.port}{parts.path}") == 401
        assert await charger.put("log", method="GET") == 405
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(b"\x16\x03\x01 no http\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
        assert not list(yard.folder.iterdir())
        assert await charger.put("log") == 201


async def test_who_holds_all_places_and_says_nothing_is_put_out(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_door, "_HEAD_S", 0.2)
    async with yard.waiting("http") as (expected, charger):
        idle = [await asyncio.open_connection(charger.parts.hostname, charger.parts.port) for _ in range(9)]
        assert [await reader.read() for reader, _ in idle] == [b""] * 9
        for _, writer in idle:
            writer.close()
        monkeypatch.setattr(http_door, "_HEAD_S", 20.0)
        assert await charger.put("log") == 201
        assert (await yard.doors.arrived(expected)).size == len(LOG)


async def test_an_upload_that_is_cut_is_dropped_and_may_come_again(yard: Yard) -> None:
    async with yard.waiting("http") as (expected, charger):
        parts, slot = charger.parts, expected.slot
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        basic = httpx.BasicAuth(slot.user, slot.password)._auth_header
        head = f"PUT {parts.path}log HTTP/1.1\r\nHost: x\r\nAuthorization: {basic}\r\nContent-Length: 100\r\n\r\n"
        writer.write(head.encode() + b"half")
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        assert not slot.arrived.done()
        assert slot.why.startswith("the charger broke it off (")
        assert slot.why.endswith("), after 4 bytes")
        assert await charger.put("log") == 201
        assert (await yard.doors.arrived(expected)).size == len(LOG)


@pytest.mark.parametrize("way", ["ftp", "ftps"])
async def test_a_charger_uploads_by_ftp_and_can_do_nothing_else(
    yard: Yard, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    def upload(charger: Charger, folder: str) -> list[str]:
        refused = []
        with charger.ftp() as client:
            for line in ("RETR x", "DELE x", "MKD /x", "RMD /", "RNFR x", "CWD /etc", "CWD /0"):
                try:
                    client.voidcmd(line)
                except ftplib.Error:
                    refused.append(line)
            client.cwd(folder)
            client.retrlines("LIST", refused.append)
            client.storbinary("STOR ../" + folder.strip("/") + "/diag 1.gz", io.BytesIO(LOG))
        return refused

    def trespass(charger: Charger, line: str) -> None:
        client = charger.ftp()
        with contextlib.closing(client), pytest.raises((ftplib.Error, OSError)):
            client.storbinary(line, io.BytesIO(LOG))

    async with yard.waiting(way) as (expected, charger):
        for line in ("STOR /x", f"APPE {charger.parts.path}x"):
            await asyncio.to_thread(trespass, charger, line)
        refused = await asyncio.to_thread(upload, charger, charger.parts.path)
        assert len(refused) == 7
        got = await yard.doors.arrived(expected)
        assert (got.path.read_bytes(), got.label) == (LOG, "diag-1.gz")
    assert not list(yard.folder.iterdir())
    gc.collect()
    assert not [record for record in caplog.records if record.name == "asyncio" and record.levelno >= logging.ERROR]


async def test_ftp_is_bounded_as_it_comes_and_knows_its_one_user(yard: Yard) -> None:
    def upload(charger: Charger) -> None:
        client = charger.ftp()
        client.cwd(charger.parts.path)
        with contextlib.closing(client), pytest.raises((ftplib.Error, OSError)):
            client.storbinary("STOR log", io.BytesIO(bytes(20 * SIZE_MAX)))

    def intrude(charger: Charger) -> None:
        for user, password in (("anonymous", ""), (charger.parts.username or "", "guess")):
            with ftplib.FTP(timeout=20) as client:  # noqa: S321 - what chargers speak
                client.connect(charger.parts.hostname or "", charger.parts.port or 0)
                with pytest.raises(ftplib.error_perm):
                    client.login(user, password)

    async with yard.waiting("ftp") as (expected, charger):
        await asyncio.to_thread(intrude, charger)
        await asyncio.to_thread(upload, charger)
        assert not expected.slot.arrived.done()
        assert not list(yard.folder.iterdir())


async def test_who_waits_in_vain_is_told_why_the_last_attempt_failed(tmp_path: Path) -> None:
    async def wait(attempt: Callable[[Charger], Awaitable[None]]) -> str:
        async with asyncio.timeout(60), doors.expect(None) as expected:
            await attempt(Charger(expected.url, ssl.create_default_context()))
            with pytest.raises(VerbError) as error:
                await doors.arrived(expected)
            return str(error.value)

    async def nothing(_: Charger) -> None:
        pass

    async def stranger(charger: Charger) -> None:
        parts = charger.parts
        assert await charger.put("log", url=f"http://{parts.hostname}:{parts.port}{parts.path}") == 401

    async def large(charger: Charger) -> None:
        async def parts() -> AsyncIterator[bytes]:
            yield bytes(SIZE_MAX)
            yield b"x"

        assert await charger.put("log", parts()) == 413

    door = UploadDoor(way="http", address=Address("127.0.0.1", free_port()))
    doors = Doors(UploadSettings(doors=(door,), size_bytes_max=SIZE_MAX, wait_s=0.2), tmp_path / "quarantine")
    told = "the charger has uploaded nothing whole within 0.2 s"
    assert [await wait(attempt) for attempt in (nothing, stranger)] == [told] * 2
    assert (await wait(large)).startswith(
        f"{told}; its last attempt failed: it is larger than {SIZE_MAX} bytes, after "
    )


@pytest.mark.parametrize("way", ["http", "ftp"])
async def test_a_log_that_the_disk_refuses_is_not_called_taken(yard: Yard, way: str) -> None:
    """A short one goes to the disk when all of it has come."""

    def store(charger: Charger) -> None:
        client = charger.ftp()
        client.cwd(charger.parts.path)
        with contextlib.closing(client), pytest.raises(ftplib.error_temp, match=r"^451 "):
            client.storbinary("STOR log", io.BytesIO(b"short"))

    async with yard.waiting(way) as (expected, charger):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        try:
            if way == "ftp":
                await asyncio.to_thread(store, charger)
            else:
                assert await charger.put("log", b"short") == 507
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert not expected.slot.arrived.done()
        assert expected.slot.why == "the gateway's disk refuses it: File too large, after 5 bytes"
        assert not list(yard.folder.iterdir())


async def test_a_door_that_is_not_there_or_cannot_open_is_said_so(yard: Yard, tmp_path: Path) -> None:
    door = UploadDoor(way="http", address=yard.settings.doors[0].address)
    doors = Doors(UploadSettings(doors=(door,), wait_s=10), tmp_path)
    with pytest.raises(VerbError, match="no door by ftp"):
        async with doors.expect("ftp"):
            pass
    with socket.create_server((door.address.host, door.address.port)), pytest.raises(VerbError, match="cannot listen"):
        async with doors.expect(None):
            pass
    assert doors_of(yard.settings)[0] == f"http://127.0.0.1:{door.address.port}/"
