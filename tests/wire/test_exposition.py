"""This file checks the metrics page with a plain socket as its client."""

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

from isolane.core.failures import IsolaneError
from isolane.wire.exposition import serve_metrics, serve_metrics_at


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


async def test_a_page_without_network_is_a_socket_for_the_folders_group(tmp_path: Path) -> None:
    path = tmp_path / "page.sock"
    for _ in range(2):  # the second time over the socket that a killed process has left
        async with await serve_metrics_at(CollectorRegistry(), path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(b"GET /healthz HTTP/1.1\r\n\r\n")
            assert (await reader.read()).endswith(b"\r\n\r\nok\n")
            writer.close()


async def test_a_page_in_a_folder_that_is_not_there_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(IsolaneError, match="cannot open the metrics socket"):
        await serve_metrics_at(CollectorRegistry(), tmp_path / "no" / "page.sock")
