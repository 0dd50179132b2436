"""This file asks real sockets and a real terminal pair; it guards that what went wrong is a sentence with a remedy."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from isolane.config.values import Address
from isolane.core.failures import IsolaneError
from isolane.devices.template import load_built_in
from isolane.health.sources.discovery.wire import Refused, Wire
from isolane.health.sources.modbus.plan import Span
from isolane.health.sources.modbus.settings import SerialSettings
from support.modbus_peer import ModbusPeer
from support.template_server import image_of, serving


async def test_data_refusals_and_silence_are_told_apart() -> None:
    served = image_of(load_built_in("keba_p30"))
    async with serving({255: served}, vendor="KEBA") as address, Wire(address, 2.0, gap_s=0.0) as wire:
        assert await wire.read(255, Span("holding", 1040, 2)) == [0, 229]
        assert await wire.read(255, Span("holding", 3, 1)) == Refused(2)
        assert await wire.read(255, Span("holding", 1008, 4)) == Refused(3)
        assert (await wire.identification(255) or {})["vendor"] == "KEBA"
        with pytest.raises(ValueError, match="not in registers"):
            await wire.read(255, Span("coil", 0, 1))


async def test_a_peer_that_never_answers_is_silence(mute: Address) -> None:
    async with Wire(mute, 0.1, gap_s=0.0) as wire:
        for _ in range(6):  # the library hangs up after a few; the wire connects again
            assert await wire.read(1, Span("holding", 0, 1)) is None
        assert await wire.identification(1) is None


@pytest.fixture
async def mute() -> AsyncIterator[Address]:
    async def hang(_request: bytes, _writer: asyncio.StreamWriter) -> None:
        pass

    peer = ModbusPeer(hang)
    await peer.start()
    yield peer.address
    await peer.stop()


async def test_nobody_listens() -> None:
    with socket.socket() as bound:  # bound and not listening: nobody else can be there
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(IsolaneError, match=r"cannot connect to 127\.0\.0\.1.*502 by custom"):
            async with Wire(Address("127.0.0.1", bound.getsockname()[1]), 1.0):
                pass


async def test_a_serial_port_that_is_not_there_or_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(IsolaneError, match=r"there is no .*/dev/serial/by-id"):
        async with Wire(SerialSettings(path=tmp_path / "ttyUSB0"), 1.0):
            pass
    (tmp_path / "ttyUSB0").touch()
    with pytest.raises(IsolaneError, match="cannot open"):
        async with Wire(SerialSettings(path=tmp_path / "ttyUSB0"), 1.0):
            pass
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(IsolaneError, match=r"this user may not use .*group"):
        async with Wire(SerialSettings(path=tmp_path / "ttyUSB0"), 1.0):
            pass


async def test_rtu_through_tcp() -> None:
    async with (
        serving({1: image_of(load_built_in("eastron_sdm120"))}, framer="rtu") as address,
        Wire(address, 2.0, "rtu", gap_s=0.0) as wire,
    ):
        assert await wire.read(1, Span("input", 0, 2)) == [0x4365, 0]
