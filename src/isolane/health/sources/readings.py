"""This file makes readings of values and reasons; it guards that a reason is never given together with a value."""

from collections.abc import Iterable, Sequence

from isolane.core.samples import Quality, Reading, Reason
from isolane.core.signals import Signal


def reading(signal: Signal, value: float | Reason, mono_ns: int) -> Reading:
    """Give the reading of a value, BAD if it is a reason."""
    if isinstance(value, Reason):
        return Reading(signal.charger, signal.key, None, mono_ns, Quality.BAD, value)
    return Reading(signal.charger, signal.key, value, mono_ns)


def silence(signals: Iterable[Signal], reason: Reason, mono_ns: int) -> list[Reading]:
    """Give a BAD reading of each signal."""
    return [reading(signal, reason, mono_ns) for signal in signals]


def count(readings: Sequence[Reading], counts: dict[str, int]) -> None:
    """Count readings by quality."""
    good = sum(each.quality is Quality.GOOD for each in readings)
    counts["readings_good"] = counts.get("readings_good", 0) + good
    counts["readings_bad"] = counts.get("readings_bad", 0) + len(readings) - good
