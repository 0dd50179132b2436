"""This file checks the port: who may ask, how, and that a caller who leaves changes nothing."""

import asyncio
import os
import pwd
import socket
import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from isolane.core.failures import IsolaneError
from isolane.value.own_calls.audit import AuditFile
from isolane.value.own_calls.port import OwnCallPort
from isolane.value.own_calls.service import OwnCalls
from isolane.value.own_calls.settings import OwnCallsSettings
from isolane.value.security_events import Kind, SecurityEvents
from isolane.wire.own_call import VERSION, Refusal, Refused, length, pack, unpack_answer
from isolane.wire.own_call_client import ask
from support.own_calls import asked, asking, audited, boot, enabled, passes, receive, up

OTHER = next(entry for entry in pwd.getpwall() if entry.pw_uid != os.geteuid())


@dataclass
class Opened:
    """A port in this process, with nobody connected to the relay."""

    path: Path
    events: SecurityEvents


@asynccontextmanager
async def opening(folder: Path, caller: str | None = None, audit: str = "own-calls.jsonl") -> AsyncIterator[Opened]:
    """Open it until the block ends."""
    opened = Opened(folder / "run" / "own-calls.sock", SecurityEvents())
    file = AuditFile(folder / audit, 1 << 20)
    try:
        settings = OwnCallsSettings(enabled_for=["CP1"], audit=folder / audit)
        port = OwnCallPort(opened.path, OwnCalls(settings, opened.events, file), opened.events, caller)
        await port.open()
        yield opened
        await port.close()
    finally:
        file.close()


async def test_it_is_there_for_one_user(tmp_path: Path) -> None:
    async with opening(tmp_path) as opened:
        mode = opened.path.stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert mode & 0o777 == 0o600
        assert opened.path.parent.stat().st_mode & 0o777 == 0o700
        assert await ask(opened.path, asked()) == Refused(VERSION, Refusal.NOT_CONNECTED)
    assert not opened.path.exists()


async def test_a_stranger_is_told_nothing(tmp_path: Path) -> None:
    async with opening(tmp_path, OTHER.pw_name) as opened:
        assert opened.path.stat().st_mode & 0o777 == 0o660
        with pytest.raises(ConnectionError):
            await ask(opened.path, asked())
        assert opened.events.counts[Kind.OWN_CALL] == 1
    assert audited(tmp_path) == []


async def test_a_user_who_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(IsolaneError, match="there is no user 'nobody-at-all'"):
        async with opening(tmp_path, "nobody-at-all"):
            pass


@pytest.mark.parametrize(
    "wire",
    [
        b"\0\0\0\0",
        b"\xff\xff\xff\xff",
        b"\0\0\0\x02{}",
        pack(asked()).replace(b'"version":1', b'"version":2'),
        pack(asked()).replace(b"GetConfiguration", b"Get-onfiguration"),
    ],
)
async def test_what_is_no_request_is_refused_and_ends_the_connection(tmp_path: Path, wire: bytes) -> None:
    async with opening(tmp_path) as opened:
        reader, writer = await asyncio.open_unix_connection(str(opened.path))
        writer.write(wire)
        async with asyncio.timeout(10):
            size = length(await reader.readexactly(4))
            assert unpack_answer(await reader.readexactly(size)) == Refused(VERSION, Refusal.MALFORMED)
            assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        assert opened.events.counts[Kind.OWN_CALL] == 1


async def test_requests_of_a_connection_are_answered_in_order(tmp_path: Path) -> None:
    async with opening(tmp_path) as opened:
        reader, writer = await asyncio.open_unix_connection(str(opened.path))
        writer.write(pack(asked()) + pack(asked(charger="CP2")))
        for reason in (Refusal.NOT_CONNECTED, Refusal.NOT_ENABLED):
            async with asyncio.timeout(10):
                size = length(await reader.readexactly(4))
                assert unpack_answer(await reader.readexactly(size)) == Refused(VERSION, reason)
        writer.close()
        await writer.wait_closed()


async def test_a_caller_gone_mad_waits(tmp_path: Path) -> None:
    async with opening(tmp_path) as opened:
        began = time.monotonic()
        for _ in range(2):
            await asyncio.gather(*(ask(opened.path, asked()) for _ in range(12)))
        assert time.monotonic() - began > 1.9, "20 at once, then two a second"
    assert len(audited(tmp_path)) == 24


async def test_a_dead_relays_socket_is_replaced_and_a_living_ones_is_not(tmp_path: Path) -> None:
    path = tmp_path / "run" / "own-calls.sock"
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    async with opening(tmp_path):
        with pytest.raises(IsolaneError, match="another relay"):
            async with opening(tmp_path, audit="other"):
                pass
        assert await ask(path, asked()) == Refused(VERSION, Refusal.NOT_CONNECTED)


async def test_a_caller_who_leaves_changes_nothing(tmp_path: Path) -> None:
    async with enabled(tmp_path) as (relay, charger, csms):
        await boot(charger, csms)
        _, writer = await asyncio.open_unix_connection(str(relay.run_dir / "own-calls.sock"))
        writer.write(pack(asked()))
        identity = (await receive(charger))[1]
        writer.transport.abort()
        caller = asking(relay, asked(payload={"key": ["x"]}))
        assert await caller == Refused(VERSION, Refusal.OWN_CALL_OUTSTANDING)
        charger.writer.write(up(3, identity, {}))
        await passes(charger, csms, up(2, "1", "Heartbeat", {}))
        await relay.until_metric('isolane_value_own_calls_total{outcome="result"}', 1)
    assert ("GetConfiguration", "result") in audited(tmp_path)
