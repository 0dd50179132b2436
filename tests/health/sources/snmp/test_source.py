"""This file reads a real agent, and peers that are none; it guards that each failure has its reason."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from pysnmp.proto.rfc1902 import (  # type: ignore[import-untyped]
    Counter32,
    Counter64,
    Gauge32,
    Integer32,
    OctetString,
    TimeTicks,
)

from isolane.config.values import Address, Secret
from isolane.core.clock import SystemClock
from isolane.core.failures import IsolaneError
from isolane.core.samples import Reason
from isolane.health.sources.snmp.plan import UP_TIME
from isolane.health.sources.snmp.settings import ObjectSettings, SnmpSettings, UserSettings
from isolane.health.sources.snmp.source import SnmpSource
from support.readings import running
from support.snmp_agent import AUTH_PASSWORD, COMMUNITY, PRIVACY_PASSWORD, USER, SnmpAgent

Secrets = Callable[[str], Secret]
UPS = (1, 3, 6, 1, 2, 1, 33, 1)
IF, IFX = (1, 3, 6, 1, 2, 1, 2, 2, 1), (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
RSSI = (1, 3, 6, 1, 4, 1, 48690, 2, 2, 1, 12, 1)


def objects(grown: int = 0, up_time: int = 5000) -> dict[tuple[int, ...], Any]:
    return {
        UP_TIME: TimeTicks(up_time),
        (*UPS, 2, 1, 0): Integer32(2),
        (*UPS, 2, 3, 0): Integer32(17),
        (*UPS, 2, 4, 0): Integer32(98),
        (*UPS, 2, 5, 0): Integer32(545),
        (*UPS, 2, 7, 0): Integer32(24),
        (*UPS, 3, 3, 1, 3, 1): Integer32(231),
        (*UPS, 6, 1, 0): Gauge32(0),
        (*IF, 8, 3): Integer32(1),
        (*IF, 14, 3): Counter32(7),
        (*IFX, 6, 3): Counter64(10**12 + grown),
        RSSI: OctetString("-71"),
    }


@pytest.fixture
async def agent() -> AsyncIterator[SnmpAgent]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    made = SnmpAgent(objects(), port)
    yield made
    made.stop()


@pytest.fixture
def secret(tmp_path: Path) -> Secrets:
    def make(text: str) -> Secret:
        (tmp_path / text).write_text(text, encoding="utf-8")
        return Secret.parse(f"file:{text}", tmp_path)

    return make


def source(address: Address, **more: object) -> SnmpSource:
    table: dict[str, Any] = {
        "presets": ("ups-mib", "if-mib"),
        "interfaces": (3,),
        "points": (
            ObjectSettings(key="0.0/DataLink[Modem]/xRssi", oid=".".join(map(str, RSSI)), unit="dBm", range=(-120, 0)),
        ),
        "period_s": 0.1,
        "timeout_s": 1.0,
        "objects_max": 7,
        "reconnect_s_max": 0.2,
        **more,
    }
    return SnmpSource(SnmpSettings(name="r", address=address, **table), SystemClock())


async def test_a_ups_and_a_router_are_read(agent: SnmpAgent, secret: Secrets) -> None:
    agent.start()
    async with running(source(agent.address, community=secret(COMMUNITY))) as kept:
        await kept.until(lambda: bool(kept.good()))
        begin = time.monotonic()

        def grow() -> bool:
            agent.objects = objects(round((time.monotonic() - begin) * 125_000), 6000)
            return (kept.value("0.0/DataLink[3]/xInBitRate") or 0) > 100_000

        await kept.until(grow)
    assert kept.value("0.0/xUps/xTimeRemaining") == 17 * 60
    assert kept.value("0.0/xUps/DCVoltage") == pytest.approx(54.5)
    assert kept.value("0.0/xUps/xChargeRemaining") == 98
    assert kept.value("0.0/DataLink[Modem]/xRssi") == -71
    assert kept.value("0.0/DataLink[3]/xOperStatus") == 1
    assert kept.value("0.0/DataLink[3]/xInErrorRate") == 0
    lacking = {each.signal for each in kept.readings if each.reason is Reason.NOT_IMPLEMENTED}
    assert {"0.0/xUps/DCCurrent", "0.0/DataLink[3]/xOutBitRate"} <= lacking


async def test_version_3_signs_and_encrypts(agent: SnmpAgent, secret: Secrets) -> None:
    agent.start()
    user = UserSettings(name=USER, auth_password=secret(AUTH_PASSWORD), privacy_password=secret(PRIVACY_PASSWORD))
    async with running(source(agent.address, user=user)) as kept:
        await kept.until(lambda: kept.value("0.0/xUps/xChargeRemaining") == 98)
    wrong = UserSettings(name=USER, auth_password=secret("not-the-one"), privacy_password=secret(PRIVACY_PASSWORD))
    async with running(source(agent.address, user=wrong)) as kept:
        await kept.until(lambda: len(kept.readings) >= 3 * 18)
        assert not kept.good()
        assert kept.reasons() <= {Reason.REFUSED, Reason.TIMEOUT}


async def test_an_agent_that_is_away_or_does_not_know_us_is_a_time_out_and_recovers(
    agent: SnmpAgent, secret: Secrets
) -> None:
    async with running(source(agent.address, community=secret(COMMUNITY), timeout_s=0.2)) as kept:
        await kept.until(lambda: len(kept.readings) >= 3 * 18)
        assert kept.reasons() <= {Reason.TIMEOUT, Reason.DISCONNECTED}
        agent.start()
        await kept.until(lambda: bool(kept.good()))
        agent.stop()
        await kept.until(lambda: kept.readings[-1].reason in {Reason.TIMEOUT, Reason.DISCONNECTED})
        agent.start()
        seen = len(kept.good())
        await kept.until(lambda: len(kept.good()) > seen)
    async with running(source(agent.address, community=secret("guess"), timeout_s=0.2)) as kept:
        await kept.until(lambda: len(kept.readings) >= 3 * 18)
        assert kept.reasons() == {Reason.TIMEOUT}


class _Garbage(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for wrong in (b"", b"\x30\x82\xff\xff", data[:-3], b"\xff" * 1400, data):
            self.transport.sendto(wrong, addr)


async def test_datagrams_of_nonsense_end_nothing(secret: Secrets) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(_Garbage, ("127.0.0.1", 0))
    address = Address("127.0.0.1", transport.get_extra_info("sockname")[1])
    async with running(source(address, community=secret(COMMUNITY), timeout_s=0.2)) as kept:
        await kept.until(lambda: len(kept.readings) >= 3 * 18)
        assert not kept.good()
    transport.close()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({}, "one way to be let in"),
        ({"community": "x", "interfaces": ()}, "belong together"),
        ({"community": "x", "presets": (), "interfaces": (), "points": ()}, "nothing to read"),
        ({"user": UserSettings(name="u")}, "belong together"),
    ],
)
def test_a_table_that_cannot_be_is_refused(more: dict[str, Any], says: str, secret: Secrets) -> None:
    if "community" in more:
        more["community"] = secret("x")
    with pytest.raises(IsolaneError, match=says):
        source(Address("127.0.0.1", 9), **more)
