"""This file holds the relay to its promise: what one end sends is what the other gets, byte for byte.

The peers stand on both sides of a relay that runs as its own process. Raw peers compare whole byte streams;
`websockets` peers, which know nothing of isolane, compare the messages they understood.
"""

import asyncio
import hashlib
import json
import random
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
import trustme
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import serve

from isolane.wire.tap_copy import Copy, Direction, Kind, unpack
from support.raw_peer import BINARY, PING, PONG, TEXT, Peer, accept, ask, frame, raw_csms, request
from support.relay import Relay, relaying

FRAMES = 10_000
TAP_AHEAD_BYTES = 70_000
UNPACED = "messages_per_s = 1e9\nmessages_burst = 1_000_000_000\ncontrol_frames_per_s = 1_000_000_000\n"
"""What these peers send in a second takes a charger a day."""
OFFER = "Sec-WebSocket-Extensions: permessage-deflate"
AGREED = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover"
ODD_TEXTS = (
    '[2,"1","Heartbeat",{}]',
    '[ 2 ,\t"1" , "StatusNotification",{ "connectorId" : 1 , "info":"caf\\u00e9 \\ud83d\\ude00 \\/ \\"" } ]',
    '[2,"19223372036854775807","MeterValues",{"transactionId":18446744073709551615,"v":1.0e+05,"w":-0.0}]',
    '[2,"2","SignedUpdateFirmware",{"signature":"MEQCIH+/=="}]',
    '[2,"3","SignedFirmwareStatusNotification",{"a":1,"a":2}]',
    '[5,"4","InternalError","",{}]',
    '[6,"5","NotifyPeriodicEventStream",{"id":1}]',
    '[9,"6",null]',
    '[4,"7","FormationViolation","",{}]',
    '[2,"8","Heartbeat",{}',
    "not JSON at all",
    "",
    "\u0000\u001f",
)


@dataclass
class Keys:
    """Where the certificates of both legs are."""

    ca: Path
    certificate: Path
    key: Path

    def server(self) -> ssl.SSLContext:
        """Give a CSMS's context."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def client(self) -> ssl.SSLContext:
        """Give a charger's context."""
        return ssl.create_default_context(cafile=self.ca)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    folder = tmp_path_factory.mktemp("pki")
    ca = trustme.CA()
    leaf = ca.issue_cert("127.0.0.1")
    made = Keys(folder / "ca.pem", folder / "leaf.pem", folder / "leaf.key")
    ca.cert_pem.write_to_path(made.ca)
    leaf.cert_chain_pems[0].write_to_path(made.certificate)
    leaf.private_key_pem.write_to_path(made.key)
    return made


def odd_frames(rng: random.Random, count: int, *, charger: bool) -> list[bytes]:
    """Make frames as no tidy library would send them, all of them legal for a relay that does not look inside."""
    frames: list[bytes] = []

    def add(opcode: int, payload: bytes, *, fin: bool = True, rsv1: bool = False) -> None:
        mask = rng.randbytes(4) if charger else b""
        frames.append(frame(opcode, payload, mask=mask, fin=fin, rsv1=rsv1))

    add(BINARY, rng.randbytes(1_500_000))
    while len(frames) < count:
        kind = rng.randrange(8)
        text = rng.choice(ODD_TEXTS).encode() + b" " * rng.choice((0, 0, 7, 118, 119, 120, 400, 65_500))
        if kind == 0:
            add(rng.choice((PING, PONG)), rng.randbytes(rng.randrange(126)))
        elif kind == 1:
            add(BINARY, rng.randbytes(rng.randrange(2000)))
        elif kind == 2:
            packer = zlib.compressobj(wbits=-15)
            add(TEXT, (packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4], rsv1=True)
        elif kind == 3:
            add(TEXT, text[:1], fin=False)
            for byte in text[1:5]:
                add(PING, b"between")
                add(0, bytes([byte]), fin=False)
            add(0, text[5:])
        else:
            add(TEXT, text)
    return frames


def digests(frames: Sequence[bytes]) -> list[str]:
    """Give the sha256 of each."""
    return [hashlib.sha256(each).hexdigest() for each in frames]


async def send(peer: Peer, frames: Sequence[bytes], rng: random.Random) -> None:
    """Send in pieces that respect no frame."""
    stream = memoryview(b"".join(frames))
    at = 0
    while at < len(stream):
        size = rng.choice((1, 2, 5, 13, 700, 4096, 100_000))
        peer.writer.write(stream[at : at + size])
        at += size
        await peer.writer.drain()


