"""This file checks the share of each gateway with a clock that is moved by hand, and the refusal with a real center."""

import asyncio

import httpx
import pytest

from isolane.center.ingest.quota import Gate, Gates, QuotaError
from isolane.center.ingest.settings import QuotaSettings
from isolane.security.tls import client_context
from isolane.wire.uplink import Up, ingest_path
from support.center_process import CenterPki, OpenCenter
from support.gateways import FakeGateway
from support.patience import PATIENCE_S

SHARE = QuotaSettings(messages_per_s=1000, burst_messages=3, bytes_per_s=1e9, waiting_messages_max=16)


def test_a_burst_passes_then_the_rate_holds() -> None:
    now_s = 0.0
    gate = Gate(QuotaSettings(messages_per_s=10, burst_messages=3), lambda: now_s)
    assert [gate.passes(1) for _ in range(4)] == [True, True, True, False]
    now_s = 0.1
    assert [gate.passes(1) for _ in range(2)] == [True, False]
    now_s = 100.0
    assert [gate.passes(1) for _ in range(4)] == [True, True, True, False]


def test_bytes_count_too_and_a_large_message_owes_its_rest() -> None:
    now_s = 0.0
    gate = Gate(QuotaSettings(bytes_per_s=1 << 20, burst_bytes=1 << 20), lambda: now_s)
    assert [gate.passes(3 << 20), gate.passes(1)] == [True, False]
    now_s = 1.9
    assert not gate.passes(1)
    now_s = 2.1
    assert gate.passes(1)


async def test_what_is_beyond_waits_in_order_and_what_is_far_beyond_is_not_taken() -> None:
    gate, passed = Gate(SHARE), []

    async def stand(number: int) -> None:
        await gate.stand(1)
        passed.append(number)

    assert [gate.passes(1) for _ in range(3)] == [True] * 3
    waiting = []
    for number in range(16):
        gate.enter(1)
        waiting.append(asyncio.create_task(stand(number)))
    assert not gate.passes(1)
    with pytest.raises(QuotaError, match="16 messages of 16 bytes wait"):
        await gate.wait(1)
    async with asyncio.timeout(10):
        await asyncio.gather(*waiting)
    assert (passed, gate.waiting, gate.waiting_bytes) == (list(range(16)), 0, 0)


async def test_who_is_cancelled_leaves_the_line() -> None:
    gate = Gate(QuotaSettings(messages_per_s=1, burst_messages=1))
    assert gate.passes(1)
    waiting = asyncio.create_task(gate.wait(5))
    while not gate.waiting:
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert (gate.waiting, gate.waiting_bytes) == (0, 0)


def test_every_gateway_has_its_own() -> None:
    gates = Gates(SHARE)
    assert gates.of("gw-1") is gates.of("gw-1") is not gates.of("gw-2")


async def test_over_https_it_is_told_to_come_later_and_others_are_not(
    https_ingest: int, center: OpenCenter, pki: CenterPki, gateway: FakeGateway, caplog: pytest.LogCaptureFixture
) -> None:
    full = center.gates.of("gw-1")
    for _ in range(QuotaSettings().waiting_messages_max):
        full.enter(0)
    schema = gateway.schema().schema
    for name, status in (("gw-1", 429), ("gw-2", 200)):
        own = pki.gateways[name]
        context = client_context(pki.ca, own.certificate, own.key)
        async with httpx.AsyncClient(
            verify=context, base_url=f"https://127.0.0.1:{https_ingest}", timeout=PATIENCE_S
        ) as client:
            answer = await client.post(ingest_path("depot", name, Up.SCHEMA), content=schema.json)
        assert answer.status_code == status
    assert "security-event type=quota gateway=gw-1 peer=127.0.0.1" in caplog.text


async def test_a_block_of_another_gateway_is_set_aside_and_told(
    https_ingest: int, center: OpenCenter, pki: CenterPki, caplog: pytest.LogCaptureFixture
) -> None:
    victim = FakeGateway(name="gw-2")
    schema = victim.schema().schema
    own = pki.gateways["gw-1"]
    context = client_context(pki.ca, own.certificate, own.key)
    async with httpx.AsyncClient(
        verify=context, base_url=f"https://127.0.0.1:{https_ingest}", timeout=PATIENCE_S
    ) as client:
        path = ingest_path("depot", "gw-1", Up.BLOCK)
        for payload in (victim.block(schema, [[1], [2]]).data, b'{"gw": "gw-2"}'):
            assert (await client.post(path, content=payload)).status_code == 422
    assert [(one.gateway, one.kind) for one in await center.catalogue.quarantine()] == [("gw-1", "block")] * 2
    assert "security-event type=identity gateway=gw-1" in caplog.text
    assert "security-event type=unreadable gateway=gw-1" in caplog.text
