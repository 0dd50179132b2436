"""This file listens to the live feed where it must not, too long, and too slowly (OC-18); it guards that each ends.

Rows of both tenants keep coming through the ingest listener meanwhile, and somebody who may listen hears them: silence
alone would prove nothing.
"""

import asyncio
import contextlib
import json
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import numpy as np
from bench.attack.fill import UnknownError
from bench.attack.operations.court import Move, step
from bench.attack.operations.gateway import Poster, posting
from bench.attack.operations.ground import CHARGER, OF_B, PASSWORD, SITE, Actor, Center
from bench.attack.operations.listening import FOREIGN_PAGE, listened_from
from bench.attack.operations.request import compose

from isolane.center.people.sessions import digest
from isolane.core.signals import Signal

_ENDS_WITHIN_S = 10.0
"""What was ended is asked for every second, and believed for three."""
_QUICK_S = 20.0
_SLOW = 8
_COLUMNS = 200
_ROWS = 60
_BLOCKS = 30
"""Twice what fills the system's buffers and the queue of one who does not read."""
_GROWTH_KB_MAX = 16_384
"""What slow ones together may hold more at the end than when their queues were full."""
_READ_BYTES = 512
_HOUR_MS = 3_600_000


@contextlib.asynccontextmanager
async def _speaking(center: Center, tenant: str) -> AsyncIterator[Poster]:
    """Let a tenant's gateway send a row of its charger every half second."""
    signals = (Signal(CHARGER[tenant], "1.0/EVSE/Live", "W", 1.0),)
    async with posting(center, tenant, signals, time.time_ns() // 1_000_000_000 * 1000) as poster:

        async def speak() -> None:
            while True:
                await poster.send(np.array([[poster.sequence]], np.int64))
                await asyncio.sleep(0.5)

        speaking = asyncio.create_task(speak())
        try:
            yield poster
        finally:
            speaking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await speaking


@step("cswsh")
async def cswsh(move: Move) -> None:
    """Listen from a foreign page in Chromium, where the victim is logged in, and with a victim's cookie by hand."""
    if move.arg is not True:
        raise UnknownError(f"cswsh {move.arg!r}")
    center, wrong = move.center, []
    victim = await center.person("B", "viewer")
    async with _speaking(center, "B"):
        own, foreign, tried = await listened_from(center.port, "b-viewer", PASSWORD, _feeds("B"))
        if not own:
            raise RuntimeError("the victim's own page hears nothing")
        wrong += [f"a foreign page heard {one}" for one in foreign]
        wrong += [
            f"{target} for {fields}"
            for fields in _foreign()
            for target in _feeds("B")
            if await _hears(center, victim, target, fields)
        ]
    center.notes.append(f"{tried} ways to listen from {len(FOREIGN_PAGE)} foreign origins in Chromium")
    center.measures["bytes_of_B"] = "; ".join(wrong[:4]) or 0


def _foreign() -> list[tuple[str, ...]]:
    """Give what browsers, new and old, write into the requests of foreign pages."""
    sites = [("Sec-Fetch-Site: cross-site",), ("Sec-Fetch-Site: same-site",)]
    origins = [(f"Origin: {origin}",) for origin in ("https://evil.example", "null", "http://127.0.0.1:1")]
    return [*sites, *origins, *(site + origin for site in sites for origin in origins)]


def _feeds(tenant: str) -> list[str]:
    return [f"/api/v1/live/{SITE[tenant]}/{CHARGER[tenant]}", "/api/v1/live", "/api/v1/alerts/live"]


async def _hears(center: Center, actor: Actor, target: str, fields: tuple[str, ...]) -> bool:
    reply = await center.ask(actor, "GET", target, fields=fields, listen_s=1.0)
    return reply.status == 200 or any(word in reply.raw for word in OF_B if word not in reply.asked)


@step("subscribe")
async def subscribe(move: Move) -> None:
    """Listen to B's as people and programs of A; then to one's own until session or token end."""
    if move.arg != {"tenant": "B"}:
        raise UnknownError(f"subscribe {move.arg!r}")
    center, wrong = move.center, []
    admin = await center.person("*", "admin")
    async with _speaking(center, "A"), _speaking(center, "B"):
        secret = await _token(center, admin)
        people = [await center.person("A", role) for role in ("viewer", "admin")]
        for actor in (*people, Actor("program", "", "A", token=secret[1])):
            for target in (*_feeds("A"), *_feeds("B")):
                reply = await center.ask(actor, "GET", target, listen_s=2.0)
                if target.endswith(CHARGER["B"]) and reply.status != 404:
                    wrong.append(f"{actor.name}: {target}: {reply.status}")
                if target.endswith(CHARGER["A"]) and b"event: samples" not in reply.raw:
                    raise RuntimeError(f"{actor.name} does not hear its own: {reply.raw[:200]!r}")
        own = await center.ask(await center.person("B", "viewer"), "GET", _feeds("B")[0], listen_s=2.0)
        if b"event: samples" not in own.raw:
            raise RuntimeError("B's own people hear nothing")
        late = [
            what for what, actor, end in await _endings(center, admin, secret) if not await _ends(center, actor, end)
        ]
    center.measures["closed_at_expiry"] = f"still open: {', '.join(late)}" if late else True
    before = center.measures.get("bytes_of_B", 0)
    heard = "; ".join(wrong[:4]) or center.foreign_bytes
    center.measures["bytes_of_B"] = before or heard


async def _token(center: Center, admin: Actor) -> tuple[int, str]:
    body = {"name": "live", "scopes": ["telemetry:read"], "tenants": ["a"], "days": 1}
    made = json.loads((await center.ask(admin, "POST", "/api/v1/tokens", body)).body)
    return made["token"]["number"], made["secret"]


_End = Callable[[], Awaitable[object]]


async def _endings(center: Center, admin: Actor, token: tuple[int, str]) -> list[tuple[str, Actor, _End]]:
    """Give the ways in which who listens ceases to be who he was."""
    expiring = await _token(center, admin)
    out, aged, off = [await center.person("A", role) for role in ("viewer", "engineer", "dispatcher")]
    long_ago = time.time_ns() // 1_000_000 - 1000 * _HOUR_MS

    def change(statement: str, actor: Actor) -> _End:
        secret = actor.token or actor.cookies["isolane-session"]
        return lambda: asyncio.to_thread(_write, center, statement, long_ago, digest(secret))

    program, revoked = (Actor(name, "", "A", token=secret) for name, secret in (("e", expiring[1]), ("r", token[1])))
    return [
        ("an expired token", program, change("UPDATE machine_token SET expires_ms = ? WHERE id = ?", program)),
        ("a revoked token", revoked, lambda: center.ask(admin, "DELETE", f"/api/v1/tokens/{token[0]}")),
        ("a session logged out", out, lambda: center.ask(out, "DELETE", "/api/v1/session")),
        ("an old session", aged, change("UPDATE session SET created_ms = ? WHERE id = ?", aged)),
        ("a disabled user", off, lambda: center.ask(admin, "PATCH", "/api/v1/users/a-dispatcher", {"disabled": True})),
    ]


def _write(center: Center, statement: str, *values: object) -> None:
    with (
        contextlib.closing(sqlite3.connect(center.folder / "data/catalogue.sqlite3", timeout=20)) as database,
        database,
    ):
        database.execute(statement, values)


async def _ends(center: Center, actor: Actor, end: _End) -> bool:
    """Listen to every feed, end what lets one listen, and tell whether all streams end in time."""
    streams = []
    for target in _feeds("A"):
        reader, writer = await asyncio.open_connection("127.0.0.1", center.port, limit=1 << 22)
        writer.write(compose("GET", target, [f"Host: 127.0.0.1:{center.port}", *actor.fields()]))
        head = await asyncio.wait_for(reader.readuntil(b": isolane"), _ENDS_WITHIN_S)
        if b" 200 " not in head[:16]:
            raise RuntimeError(f"{actor.name} cannot listen: {head[:200]!r}")
        streams.append((reader, writer))
    await end()
    try:
        async with asyncio.timeout(_ENDS_WITHIN_S):
            await asyncio.gather(
                *(reader.read(1 << 22) if reader.at_eof() else _drain(reader) for reader, _ in streams)
            )
    except TimeoutError:
        return False
    finally:
        for _, writer in streams:
            writer.transport.abort()
    return True


async def _drain(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        while await reader.read(65_536):
            pass


@step("slow_consumer")
async def slow_consumer(move: Move) -> None:
    """Listen to rows of 200 signals and hardly read; the process may hold their queues, and no more with time."""
    if set(move.arg) != {"s"}:
        raise UnknownError(f"slow_consumer {move.arg!r}")
    center, seconds = move.center, move.shorter(float(move.arg["s"]), _QUICK_S)
    signals = tuple(Signal("CP-SLOW", f"1.0/EVSE/Slow{number}", "W", 1.0) for number in range(_COLUMNS))
    t0_ms = (time.time_ns() // 1_000_000_000 - 48 * 3600) * 1000
    actor = await center.person("A", "viewer")
    async with posting(center, "A", signals, t0_ms) as poster:
        await poster.send(np.zeros((_COLUMNS, 1), np.int64))
        consumers = [await _open(center, actor) for _ in range(_SLOW)]
        held_kb: list[tuple[float, int]] = []
        began = time.monotonic()
        try:
            while (now := time.monotonic() - began) < seconds:
                if poster.sequence <= _BLOCKS * now / seconds:
                    await poster.send(np.full((_COLUMNS, _ROWS), poster.sequence * 1_000_003))
                for consumer in consumers:
                    with contextlib.suppress(BlockingIOError, ConnectionError):
                        consumer.recv(_READ_BYTES)
                held_kb.append((now, center.process.use().rss_kb))
                await asyncio.sleep(0.2)
        finally:
            for consumer in consumers:
                consumer.close()
    full = [kb for at, kb in held_kb if seconds / 2 <= at < seconds * 2 / 3]
    late = [kb for at, kb in held_kb if at >= seconds * 5 / 6]
    grown = sorted(late)[len(late) // 2] - sorted(full)[len(full) // 2]
    rows = poster.sequence * _ROWS
    center.notes.append(
        f"{_SLOW} slow ones, {rows} rows of {_COLUMNS} signals in {seconds:g} s: {grown:+} kB when full"
    )
    center.measures["buffer_bounded"] = f"grew by {grown} kB" if grown > _GROWTH_KB_MAX else True


async def _open(center: Center, actor: Actor) -> socket.socket:
    """Connect with a receive buffer of a page, ask, and read no more than that it has begun."""
    consumer = socket.socket()
    consumer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    consumer.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(consumer, ("127.0.0.1", center.port))
    target = f"/api/v1/live/{SITE['A']}/CP-SLOW"
    await loop.sock_sendall(consumer, compose("GET", target, [f"Host: 127.0.0.1:{center.port}", *actor.fields()]))
    head = await asyncio.wait_for(loop.sock_recv(consumer, _READ_BYTES), _ENDS_WITHIN_S)
    if b" 200 " not in head[:16]:
        raise RuntimeError(f"a slow one cannot listen: {head[:200]!r}")
    return consumer
