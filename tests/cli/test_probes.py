"""This file checks that a failed probe names the step that failed."""

import asyncio
from pathlib import Path

import pytest

from isolane.cli.probes import Target, probe
from isolane.security import tls
from isolane.security.authority import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    authority = Authority(tmp_path / "pki")
    authority.create("North")
    return authority


async def _swallow(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def test_a_port_that_answers_is_good() -> None:
    async with await asyncio.start_server(_swallow, "127.0.0.1", 0) as server:
        assert await probe(Target("x", "127.0.0.1", server.sockets[0].getsockname()[1])) == ""


async def test_a_closed_port_is_named() -> None:
    async with await asyncio.start_server(_swallow, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
    assert f"127.0.0.1:{port} cannot be reached" in await probe(Target("x", "127.0.0.1", port))


async def test_an_unknown_name_is_told_from_a_closed_port() -> None:
    assert "is not known" in await probe(Target("x", "no-such-host.invalid", 443))


async def test_a_missing_file_is_named_before_anything_is_dialled(tmp_path: Path) -> None:
    target = Target("x", "127.0.0.1", 1, lambda: tls.client_context(tmp_path / "absent.pem"))
    assert "absent.pem" in await probe(target)


async def test_a_certificate_of_another_ca_is_told_from_a_port_without_tls(
    authority: Authority, tmp_path: Path
) -> None:
    server = authority.issue("server", common_name="127.0.0.1", hosts=["127.0.0.1"])
    stranger = Authority(tmp_path / "stranger")
    stranger.create("Other")
    context = tls.server_context(server.certificate, server.key)
    async with await asyncio.start_server(_swallow, "127.0.0.1", 0, ssl=context) as secure:
        port = secure.sockets[0].getsockname()[1]
        assert await probe(Target("x", "127.0.0.1", port, lambda: tls.client_context(authority.certificate))) == ""
        problem = await probe(Target("x", "127.0.0.1", port, lambda: tls.client_context(stranger.certificate)))
        assert "not trusted" in problem
    async with await asyncio.start_server(_swallow, "127.0.0.1", 0) as plain:
        port = plain.sockets[0].getsockname()[1]
        problem = await probe(Target("x", "127.0.0.1", port, lambda: tls.client_context(authority.certificate)))
        assert str(port) in problem
