"""This file tests the HTTPS way in over real sockets with real certificates."""

import asyncio
import contextlib
import socket
import ssl

import httpx
import pytest

from isolane.security.tls import client_context
from isolane.wire.bundle import MESSAGES_MAX, bundle_path, pack
from isolane.wire.uplink import MESSAGE_BYTES_MAX, Ack, Downlink, Up, decode_downlink, encode, ingest_path
from support.center_process import CenterPki, OpenCenter
from support.gateways import T0_MS, FakeGateway
from support.patience import PATIENCE_S


def client(pki: CenterPki, port: int, name: str = "gw-1") -> httpx.AsyncClient:
    identity = pki.gateways[name]
    context = client_context(pki.ca, identity.certificate, identity.key)
    return httpx.AsyncClient(verify=context, base_url=f"https://127.0.0.1:{port}", timeout=PATIENCE_S)


async def test_a_committed_block_is_acknowledged(
    center: OpenCenter, pki: CenterPki, https_ingest: int, gateway: FakeGateway
) -> None:
    schema = gateway.schema().schema
    async with client(pki, https_ingest) as http:
        await http.post(ingest_path("depot", "gw-1", Up.SCHEMA), content=schema.json)
        for number in (1, 2):
            block = gateway.block(schema, [[number], [2]])
            answer = await http.post(ingest_path("depot", "gw-1", Up.BLOCK), content=block.data)
            assert decode_downlink(answer.content).acks == (Ack(T0_MS, 1, (number,)),)
    assert [line.blocks for line in await center.catalogue.ledger()] == [2]


@pytest.mark.parametrize(
    ("sender", "detail"),
    [
        (("depot", "gw-2"), "this certificate does not speak for gateway gw-2"),
        (("harbour", "gw-1"), "gateway gw-1 belongs to site depot, not to harbour"),
    ],
)
async def test_nobody_speaks_for_another(
    center: OpenCenter, pki: CenterPki, https_ingest: int, sender: tuple[str, str], detail: str
) -> None:
    site, name = sender
    other = FakeGateway(site=site, name=name)
    schema = other.schema().schema
    async with client(pki, https_ingest) as http:
        await http.post(ingest_path("depot", "gw-1", Up.SCHEMA), content=schema.json)
        answer = await http.post(ingest_path(site, name, Up.BLOCK), content=other.block(schema, [[1], [2]]).data)
    assert (answer.status_code, answer.json()["detail"]) == (403, detail)
    assert answer.headers["content-type"] == "application/problem+json"
    assert await center.catalogue.ledger() == []


async def test_each_gateway_is_known_by_its_certificate(center: OpenCenter, pki: CenterPki, https_ingest: int) -> None:
    for name in pki.gateways:
        gateway = FakeGateway(name=name)
        block = gateway.block(gateway.schema().schema, [[1], [2]])
        async with client(pki, https_ingest, name) as http:
            assert (await http.post(ingest_path("depot", name, Up.BLOCK), content=block.data)).status_code == 200
    assert [line.gateway for line in await center.catalogue.ledger()] == ["gw-1", "gw-2"]


async def test_without_a_certificate_there_is_no_request(pki: CenterPki, https_ingest: int) -> None:
    context = client_context(pki.ca)
    async with httpx.AsyncClient(
        verify=context, base_url=f"https://127.0.0.1:{https_ingest}", timeout=PATIENCE_S
    ) as http:
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError, httpx.ConnectError, ssl.SSLError)):
            await http.post(ingest_path("depot", "gw-1", Up.SCHEMA), content=b"{}")


REFUSED = [
    ("/ingest/v1/depot/gw-1/nothing", b"", 404),
    ("/ingest/v1/depot/gw-1/block/more", b"", 404),
    ("/", b"", 404),
    ("/ingest/v1/depot/gw-1/schema", b"no schema", 422),
    ("/ingest/v1/depot/gw-1/block", b"no block", 422),
    ("/ingest/v1/depot/gw-1/block", b"x" * (MESSAGE_BYTES_MAX + 1), 413),
    ("/ingest/v1/De pot/gw-1/block", b"x", 403),
]


async def test_other_requests_are_refused(pki: CenterPki, https_ingest: int) -> None:
    async with client(pki, https_ingest) as http:
        for path, body, status in REFUSED:
            assert (await http.get(path)).status_code in {404, 405}
            answer = await http.post(path, content=body)
            assert (answer.status_code, answer.json()["status"]) == (status, status)


