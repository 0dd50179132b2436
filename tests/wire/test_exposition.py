"""This file checks the metrics page with a plain socket as its client."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

from isolane.core.failures import IsolaneError
from isolane.wire.exposition import serve_metrics


@pytest.fixture
async def port() -> AsyncIterator[int]:
    registry = CollectorRegistry()
    Counter("isolane_test_frames", "Frames", registry=registry).inc(3)
    server = await serve_metrics(registry, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _ask(port: int, request: bytes) -> tuple[bytes, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return head.split(b"\r\n")[0], body


async def test_a_scrape_reads_back(port: int) -> None:
    status, body = await _ask(port, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status == b"HTTP/1.1 200 OK"
    families = {family.name: family for family in text_string_to_metric_families(body.decode())}
    assert families["isolane_test_frames"].samples[0].value == 3


@pytest.mark.parametrize(
    ("request_line", "status"),
    [(b"GET /healthz", b"200"), (b"GET /metrics?x=1", b"200"), (b"GET /", b"404"), (b"POST /metrics", b"405")],
)
async def test_each_path_has_its_answer(port: int, request_line: bytes, status: bytes) -> None:
    answer, _ = await _ask(port, request_line + b" HTTP/1.1\r\n\r\n")
    assert answer.split(b" ")[1] == status


async def test_a_head_that_is_too_long_is_cut_off(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /metrics HTTP/1.1\r\n" + b"x" * 16_384)
    try:
        answer = await reader.read()
    except ConnectionError:
        answer = b""
    assert answer == b""
    writer.close()


async def test_a_used_port_is_named(port: int) -> None:
    with pytest.raises(IsolaneError, match=str(port)):
        await serve_metrics(CollectorRegistry(), "127.0.0.1", port)
