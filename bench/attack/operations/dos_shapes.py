"""This file sends the center requests of shapes that have felled HTTP libraries (OC-10); it guards that it goes on.

While they come a person asks for his sites all the time, and another process measures how late the loop is. A shape is
sent by several at once; what the center answers is its affair, as long as it is soon.
"""

import asyncio
import contextlib
import gzip
import time
from collections.abc import AsyncIterator, Callable, Iterator
from http import HTTPStatus

from bench.attack.fill import UnknownError
from bench.attack.operations.court import Move, step
from bench.attack.operations.ground import Actor, Center
from bench.attack.operations.members import evil_members
from bench.attack.operations.request import send
from bench.attack.watchers import watchers

_AT_ONCE = 4
_SHAPE_S = 60.0
_BY_S = 0.1
_ANSWER_S, _QUICK_ANSWER_S = 1.0, 0.1
_PIECE_BYTES = 65_536
_SLOW_S = 12.0
_SLOW_CONNECTIONS = 1500
_GARBAGE = 200
_FIELDS, _CHUNKS, _COOKIES, _TRAILER_BYTES = 100_000, 1_000_000, 10_000, 16 << 20
_FORM = "application/x-www-form-urlencoded"
Shape = Callable[[Actor, int], Iterator[bytes]]
"""Gives the bytes of a request as somebody, the port being that."""


