"""This file tells the budget what the tap tells, and watches what it lets through."""

import asyncio

from isolane.health.budget.hearing import Hearing
from isolane.health.budget.settings import BudgetSettings
from isolane.health.budget.turnstile import Turnstile
from isolane.health.budget.yielding import Stance
from isolane.wire import tap_event as ev
from support.budget_ways import world_of
from support.outboxes import until


def _packet(*events: ev.AnyEvent, lost: int = 0) -> ev.Packet:
    return ev.Packet(1, lost, events)


async def test_calls_hold_and_answers_let_go() -> None:
    turnstile = Turnstile(BudgetSettings(guard_ms=0))
    hearing, now = Hearing(turnstile), turnstile.now_ns()
    hearing.take(_packet(ev.Called("CP1", now - 7_000_000, "charger")))
    assert turnstile.yielding.stance(turnstile.now_ns()) is Stance.HOLD
    assert turnstile.rate_bytes_s() == 0
    assert hearing.heard.calls == 1
    assert 0.007 <= hearing.heard.late_s == hearing.heard.late_s_max
    hearing.take(_packet(ev.Answered("CP1", turnstile.now_ns(), "Heartbeat", "csms", 80.0, "result")))
    assert turnstile.yielding.stance(turnstile.now_ns()) is Stance.FREE
    assert turnstile.rate_bytes_s() == 16_000


async def test_old_calls_ended_connections_and_losses_hold_nobody() -> None:
    turnstile = Turnstile(BudgetSettings(guard_ms=0))
    hearing, now = Hearing(turnstile), turnstile.now_ns()
    hearing.take(_packet(ev.Called("CP1", now - 6_000_000_000, "charger")))
    assert turnstile.yielding.stance(turnstile.now_ns()) is Stance.FREE
    hearing.take(_packet(ev.Called("CP1", now, "charger"), ev.Disconnected("CP1", now, "csms", None)))
    assert turnstile.yielding.stance(turnstile.now_ns()) is Stance.FREE
    hearing.take(_packet(ev.Called("CP1", now, "charger")))
    hearing.take(None)
    assert turnstile.yielding.stance(turnstile.now_ns()) is Stance.FREE


async def test_sending_stops_for_a_call_but_not_for_ever_and_not_for_who_goes_first() -> None:
    got = {b"a": 0, b"f": 0}

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        name = await reader.readexactly(1)
        while chunk := await reader.read(65_536):
            got[name] += len(chunk)

    settings = BudgetSettings(rate_kbit_s=256, first=("f",), guard_ms=0, hold_ms_max=1500)
    async with world_of(serve, settings) as world:
        hearing, turnstile = Hearing(world.turnstile), world.turnstile
        _, writer = await world.streams("a")
        writer.write(b"a" + bytes(400_000))
        await until(lambda: got[b"a"] > 1000, "it goes")
        began = turnstile.now_ns()
        hearing.take(_packet(ev.Called("CP1", began, "charger")))
        await until(lambda: turnstile.waiting == 1, "it waits")
        passed = turnstile.passed_bytes
        _, first = await world.streams("f")
        first.write(b"f" + bytes(500))
        await until(lambda: got[b"f"] == 500, "who goes first goes")
        assert turnstile.yielding.stance(turnstile.now_ns()) is Stance.HOLD
        # Its two segments, and nothing of the other.
        assert turnstile.passed_bytes - passed <= 501 + 2 * 52
        await until(lambda: turnstile.passed_bytes - passed > 2000, "it goes on without an answer")
        assert turnstile.now_ns() - began >= 1_500_000_000
        assert turnstile.rate_bytes_s() == 16_000, "half, beside one call"
        assert turnstile.held_ns >= 1_400_000_000
        first.transport.abort()
        writer.transport.abort()
