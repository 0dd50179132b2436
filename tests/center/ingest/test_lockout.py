"""This file changes lists under a listener that lives; it guards that no mistake in a file lets anybody in or out."""

import asyncio
import contextlib
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from isolane.center.ingest.lockout import Lockout
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.enrolment_book import EnrolmentBook
from isolane.security.authority import Authority, Identity
from isolane.security.tls import client_context, server_context
from support.listening import listening

_BOUND_S = 20.0


@dataclass
class World:
    """A listener's context, its CA and the task that follows the CA's list."""

    authority: Authority
    context: ssl.SSLContext
    lockout: Lockout
    port: int

    async def gets_in(self, identity: Identity) -> bool:
        context = client_context(self.authority.certificate, identity.certificate, identity.key)
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=context)
            try:
                return await reader.read() == b"in"
            finally:
                writer.close()
        return False

    async def until_holds(self, identity: Identity) -> None:
        serial = await asyncio.to_thread(_serial, identity)
        async with asyncio.timeout(_BOUND_S):
            while not self.lockout.holds(serial):
                await asyncio.sleep(0.02)


def _serial(identity: Identity) -> int:
    shown = ("openssl", "x509", "-noout", "-serial", "-in", identity.certificate)
    return int(subprocess.run(shown, check=True, capture_output=True, text=True).stdout.strip().partition("=")[2], 16)


@pytest.fixture
async def world(open_catalogue: Callable[[], SqlCatalogue], tmp_path: Path) -> AsyncIterator[World]:
    authority = Authority(tmp_path / "pki")
    authority.create("north")
    server = authority.issue("server", common_name="127.0.0.1", hosts=["127.0.0.1"])
    context = server_context(server.certificate, server.key, authority.certificate, authority.revocations)
    book, pid = EnrolmentBook(open_catalogue()), tmp_path / "pid"
    lockout = Lockout([authority.revocations], context, list, book, broker_pid_file=pid)

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"in")
        await writer.drain()
        writer.close()

    async with listening(greet, context) as port:
        task = asyncio.create_task(lockout.run())
        yield World(authority, context, lockout, port)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_list_that_cannot_be_read_changes_nothing_and_the_next_one_holds(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    first, second, good = (world.authority.issue(name, common_name=name) for name in ("gw-1", "gw-2", "gw-3"))
    world.authority.revoke(first.certificate)
    await world.until_holds(first)
    whole = world.authority.revocations.read_bytes()
    world.authority.revocations.write_bytes(whole[:100])
    async with asyncio.timeout(_BOUND_S):
        while "revocations-unreadable" not in caplog.text:
            await asyncio.sleep(0.02)
    assert [await world.gets_in(one) for one in (first, second, good)] == [False, True, True]
    world.authority.revocations.write_bytes(whole)
    world.authority.revoke(second.certificate)
    await world.until_holds(second)
    assert [await world.gets_in(one) for one in (first, second, good)] == [False, False, True]


async def test_only_a_broker_is_sent_a_signal(world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """SIGHUP would end this process; a pid file that was left behind may name anybody."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE)
    (tmp_path / "pid").write_text(str(process.pid))
    gateway = world.authority.issue("gw-1", common_name="gw-1")
    world.authority.revoke(gateway.certificate)
    await world.until_holds(gateway)
    async with asyncio.timeout(_BOUND_S):
        while "broker-not-told" not in caplog.text:
            await asyncio.sleep(0.02)
    assert process.stdin is not None
    process.stdin.write(b"\n")
    assert await process.wait() == 0
