"""This file tests the host's numbers by table; it guards the units of the kernel's clock."""

from isolane.core.samples import Reason
from isolane.health.sources.host import plan
from isolane.health.sources.host.connect import ClockFacts, HostFacts
from isolane.health.sources.host.decode import values_of

FACTS = HostFacts(
    12.5, 0.75, 40.0, 81.5, 52_428_800, 47.5, ClockFacts(-1500, 20_000, 0x2001), (5.0, 20.0), 30.0, 86_400.0
)


def test_values_are_in_their_signals_units() -> None:
    assert values_of(FACTS) == {
        plan.CPU: 12.5,
        plan.LOAD: 0.75,
        plan.MEMORY: 40.0,
        plan.DISK: 81.5,
        plan.RESIDENT: 52_428_800.0,
        plan.TEMPERATURE: 47.5,
        plan.WORN: 30.0,
        plan.CERTIFICATE: 86_400.0,
        plan.core(0): 5.0,
        plan.core(1): 20.0,
        plan.CLOCK_OFFSET: -1.5e-6,
        plan.CLOCK_ERROR: 0.02,
        plan.CLOCK_SYNCHRONISED: 1.0,
    }


def test_microseconds_and_an_unsynchronised_clock() -> None:
    values = values_of(HostFacts(0, 0, 0, 0, 0, 0, ClockFacts(-1500, 20_000, 0x0040)))
    assert values[plan.CLOCK_OFFSET] == -1.5e-3
    assert values[plan.CLOCK_SYNCHRONISED] == 0.0


def test_a_clock_that_was_set_is_not_called_synchronised() -> None:
    assert values_of(FACTS, is_doubted=True) == values_of(FACTS) | {plan.CLOCK_SYNCHRONISED: 0.0}
    silent = values_of(HostFacts(0, 0, 0, None, 0, None, None), is_doubted=True)
    assert silent[plan.CLOCK_SYNCHRONISED] is Reason.REFUSED


def test_what_the_machine_does_not_say_is_a_reason() -> None:
    values = values_of(HostFacts(0, 0, 0, None, 0, None, None))
    lacking = {key for key, value in values.items() if value is Reason.REFUSED}
    assert lacking == {
        plan.DISK,
        plan.WORN,
        plan.CERTIFICATE,
        plan.TEMPERATURE,
        plan.CLOCK_OFFSET,
        plan.CLOCK_ERROR,
        plan.CLOCK_SYNCHRONISED,
    }


def test_a_machine_without_a_sensor_declares_no_signal_for_it() -> None:
    keys = {signal.key for signal in plan.plan_signals(HostFacts(0, 0, 0, None, 0, None, None))}
    assert keys == {plan.CPU, plan.LOAD, plan.MEMORY, plan.DISK, plan.RESIDENT}
    assert len(plan.plan_signals(FACTS)) == 13
