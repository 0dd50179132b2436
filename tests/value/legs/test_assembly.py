"""This file checks that a message which does not become whole is ended, and that a slow but moving one is not."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from isolane.value.legs.assembly import Assembly
from isolane.value.settings import Limits
from support.raw_peer import PING, TEXT, Peer, close_code, frame
from support.relay import Relay

Joined = Callable[..., AbstractAsyncContextManager[tuple[Relay, Peer, Peer]]]
MASK = b"\x11\x22\x33\x44"
LIMITS = Limits(assembly_s=10.0, assembly_bytes_per_s=100)
WHOLE = frame(TEXT, b"x" * 4096, mask=MASK)


def ends_at(bytes_per_s: float, *, new_message_s: float = 1e9, seconds: int = 100) -> float | None:
    """Look twice a second at a direction and give when it is found overdue."""
    assembly = Assembly()
    for half in range(2 * seconds):
        now_s = half / 2
        if assembly.is_overdue(1 + int(now_s / new_message_s), int(now_s * bytes_per_s), now_s, LIMITS):
            return now_s
    return None


def test_a_byte_a_second_ends_in_time() -> None:
    assert ends_at(1) == 9.0


def test_a_slow_link_is_honest_as_long_as_it_moves() -> None:
    assert ends_at(101) is None


def test_messages_that_become_whole_are_never_late() -> None:
    assert ends_at(1, new_message_s=8) is None


def test_bytes_sent_fast_earn_no_rest() -> None:
    assembly = Assembly()
    late = [assembly.is_overdue(1, 8_000_000 if now else 0, float(now), LIMITS) for now in range(40)]
    assert late.index(True) == 18


def test_nothing_under_way_is_nothing_late() -> None:
    assembly = Assembly()
    assert not assembly.is_overdue(7, 10, 0.0, LIMITS)
    assert not assembly.is_overdue(0, 20, 20.0, LIMITS)
    assert not assembly.is_overdue(8, 30, 20.5, LIMITS)
    assert not assembly.is_overdue(8, 30, 25.0, LIMITS)


@pytest.mark.parametrize(
    "begun",
    [
        WHOLE[:1],
        WHOLE[:7],
        WHOLE[:2000],
        frame(TEXT, b"one", mask=MASK, fin=False),
        frame(TEXT, b"one", mask=MASK, fin=False) + frame(PING, b"ping", mask=MASK) + frame(0, b"tw", mask=MASK)[:7],
    ],
    ids=["half-header", "header", "half-payload", "between-fragments", "last-fragment"],
)
async def test_a_message_that_stops_ends_both_legs(joined: Joined, begun: bytes) -> None:
    async with joined(limits="assembly_s = 0.5") as (relay, charger, csms):
        charger.writer.write(WHOLE + begun)
        assert close_code(await charger.reader.read()) == 1008
        seen = await csms.reader.read()
        assert seen.startswith(WHOLE)
        assert len(seen) <= len(WHOLE + begun) + 8
        assert await relay.metric('isolane_value_limit_closes_total{limit="assembly"}') == 1
        charger.writer.close()
        csms.writer.close()
        await relay.until_metric("isolane_value_connections", 0)


async def test_a_csms_that_stops_within_a_message_ends_both_legs(joined: Joined) -> None:
    async with joined(limits="assembly_s = 0.5") as (relay, charger, csms):
        csms.writer.write(frame(TEXT, b"x" * 400)[:100])
        assert close_code(await csms.reader.read()) == 1008
        assert len(await charger.reader.read()) == 100
        charger.writer.close()
        csms.writer.close()
        await relay.until_metric("isolane_value_connections", 0)