@step("table")
async def table(move: Move) -> None:
    """Send every shape; note the loop's lag, the lines that were logged, and that somebody else is served.

    Raises:
        UnknownError: It is another table.
    """
    if move.arg == "evil_members":
        await evil_members(move)
        return
    if move.arg != "http_dos":
        raise UnknownError(f"table {move.arg!r}")
    center = move.center
    actors = [await center.person("*", "admin"), await center.person("A", "viewer"), Actor("", "", "")]
    if not center.quick:
        await _warm_up(center, actors[2])
    lines, refused, took_s = len(_lines(center)), list[str](), list[float]()
    async with (
        watchers(0, 0, center.port, 0, center.process.pid) as process,
        _bystander(center, actors[1], refused, took_s),
    ):
        await process.say("begin")
        if center.quick:
            center.notes.append("--quick: every shape as nobody only")
        for name, shape in _SHAPES.items():
            took_s.clear()
            for actor in (actors[2],) if center.quick else (actors[0], actors[2]):
                await asyncio.gather(*(_pour(center, shape(actor, center.port)) for _ in range(_AT_ONCE)))
            center.notes.append(f"{name}: others wait {max(took_s, default=0.0) * 1000:.0f} ms at most")
        for name, start in _SLOW.items():
            number = int(move.shorter(_SLOW_CONNECTIONS, 300))
            await _hold(center, [start(actors[2], center.port)] * number, move.shorter(_SLOW_S, 2.0))
            center.notes.append(f"{name}: {number} connections")
        for _ in range(_GARBAGE):
            await send(center.port, b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
        await process.say("end")
        watch = await process.hear()
    lag_ms = watch["lag_p99_ms"]
    center.notes.append(f"lag p99 {lag_ms:.0f} ms; the observer itself is woken {watch['late_p99_ms']:.0f} ms late")
    others = [*refused[:2], *watch["broken"][:2]]
    center.measures["loop_lag_p99_ms_max"] = f"somebody else was not served: {'; '.join(others)}" if others else lag_ms
    center.measures["log_lines_max"] = len(_lines(center)) - lines


async def _warm_up(center: Center, nobody: Actor) -> None:
    """Have as many connections and every shape once, so that what the center keeps for them is there; then note it."""
    for shape in _SHAPES.values():
        await _pour(center, shape(nobody, center.port))
    for start in _SLOW.values():
        await _hold(center, [start(nobody, center.port)] * _SLOW_CONNECTIONS, 0.0)
    if center.base is not None:
        center.base = (center.process.use(), center.base[1])
    center.notes.append("memory is compared with what the center holds after one round of the shapes")


def _lines(center: Center) -> list[str]:
    return center.process.text().splitlines()


@contextlib.asynccontextmanager
async def _bystander(center: Center, actor: Actor, refused: list[str], took_s: list[float]) -> AsyncIterator[None]:
    """Have somebody ask all the time; note what he was not given, and how long he waited."""

    async def ask() -> None:
        while True:
            began = time.monotonic()
            reply = await center.ask(actor, "GET", "/api/v1/sites")
            took_s.append(time.monotonic() - began)
            if reply.status != HTTPStatus.OK:
                refused.append(f"{reply.status} {reply.body[:60]!r}")
            await asyncio.sleep(_BY_S)

    asking = asyncio.create_task(ask())
    try:
        yield
    finally:
        asking.cancel()
        await asyncio.wait({asking})


async def _pour(center: Center, pieces: Iterator[bytes]) -> None:
    """Send a request and read whatever comes, until one of the two has had enough."""
    reader, writer = await asyncio.open_connection("127.0.0.1", center.port)
    reading = asyncio.create_task(_read_all(reader))
    try:
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(_SHAPE_S):
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                await asyncio.wait({reading}, timeout=_QUICK_ANSWER_S if center.quick else _ANSWER_S)
    finally:
        writer.transport.abort()
        reading.cancel()
        await asyncio.wait({reading})


async def _read_all(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        while await reader.read(_PIECE_BYTES):
            pass


async def _hold(center: Center, starts: list[bytes], seconds: float) -> None:
    """Open many connections, begin a request on each, and add a byte to each now and then."""
    async with contextlib.AsyncExitStack() as stack:
        writers = []
        for start in starts:
            _, writer = await asyncio.open_connection("127.0.0.1", center.port)
            stack.callback(writer.transport.abort)
            writer.write(start)
            writers.append(writer)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await asyncio.sleep(1)
            for writer in writers:
                if not writer.transport.is_closing():
                    writer.write(b"x")


def _head(method: str, target: str, actor: Actor, port: int, *fields: str) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{port}", *actor.fields(), *fields]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def _post(target: str, kind: str, body: bytes, *fields: str) -> Shape:
    def shape(actor: Actor, port: int) -> Iterator[bytes]:
        own = ("Sec-Fetch-Site: same-origin", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *fields)
        yield _head("POST", target, actor, port, *own)
        yield from _pieces(body)

    return shape


def _chunked(target: str, pieces: Callable[[], Iterator[bytes]]) -> Shape:
    def shape(actor: Actor, port: int) -> Iterator[bytes]:
        own = ("Content-Type: application/json", "Transfer-Encoding: chunked")
        yield _head("POST", target, actor, port, *own)
        yield from pieces()

    return shape


def _get(target: str, *fields: str) -> Shape:
    def shape(actor: Actor, port: int) -> Iterator[bytes]:
        yield from _pieces(_head("GET", target, actor, port, *fields))

    return shape


def _pieces(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), _PIECE_BYTES):
        yield data[at : at + _PIECE_BYTES]


def _tiny_chunks() -> Iterator[bytes]:
    for _ in range(_CHUNKS // 10_000):
        yield b"1\r\n[\r\n" * 10_000
    yield b"0\r\n\r\n"


def _trailers() -> Iterator[bytes]:
    yield b"2\r\n{}\r\n0\r\n"
    line = b"X-Trailer: " + b"x" * 1000 + b"\r\n"
    for _ in range(_TRAILER_BYTES // (len(line) * 64)):
        yield line * 64


def _pipelined(actor: Actor, port: int) -> Iterator[bytes]:
    head = _head("GET", "/api/v1/healthz", actor, port)
    for _ in range(100):
        yield head * 20


_PART = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n'
_BOMB = gzip.compress(b'{"name": "' + b"x" * (64 << 20) + b'"}')
_SHAPES: dict[str, Shape] = {
    "multipart, 10^5 fields": _post("/login", "multipart/form-data; boundary=x", _PART * _FIELDS + b"--x--\r\n"),
    "form, as many fields as fit": _post("/login", _FORM, b"&".join([b"a=b"] * 16_000)),
    "form, 10^5 fields": _post("/login", _FORM, b"&".join([b"a=b"] * _FIELDS)),
    "10^6 tiny chunks": _chunked("/api/v1/session", _tiny_chunks),
    "16 MiB of trailers": _chunked("/api/v1/session", _trailers),
    "10^4 bad cookies": _get("/api/v1/sites", "Cookie: " + "; ".join([r'"\"=\\,;@'] * _COOKIES)),
    "cookies, as many as fit": _get("/api/v1/sites", "Cookie: " + "; ".join([r'a"="\"'] * 1500)),
    "gzip of 64 MiB": _post("/api/v1/session", "application/json", _BOMB, "Content-Encoding: gzip"),
    "head of 1 MiB": _get("/", "X: " + "x" * (1 << 20)),
    "10^5 header fields": _get("/", *(["X: x"] * _FIELDS)),
    "header fields, as many as fit": _get("/", *(["X:"] * 3500)),
    "JSON, 60,000 deep": _post("/api/v1/session", "application/json", b"[" * 60_000),
    "JSON, a number of 60,000 digits": _post("/api/v1/session", "application/json", b"9" * 60_000),
    "query of 4,000 parameters": _get("/api/v1/chargers?" + "&".join(["site=a"] * 2000)),
    "ranges, as many as fit": _get("/static/style.css", "Range: bytes=" + ",".join(f"{n}-{n}" for n in range(1400))),
    "2,000 requests in a line": _pipelined,
}
_SLOW: dict[str, Callable[[Actor, int], bytes]] = {
    "nothing": lambda _actor, _port: b"",
    "a head, slowly": lambda _actor, port: f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX: ".encode(),
    "a body, slowly": lambda actor, port: _head(
        "POST", "/api/v1/session", actor, port, "Content-Type: application/json", "Content-Length: 60000"
    ),
}
