"""This file turns what the operating system says into values by signal; it guards that silence is a reason."""

from isolane.core.samples import Reason
from isolane.health.sources.host import plan
from isolane.health.sources.host.connect import ClockFacts, HostFacts

_UNSYNCHRONISED = 0x0040
_NANOSECONDS = 0x2000
"""Bits of the status in Linux's `struct timex`. Source: adjtimex(2)."""


def values_of(facts: HostFacts, *, is_doubted: bool = False) -> dict[str, float | Reason]:
    """Give the value of every signal the host can have, by key, in the signal's unit.

    Args:
        facts: What it says.
        is_doubted: Whether its clock is not to be believed, whatever it says.
    """
    values: dict[str, float | Reason] = {
        plan.CPU: _or_unknown(facts.cpu_percent),
        plan.LOAD: facts.load,
        plan.MEMORY: facts.memory_percent,
        plan.DISK: _or_refused(facts.disk_percent),
        plan.RESIDENT: float(facts.resident_bytes),
        plan.WORN: _or_refused(facts.worn_percent),
        plan.CERTIFICATE: _or_refused(facts.certificate_left_s),
        plan.TEMPERATURE: _or_refused(facts.temperature_celsius),
    }
    values |= {plan.core(number): _or_unknown(percent) for number, percent in enumerate(facts.cores_percent)}
    return values | _clock_values(facts.clock, is_doubted=is_doubted)


def _clock_values(clock: ClockFacts | None, *, is_doubted: bool) -> dict[str, float | Reason]:
    if clock is None:
        return dict.fromkeys((plan.CLOCK_OFFSET, plan.CLOCK_ERROR, plan.CLOCK_SYNCHRONISED), Reason.REFUSED)
    per_s = 1e9 if clock.status & _NANOSECONDS else 1e6
    return {
        plan.CLOCK_OFFSET: clock.offset / per_s,
        plan.CLOCK_ERROR: clock.maxerror_us / 1e6,
        plan.CLOCK_SYNCHRONISED: 0.0 if is_doubted or clock.status & _UNSYNCHRONISED else 1.0,
    }


def _or_refused(value: float | None) -> float | Reason:
    return Reason.REFUSED if value is None else value


def _or_unknown(percent: float | None) -> float | Reason:
    return Reason.NEVER_READ if percent is None else percent
