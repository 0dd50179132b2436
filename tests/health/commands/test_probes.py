"""This file pings and traces this machine itself; it guards that a plain user can, and that errors are read rightly."""

import ipaddress
import socket
import struct

import pytest

from isolane.health.commands import probes
from isolane.health.commands.probes import Place

LOOPBACK = Place(socket.AF_INET, "127.0.0.1", None)


async def test_names_are_looked_up_and_what_has_no_address_is_an_error() -> None:
    assert await probes.look_up("127.0.0.1", 80) == Place(socket.AF_INET, "127.0.0.1", 80)
    with pytest.raises(OSError, match=r"."):
        await probes.look_up("name.invalid", None)


async def test_an_echo_comes_back_or_the_system_allows_none() -> None:
    found = await probes.echo(LOOPBACK, 2)
    assert found is None or all(ms is not None and 0 <= ms < 2000 for ms in found)


async def test_a_connection_is_timed_or_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (ms,) = await probes.connect(Place(socket.AF_INET, "127.0.0.1", port), 1)
        assert isinstance(ms, float)
    (why,) = await probes.connect(Place(socket.AF_INET, "127.0.0.1", port), 1)
    assert "refused" in str(why).lower()


async def test_a_trace_ends_at_its_target() -> None:
    (hop,) = await probes.trace(LOOPBACK, 5)
    assert (hop.by, hop.is_end) == ("127.0.0.1", True)


@pytest.mark.parametrize(
    ("queue", "origin", "icmp", "address", "expected"),
    [
        ((0, 11), 2, 11, "192.0.2.1", ("192.0.2.1", False)),
        ((0, 11), 2, 3, "192.0.2.9", ("192.0.2.9", True)),
        ((41, 25), 3, 3, "2001:db8::1", ("2001:db8::1", False)),
        ((41, 25), 3, 1, "2001:db8::9", ("2001:db8::9", True)),
        ((0, 11), 1, 0, "0.0.0.0", (None, False)),
        ((1, 11), 2, 11, "192.0.2.1", (None, False)),
    ],
)
def test_who_ended_a_datagram_is_read_from_the_error_queue(
    queue: tuple[int, int], origin: int, icmp: int, address: str, expected: tuple[str | None, bool]
) -> None:
    packed = ipaddress.ip_address(address).packed
    offender = struct.pack("=HH", 2, 0) + (packed if len(packed) == 4 else bytes(4) + packed)
    told = struct.pack("=IBBBBII", 113, origin, icmp, 0, 0, 0, 0) + offender + bytes(8)
    assert probes.ended_by([(*queue, told)]) == expected
    assert probes.ended_by([(*queue, told[:18])]) == (None, False)
