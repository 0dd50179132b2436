"""This file judges the clock's battery by its voltage; it guards that it goes before a power cut costs the date."""

import math
from collections.abc import Collection
from typing import Annotated, ClassVar

import msgspec

from isolane.health.models.components.day_median import DayMedian
from isolane.health.models.measure import Basis, Level, Measure, Per, Remedy
from isolane.health.models.model import Rating

__all__ = ["Battery", "BatteryParameters"]

_VOLT = "RealTimeClock/DCVoltage"


class BatteryParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the clock's battery is judged."""

    low_v: Annotated[
        float, msgspec.Meta(description="Voltage at which it is changed, V; lithium cell, our choice", ge=1, le=5)
    ] = 2.6
    empty_v: Annotated[float, msgspec.Meta(description="Voltage of an empty one, V; assumed", ge=0.5, le=5)] = 2.0


class Battery(DayMedian):
    """Battery of one real-time clock.

    Args:
        parameters: See there.
        rating: Of the outlet.
        keys: What the place has.
    """

    id: ClassVar[str] = "battery/1"
    required: ClassVar[tuple[str, ...]] = (_VOLT,)

    def __init__(self, parameters: BatteryParameters, rating: Rating, keys: Collection[str]) -> None:
        del rating, keys  # a coin cell knows no rating
        measure = Measure(
            "rtc_battery", "RealTimeClock", "V", Per.DAY, Basis.MEASURED,
            Remedy("Change the clock's battery: without it a power cut sets the date back.", "coin cell"),
            limit=parameters.empty_v, plan=parameters.low_v, dispatch=-math.inf, urged=Level.PLAN,
            scatter=0.02, walk=0.002, rises=False,
        )  # fmt: skip
        super().__init__(_VOLT, measure)