async def receive(peer: Peer, frames: Sequence[bytes]) -> list[bytes]:
    """Read as many bytes as these frames have, cut where they should be cut."""
    return [await peer.reader.readexactly(len(each)) for each in frames]


async def exchange(charger: Peer, csms: Peer, count: int) -> None:
    """Send odd frames both ways at once and compare."""
    rng = random.Random(1)
    up, down = odd_frames(rng, count // 2, charger=True), odd_frames(rng, count // 2, charger=False)
    async with asyncio.timeout(60):
        got_up, got_down, _, _ = await asyncio.gather(
            receive(csms, up), receive(charger, down), send(charger, up, rng), send(csms, down, random.Random(2))
        )
    assert digests(got_up) == digests(up)
    assert digests(got_down) == digests(down)


@asynccontextmanager
async def path(folder: Path, keys: Keys, way: str, *, limits: str = "") -> AsyncIterator[tuple[Relay, Peer, Peer]]:
    """Open charger → relay → CSMS over raw sockets, with compression agreed."""
    south, north = way.split("→")
    listen = '[[value.listen]]\naddress = "127.0.0.1:0"\npath = "/ocpp"\n'
    if south == "wss":
        listen += f'certificate = "{keys.certificate}"\nkey = "{keys.key}"\n'
    context = keys.server() if north == "wss" else None
    async with raw_csms(lambda head: accept(head, AGREED), context) as upstream:
        csms = f'url = "{north}://127.0.0.1:{upstream.port}/in"\n' + (f'ca = "{keys.ca}"' if context else "")
        async with relaying(folder, csms, listen=listen, limits=UNPACED + limits) as relay:
            client = keys.client() if south == "wss" else None
            charger = await ask(relay.ports[0], request("/ocpp/CP1", OFFER), client)
            assert charger.head.startswith(b"HTTP/1.1 101 ")
            assert charger.head.endswith(f"{AGREED}; client_no_context_takeover\r\n\r\n".encode())
            behind = await upstream.accepted()
            yield relay, charger, behind
            await asyncio.gather(charger.close(), behind.close())


@pytest.mark.parametrize("way", ["ws→ws", "wss→ws", "ws→wss", "wss→wss"])
async def test_ten_thousand_odd_frames_pass_as_they_are(tmp_path: Path, keys: Keys, way: str) -> None:
    async with path(tmp_path, keys, way) as (relay, charger, csms):
        await exchange(charger, csms, FRAMES if way == "ws→ws" else FRAMES // 5)
        assert await relay.metric("isolane_value_limit_closes_total") == 0


async def test_a_tap_sees_the_same_bytes(tmp_path: Path, keys: Keys) -> None:
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(run_dir / "tap.sock"))
        listener.listen()
        async with path(tmp_path, keys, "ws→ws") as (relay, charger, csms):
            tap, _ = listener.accept()
            # The socket to the tap holds a few hundred kB; a frame that is larger is lost where the reader sleeps.
            sent = [each for each in odd_frames(random.Random(3), 300, charger=True) if len(each) < TAP_AHEAD_BYTES]
            reader = CopyReader(tap)
            copies = asyncio.create_task(asyncio.to_thread(reader.read, sum(map(len, sent))))
            await asyncio.gather(receive(csms, sent), at_the_readers_pace(charger, sent, reader))
            got = await copies
            tap.close()
            assert await relay.metric('isolane_value_tap_copies_total{result="lost"}') == 0
    assert got[0].kind == Kind.OPEN
    assert json.loads(got[0].payload)["charger"] == "CP1"
    data = [copy for copy in got if copy.kind == Kind.DATA]
    assert b"".join(copy.payload for copy in data) == b"".join(sent)
    assert all(after.offset == before.offset + len(before.payload) for before, after in pairwise(data))
    starts = {sum(map(len, sent[:index])) for index in range(len(sent))}
    assert {copy.offset + copy.boundary for copy in data if copy.boundary is not None} <= starts


class CopyReader:
    """A tap's end in a thread; `size` is how many bytes of the charger it has seen."""

    def __init__(self, tap: socket.socket) -> None:
        tap.settimeout(20)
        self._tap = tap
        self.size = 0

    def read(self, size: int) -> list[Copy]:
        """Read copies until so many bytes from the charger are there."""
        copies: list[Copy] = []
        while self.size < size:
            for copy in unpack(self._tap.recv(1 << 17)).copies:
                copies.append(copy)
                if copy.kind == Kind.DATA and copy.direction == Direction.FROM_CHARGER:
                    self.size += len(copy.payload)
        return copies


async def at_the_readers_pace(peer: Peer, frames: Sequence[bytes], reader: CopyReader) -> None:
    """Send, never further ahead of the reader than the socket to the tap surely holds."""
    sent = 0
    for each in frames:
        while sent + len(each) - reader.size > TAP_AHEAD_BYTES:
            await asyncio.sleep(0.001)
        peer.writer.write(each)
        await peer.writer.drain()
        sent += len(each)


async def test_a_tap_that_never_reads_changes_nothing(tmp_path: Path, keys: Keys) -> None:
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(run_dir / "tap.sock"))
        listener.listen()
        async with path(tmp_path, keys, "ws→ws") as (relay, charger, csms):
            await exchange(charger, csms, FRAMES // 5)
            assert await relay.metric('isolane_value_tap_copies_total{result="lost"}') > 0


async def test_a_tap_that_comes_late_is_told_of_living_connections(tmp_path: Path, keys: Keys) -> None:
    async with path(tmp_path, keys, "ws→ws") as (relay, charger, csms):
        await exchange(charger, csms, 100)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(str(relay.run_dir / "tap.sock"))
            listener.listen()
            listener.settimeout(30)
            tap, _ = await asyncio.to_thread(listener.accept)
            with tap:
                tap.settimeout(30)
                told = unpack(await asyncio.to_thread(tap.recv, 1 << 17))
        assert told.copies[0].kind == Kind.OPEN
        assert told.lost > 0
        await exchange(charger, csms, 100)


@pytest.mark.parametrize("compression", ["each-message", "untouched"])
async def test_independent_peers_understand_the_same_messages(tmp_path: Path, compression: str) -> None:
    rng = random.Random(4)
    up, down = messages(rng), messages(rng)
    arrived: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()

    async def csms(charger: Connection) -> None:
        got, _ = await asyncio.gather(listen_to(charger, len(up)), talk(charger, down))
        arrived.set_result(got)
        await charger.wait_closed()

    async with serve(csms, "127.0.0.1", 0, subprotocols=["ocpp1.6"], max_size=None) as server:  # type: ignore[list-item]
        port = next(iter(server.sockets)).getsockname()[1]
        settings = f'compression = "{compression}"'
        async with (
            relaying(tmp_path, f'url = "ws://127.0.0.1:{port}"', value=settings, limits=UNPACED) as relay,
            asyncio.timeout(30),
        ):
            async with charger_to(relay) as charger:
                assert charger.subprotocol == "ocpp1.6"
                assert charger.response is not None
                assert "permessage-deflate" in charger.response.headers["Sec-WebSocket-Extensions"]
                got, _ = await asyncio.gather(listen_to(charger, len(down)), talk(charger, up))
                assert await arrived == hashed(up)
            assert got == hashed(down)
            await relay.until_metric("isolane_value_connections", 0)
            assert await relay.metric('isolane_value_closes_total{code="1000",leg="charger"}') == 1


def charger_to(relay: Relay) -> connect:
    """Connect as a charger that speaks two versions."""
    address = f"ws://127.0.0.1:{relay.ports[0]}/ocpp/CP%2D1"
    return connect(address, subprotocols=["ocpp2.0.1", "ocpp1.6"], max_size=None)  # type: ignore[list-item]


def messages(rng: random.Random) -> list[str | bytes]:
    """Make messages of every size that a length field has a form for."""
    texts: list[str | bytes] = [rng.choice(ODD_TEXTS) * rng.choice((1, 3, 40, 900)) for _ in range(400)]
    return [*texts, rng.randbytes(1_500_000), *(rng.randbytes(rng.randrange(3000)) for _ in range(200))]


def hashed(sent: Sequence[str | bytes]) -> list[str]:
    """Give the sha256 of each message, text and binary told apart."""
    return [hashlib.sha256(b"t" + each.encode() if isinstance(each, str) else b"b" + each).hexdigest() for each in sent]


async def talk(peer: Connection | ClientConnection, sent: Sequence[str | bytes]) -> None:
    """Send messages, some of them in fragments with a ping in between."""
    for index, each in enumerate(sent):
        if index % 7 == 0 and isinstance(each, str) and len(each) > 3:
            await peer.send([each[:1], each[1:3], each[3:]])
            await (await peer.ping())
        else:
            await peer.send(each)


async def listen_to(peer: Connection | ClientConnection, count: int) -> list[str]:
    """Receive so many messages."""
    return hashed([await peer.recv() for _ in range(count)])
