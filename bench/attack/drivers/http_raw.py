"""This file attacks the handshake with bytes; it guards that no HTTP library repairs them on the way."""

import asyncio
import base64
import contextlib
import functools
import random
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from bench.attack.charger import new_key, upgrade
from bench.attack.csms import basic, fields_of
from bench.attack.drivers.hello import client_hello
from bench.attack.fill import UnknownError, raw, unescape
from bench.attack.ground import Ground, secret_of
from bench.attack.proof import Answer
from bench.attack.steps import Turn, step
from bench.attack.suspects import of_request

_CHUNK = 8192
_ANSWER_S = 8.0
_WORKERS = 16
_EVALUATED = 401
_HELD = {"01", "08"}
"""proc(5): established, and ended by the peer alone."""
_SAMPLES = 400
_TIMED = 8
"""Of each class with --quick."""


class Hoard:
    """Sockets that say little; remembers when each was closed."""

    def __init__(self) -> None:
        self.opened: list[float] = []
        self.closed: dict[int, float] = {}
        self.writers: list[asyncio.StreamWriter] = []
        self.open_max = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, ground: Ground, number: int) -> None:
        """Open sockets as fast as it goes."""
        for _ in range(number):
            index = len(self.opened)
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", ground.ports["ws"])
            except OSError:
                continue
            self.opened.append(time.monotonic())
            self.writers.append(writer)
            self._tasks.append(asyncio.create_task(self._watch(index, reader)))

    async def _watch(self, index: int, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while await reader.read(4096):
                pass
        self.closed[index] = time.monotonic()

    def write(self, wire: bytes) -> None:
        """Send to every socket that lives."""
        for index, writer in enumerate(self.writers):
            if index not in self.closed and not writer.is_closing():
                writer.write(wire)

    def shut(self) -> None:
        """Let go."""
        for writer in self.writers:
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()

    def longest_s(self, at: float) -> float:
        """Give how long the longest-lived socket lived; those that live still count up to `at`."""
        return max((self.closed.get(index, at) - opened for index, opened in enumerate(self.opened)), default=0.0)


_HOARDS: dict[int, Hoard] = {}


async def _settled(ground: Ground) -> int:
    """Count when nobody comes and goes any more: the kernel's table is not read in one moment."""
    before, now = -1, _sockets(ground)
    for _ in range(40):
        if now == before:
            break
        await asyncio.sleep(0.1)
        before, now = now, _sockets(ground)
    return now


def _sockets(ground: Ground) -> int:
    """Count the connections that the relay has accepted at its plain port and not let go."""
    port = f":{ground.ports['ws']:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return sum(row[1].endswith(port) and row[3] in _HELD and row[9] != "0" for row in rows)


@step("open")
async def open_sockets(turn: Turn) -> None:
    """Open sockets; with `hold_s` in the background, so that the next steps meet them."""
    args = turn.args()
    turn.only(args, "n", "src", "hold_s")
    ground, hoard = turn.ground, Hoard()
    base = _sockets(ground)
    number = int(args["n"])
    await hoard.open(ground, number)
    await asyncio.sleep(0.5)
    hoard.open_max = await _settled(ground) - base
    turn.proof.measures["max_open_preauth"] = hoard.open_max
    cap = int(ground.lim["preauth_conns"])
    turn.proof.measures["preauth_cap_enforced"] = hoard.open_max <= cap
    first = sorted(hoard.closed)[: number - cap]
    turn.proof.measures["oldest_preauth_evicted"] = number <= cap or first == list(range(number - cap))
    _HOARDS[id(ground)] = hoard
    ground.ends += [hoard.shut, functools.partial(_HOARDS.pop, id(ground), None)]


@step("send")
async def send(turn: Turn) -> None:
    """Send a text on every open socket."""
    _HOARDS[id(turn.ground)].write(raw(turn.arg()))


@step("trickle")
async def trickle(turn: Turn) -> None:
    """Send a few bytes now and then."""
    args = turn.args()
    turn.only(args, "bytes", "every_s", "total_s")
    hoard = _HOARDS[id(turn.ground)]
    total_s = turn.shorter(float(args["total_s"]), 2.5 * turn.ground.lim["handshake_s"])
    end = time.monotonic() + total_s
    while time.monotonic() < end and len(hoard.closed) < len(hoard.opened):
        hoard.write(b"X" * int(args["bytes"]))
        await asyncio.sleep(min(float(args["every_s"]), max(0.0, end - time.monotonic())))
    turn.proof.measures["closed_within_s"] = hoard.longest_s(time.monotonic())
    hoard.shut()


@step("request")
async def request(turn: Turn) -> None:
    """Send one request, or many; where its time is judged again and again, so that one busy moment says nothing."""
    for _ in range(_TIMED if "parse_ms_max" in turn.case.expect else 1):
        await _request(turn)


async def _request(turn: Turn) -> None:
    plain = turn.args(each_id="ID-0")
    turn.only(plain, "line", "headers", "raw_header", "gen_headers", "auth", "authorization", "repeat", "rate_hz", "s")
    seconds = turn.shorter(float(plain.get("s", 0)), 5)
    times = turn.fewer(int(plain.get("repeat", 1)), 1500)
    gap_s = 1 / float(plain["rate_hz"]) if "rate_hz" in plain else 0.0
    if gap_s:
        times = int(seconds / gap_s)
    due = time.monotonic()
    pending: set[asyncio.Task[None]] = set()
    for number in range(times):
        wire = compose(turn, turn.args(each_id=f"ID-{number}"), number)
        if len(pending) >= _WORKERS:
            _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        if gap_s:
            due += gap_s
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        if _is_its_own(str(plain.get("auth", "")), wire):
            turn.ground.legit.add(fields_of(wire)["sec-websocket-key"])
        if number == 0:
            turn.proof.suspects |= of_request(wire, good=_has_own_password(turn, wire))
        pending.add(asyncio.create_task(_shoot(turn, wire, keep=times == 1)))
    if pending:
        await asyncio.gather(*pending)


def _is_its_own(auth: str, wire: bytes) -> bool:
    """Tell whether a charger knocks with its own credentials, however it spells its name."""
    words = wire.split(b"\r\n", 1)[0].split(b" ")
    identity = auth.removeprefix("good_for_")
    return len(words) == 3 and auth != identity and unquote(words[1].decode("latin-1")) == f"/ocpp/{identity}"


def _has_own_password(turn: Turn, wire: bytes) -> bool:
    """Tell whether a request carries the password of the identity that it names, and that one alone."""
    words = wire.split(b"\r\n", 1)[0].split(b" ")
    identity = unquote(words[1].decode("latin-1")).rpartition("/")[2] if len(words) > 1 else str(turn.names["cp"])
    return fields_of(wire).get("authorization", "") in {
        basic(name, secret_of(name)) for name in (identity.partition("?")[0], str(turn.names["cp"]))
    }


async def _shoot(turn: Turn, wire: bytes, *, keep: bool) -> None:
    answer = await shoot(turn.ground, wire, turn.label)
    if not keep:
        answer.raw = b""
    words = wire.split(b"\r\n", 1)[0].split(b" ")
    answer.charger = unquote(words[1].decode("latin-1").rpartition("/")[2]) if len(words) > 1 else ""
    turn.proof.answers.append(answer)


def compose(turn: Turn, args: Mapping[str, Any], number: int = 0) -> bytes:
    """Write the request that a step describes."""
    line = unescape(str(args["line"]))
    given = [unescape(str(item)) for item in args.get("headers", [])]
    if "authorization" in args:
        value = args["authorization"]
        given += [] if value is None else [f"Authorization: {value}".rstrip(" ") if value else "Authorization:"]
    elif not any(item.lower().startswith("authorization") for item in given):
        given += _auth(turn, str(args.get("auth", "good")), line, number)
    bomb = args.get("gen_headers")
    if bomb:
        turn.only(bomb, "count", "size")
        given += [f"X-{index}: {'b' * int(bomb['size'])}" for index in range(int(bomb["count"]))]
    head = upgrade("*", new_key(), given).split(b"\r\n", 1)[1]
    if "raw_header" in args:
        head = raw(unescape(str(args["raw_header"]))) + b"\r\n" + head
    return raw(line) + b"\r\n" + head


def _auth(turn: Turn, kind: str, line: str, number: int) -> list[str]:
    identity = str(turn.names["cp"])
    if kind.startswith("good_for_"):
        return [f"Authorization: {basic(kind.removeprefix('good_for_'), secret_of(kind.removeprefix('good_for_')))}"]
    if kind == "good":
        return [f"Authorization: {basic(identity, secret_of(identity))}"]
    if kind in {"bad", "dict"}:
        asked = line.split(" ")[1].rpartition("/")[2] if " " in line else identity
        return [f"Authorization: {basic(asked, f'guess-{number}'.encode())}"]
    if kind == "none":
        return []
    raise UnknownError(f"auth {kind}")


@step("send_bytes")
async def send_bytes(turn: Turn) -> None:
    """Send bytes by their name."""
    name = turn.arg()
    if name != "tls_client_hello":
        raise UnknownError(f"send_bytes {name}")
    turn.proof.answers.append(await shoot(turn.ground, client_hello(), turn.label))


@step("sample")
async def sample(turn: Turn) -> None:
    """Time the answers to classes of wrong credentials, in turns."""
    args = turn.args()
    turn.only(args, "classes", "n")
    good = secret_of("CP1")
    wires = {
        "unknown_id": ("NOBODY", b"x" * len(good)),
        "wrong_key": ("CP1", b"x" * len(good)),
        "prefix_match_key": ("CP1", good[:-1] + b"x"),
    }
    times: dict[str, list[float]] = {name: [] for name in args["classes"]}
    strange = set(times) - set(wires)
    if strange:
        raise UnknownError(f"sample of {', '.join(sorted(strange))}")
    seeded, number = random.Random(11), 0
    for _ in range(turn.fewer(int(args["n"]), _SAMPLES)):
        for name in seeded.sample(list(times), len(times)):
            identity, password = wires[name]
            wire = upgrade(f"/ocpp/{identity}", new_key(), [f"Authorization: {basic(identity, password)}"])
            answer = await shoot(turn.ground, wire, turn.label, source=_source(number))
            if answer.status != _EVALUATED:
                raise RuntimeError(f"{name} got {answer.status}: its time is not that of the check")
            times[name].append(answer.elapsed_s)
            number += 1
    turn.proof.notes.append("; ".join(f"{name} {_spread(found)}" for name, found in times.items()))
    turn.proof.measures["timings"] = times


def _source(number: int) -> str:
    """Give an address that guesses fewer times a minute than would be turned away unread."""
    return f"127.1.{number // 3 // 250 % 250}.{number // 3 % 250 + 1}"


def _spread(times: list[float]) -> str:
    return f"median {statistics.median(times) * 1e3:.2f} ms, n = {len(times)}"


async def shoot(ground: Ground, wire: bytes, label: str, *, source: str | None = None) -> Answer:
    """Open a socket, send, and read the answer up to the end of the socket or of its head."""
    answer = Answer(label)
    began = time.monotonic()
    try:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", ground.ports["ws"], limit=1 << 22, local_addr=(source, 0) if source else None
        )
    except OSError:
        answer.closed_s = 0.0
        return answer
    reading = asyncio.create_task(_read(reader, answer, began))
    with contextlib.suppress(ConnectionError):
        for at in range(0, len(wire), _CHUNK):
            if reading.done() or answer.raw:
                break
            writer.write(wire[at : at + _CHUNK])
            await writer.drain()
            answer.sent_bytes = at
            if len(wire) > _CHUNK:
                await asyncio.sleep(0.002)
    asked = time.monotonic()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(reading), _ANSWER_S)
    answer.elapsed_s = time.monotonic() - asked
    reading.cancel()
    writer.transport.abort()
    first = answer.raw.split(b"\r\n", 1)[0].split(b" ")
    if len(first) > 1 and first[0].startswith(b"HTTP/") and first[1].isdigit():
        answer.status = int(first[1])
    return answer


async def _read(reader: asyncio.StreamReader, answer: Answer, began: float) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            answer.raw += data
            if b" 101 " in answer.raw[:16] and b"\r\n\r\n" in answer.raw:
                return
    answer.closed_s = time.monotonic() - began


def credentials(identity: str) -> dict[str, str]:
    """Give the variables that name credentials."""
    good = basic(identity, secret_of(identity)).removeprefix("Basic ")
    bad = basic(identity, b"wrong").removeprefix("Basic ")
    variant = base64.urlsafe_b64encode(identity.encode() + b":" + bytes(range(250, 256)) * 2).decode()
    return {"good": good, "bad": bad, "b64url_variant": variant, "order": ""}
