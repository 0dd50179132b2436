"""This file sets clocks; it guards that nobody who gives the time is believed for having given it."""

import asyncio
import contextlib

import pytest
from prometheus_client import CollectorRegistry

from isolane.core.clock import NS_PER_S
from isolane.health.clock_settings import ClockSettings
from isolane.health.clock_trust import ClockTrust
from isolane.security.event_lines import Kind
from support.commanded import HandClock
from support.outboxes import until


class World:
    """A clock, a kernel that believes anything, and who watches."""

    def __init__(self, distrust_s: float = 3600.0) -> None:
        self.clock, self.kernel = HandClock(), True
        settings = ClockSettings(set_s=10.0, distrust_s=distrust_s)
        self.trust = ClockTrust(settings, self.clock, lambda: self.kernel)

    @property
    def told(self) -> int:
        return self.trust.events.counts[Kind.CLOCK_SET]

    def metric(self, name: str) -> float | None:
        registry = CollectorRegistry()
        registry.register(self.trust)
        return registry.get_sample_value(name, {"type": "setting-system-time"} if name.endswith("_total") else {})


@pytest.mark.parametrize("by_s", [3600.0, -3600.0, 10.001, -10 * 365 * 86_400.0])
def test_a_clock_that_is_set_is_told_once_and_not_believed(by_s: float, caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    assert world.trust.is_synced()
    world.clock.utc_s += by_s
    assert [world.trust.is_synced() for _ in range(3)] == [False] * 3
    assert world.told == 1
    line = f'security-event type=setting-system-time gateway=- peer=- detail="clock: set by {by_s:+.1f} s"'
    assert caplog.messages == [line]
    assert world.metric("isolane_health_clock_synced") == 0
    assert world.metric("isolane_health_security_events_total") == 1


@pytest.mark.parametrize("by_s", [0.0, 9.9, -9.9])
def test_a_correction_tells_nothing(by_s: float) -> None:
    world = World()
    world.clock.utc_s += by_s
    world.clock.pass_s(86_400)
    assert world.trust.is_synced()
    assert world.told == 0
    assert world.metric("isolane_health_clock_synced") == 1


def test_small_steps_add_up() -> None:
    world = World()
    for _ in range(3):
        assert world.trust.is_synced()
        world.clock.pass_s(60)
        world.clock.utc_s += 4
    assert not world.trust.is_synced()
    assert world.told == 1


def test_a_pause_hides_no_step_and_is_none() -> None:
    world = World()
    world.clock.pass_s(7 * 86_400)
    assert world.trust.is_synced(), "the process stood still, the clock was not set"
    world.clock.pass_s(600)
    world.clock.utc_s += 3600
    assert not world.trust.is_synced()
    assert world.told == 1


def test_a_clock_is_believed_again_after_its_time_by_the_monotonic_clock(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    world = World()
    world.clock.utc_s += 7200
    assert not world.trust.is_synced(), "two hours by the UTC clock are no time"
    world.clock.pass_s(3599)
    assert not world.trust.is_synced()
    world.clock.pass_s(1)
    assert world.trust.is_synced()
    assert caplog.messages[-1] == "clock-believed-again"
    assert world.told == 1


def test_to_be_set_back_is_to_be_set() -> None:
    world = World()
    world.clock.utc_s += 3600
    assert not world.trust.is_synced()
    world.clock.pass_s(3000)
    world.clock.utc_s -= 3600
    assert not world.trust.is_synced()
    world.clock.pass_s(3599)
    assert not world.trust.is_synced(), "the time begins anew"
    world.clock.pass_s(1)
    assert world.trust.is_synced()
    assert world.told == 2


def test_each_minute_has_its_line(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    for pause_s in (1, 1, 60):
        world.clock.utc_s += 100
        world.trust.is_doubted()
        world.clock.pass_s(pause_s)
    world.clock.utc_s += 100
    world.trust.is_doubted()
    assert world.told == 4
    assert [line.rpartition('"')[2] for line in caplog.messages] == ["", " suppressed=2"]


def test_what_the_kernel_does_not_vouch_for_is_not_believed_and_no_event() -> None:
    world = World()
    world.kernel = False
    assert not world.trust.is_synced()
    assert not world.trust.is_doubted()
    assert world.told == 0


def test_an_operator_may_believe_at_once_and_is_told_all_the_same() -> None:
    world = World(distrust_s=0)
    world.clock.utc_s += 3600
    assert world.trust.is_synced()
    assert world.told == 1


def test_a_pause_between_two_readings_is_no_step() -> None:
    class Stopped(HandClock):
        stops = 0

        def utc_ns(self) -> int:
            if self.stops:
                self.stops -= 1
                self.pass_s(60)
                return super().utc_ns() - 60 * NS_PER_S  # read before it stood still
            return super().utc_ns()

    clock = Stopped()
    trust = ClockTrust(ClockSettings(), clock, lambda: True)
    for number in (1, 3):
        clock.stops = number
        assert trust.is_synced()
    assert trust.is_synced()
    assert trust.events.counts[Kind.CLOCK_SET] == 0


async def test_the_clock_is_watched_though_nobody_asks(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    watching = asyncio.create_task(world.trust.run())
    world.clock.utc_s += 3600
    await until(lambda: "type=setting-system-time" in caplog.text)
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