def _flood(context: ssl.SSLContext, port: int) -> tuple[bytes, int]:
    """Send a chunk too much, read the answer, go on as if there were none; give the answer and the bytes taken."""
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    path = ingest_path("depot", "gw-1", Up.BLOCK)
    head = f"POST {path} HTTP/1.1\r\nhost: center\r\ntransfer-encoding: chunked\r\n\r\n"
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as http,
    ):
        http.sendall(head.encode())
        for _ in range(MESSAGE_BYTES_MAX // 0x10000 + 1):
            http.sendall(chunk)
        status = http.recv(4096).split(b"\r\n", 1)[0]
        taken_bytes = MESSAGE_BYTES_MAX
        with contextlib.suppress(OSError):
            while taken_bytes < 64 * MESSAGE_BYTES_MAX:
                taken_bytes += http.send(chunk)
    return status, taken_bytes


async def test_a_body_that_never_says_its_length_is_bounded(pki: CenterPki, https_ingest: int) -> None:
    identity = pki.gateways["gw-1"]
    context = client_context(pki.ca, identity.certificate, identity.key)
    status, taken_bytes = await asyncio.to_thread(_flood, context, https_ingest)
    assert status.startswith(b"HTTP/1.1 413 ")
    # The limit and what sockets on both sides hold; and the server goes on.
    assert taken_bytes < 16 * MESSAGE_BYTES_MAX
    async with client(pki, https_ingest) as http:
        assert (await http.get("/")).status_code in {404, 405}


async def test_poison_with_a_key_is_answered_with_it(pki: CenterPki, https_ingest: int, gateway: FakeGateway) -> None:
    data = gateway.block(gateway.schema().schema, [[1], [2]]).data
    async with client(pki, https_ingest) as http:
        answer = await http.post(ingest_path("depot", "gw-1", Up.BLOCK), content=data[:-1] + b"?")
    assert set(decode_downlink(answer.content).poison) == {f"{T0_MS}/1/1"}


BUNDLE = bundle_path("depot", "gw-1")


async def test_a_bundle_is_committed_and_answered_as_one(
    center: OpenCenter, pki: CenterPki, https_ingest: int, gateway: FakeGateway
) -> None:
    schema = gateway.schema().schema
    blocks = [gateway.block(schema, [[number], [2]], t0_ms=T0_MS + 1000 * number) for number in range(1, 6)]
    gap = gateway.gap(6, 7)
    statement = encode(gateway.statement(7, 10).statement)
    parts = [
        (Up.SCHEMA, schema.json),
        *((Up.BLOCK, block.data) for block in blocks),
        (Up.GAP, encode(gap.gap)),
        (Up.LEDGER, statement),
    ]
    async with client(pki, https_ingest) as http:
        answer = await http.post(BUNDLE, content=pack(parts))
        again = await http.post(BUNDLE, content=pack([*parts[1:6], parts[1]]))
    told = decode_downlink(answer.content)
    assert told == Downlink(1, (Ack(T0_MS, 1, (1, 2, 3, 4, 5), (6,)),), bundle=MESSAGES_MAX)
    assert decode_downlink(again.content) == Downlink(1, (Ack(T0_MS, 1, (1, 2, 3, 4, 5, 1)),))
    assert (center.counters.blocks, center.counters.duplicates) == (5, 6)
    (line,) = await center.catalogue.ledger()
    assert (line.blocks, line.samples, line.produced) == (5, 10, 10)


async def test_bad_messages_of_a_bundle_are_set_aside_and_the_others_stored(
    center: OpenCenter, pki: CenterPki, https_ingest: int, gateway: FakeGateway
) -> None:
    schema = gateway.schema().schema
    blocks = [gateway.block(schema, [[number], [2]]).data for number in range(1, 5)]
    parts = [
        (Up.SCHEMA, schema.json),
        (Up.BLOCK, blocks[0]),
        (Up.BLOCK, b"no block at all"),
        (Up.BLOCK, blocks[1][:-1] + b"?"),
        (Up.LEDGER, b"no books"),
        (Up.BLOCK, blocks[2]),
        (Up.BLOCK, FakeGateway(name="gw-2").block(schema, [[1], [2]]).data),
    ]
    async with client(pki, https_ingest) as http:
        told = decode_downlink((await http.post(BUNDLE, content=pack(parts))).content)
    assert told.acks == (Ack(T0_MS, 1, (1, 3)),)
    assert set(told.poison) == {f"{T0_MS}/1/2"}
    assert told.refused == (2, 4, 6)
    assert [line.blocks for line in await center.catalogue.ledger()] == [2]
    aside = await center.catalogue.quarantine()
    assert sorted((entry.kind, entry.key) for entry in aside) == [
        ("block", ""),
        ("block", ""),
        ("block", f"{T0_MS}/1/2"),
        ("ledger", ""),
    ]


async def test_a_bundle_asks_for_what_it_lacks(pki: CenterPki, https_ingest: int, gateway: FakeGateway) -> None:
    schema = gateway.schema().schema
    parts = [(Up.BLOCK, gateway.block(schema, [[number], [2]]).data) for number in (1, 2)]
    async with client(pki, https_ingest) as http:
        told = decode_downlink((await http.post(BUNDLE, content=pack(parts))).content)
    assert told.want == (schema.id.hex(),)


@pytest.mark.parametrize("body", [b"", b"no bundle", pack([]), pack([(Up.BLOCK, b"")] * (MESSAGES_MAX + 1))])
async def test_what_is_no_bundle_is_refused_whole(
    center: OpenCenter, pki: CenterPki, https_ingest: int, body: bytes
) -> None:
    async with client(pki, https_ingest) as http:
        answer = await http.post(BUNDLE, content=body)
    assert answer.status_code == 422
    assert await center.catalogue.quarantine() == []


async def test_a_bundle_beyond_a_gateways_share_is_not_taken_at_all(
    center: OpenCenter, pki: CenterPki, https_ingest: int, gateway: FakeGateway
) -> None:
    schema = gateway.schema().schema
    parts = [(Up.BLOCK, gateway.block(schema, [[number], [2]]).data) for number in (1, 2)]
    gate = center.gates.of("gw-1")
    gate.waiting = 10**6
    async with client(pki, https_ingest) as http:
        refused = await http.post(BUNDLE, content=pack(parts))
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
        assert center.counters.blocks == 0
        gate.waiting = 0
        assert (await http.post(BUNDLE, content=pack(parts))).status_code == 200
    assert center.counters.blocks == 2
