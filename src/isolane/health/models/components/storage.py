"""This file judges flash memory by the life that it says it has used; it guards that it is changed while it works."""

from collections.abc import Collection
from typing import Annotated, ClassVar

import msgspec

from isolane.health.models.components.day_median import DayMedian
from isolane.health.models.measure import Basis, Measure, Per, Remedy
from isolane.health.models.model import Rating

__all__ = ["Storage", "StorageParameters"]

_WORN = "Controller/xFlashWorn"
_EXCEEDED = 110.0
_HALF_STEP = 5.0


class StorageParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How flash memory is judged."""

    plan_percent: Annotated[
        float, msgspec.Meta(description="Life used that is planned for, percent; our choice (0x08)", ge=20, le=110)
    ] = 80.0
    dispatch_percent: Annotated[
        float, msgspec.Meta(description="Life used that needs a visit now, percent; our choice (0x0A)", ge=20, le=110)
    ] = 100.0


class Storage(DayMedian):
    """Flash memory of one controller.

    Args:
        parameters: See there.
        rating: Of the outlet.
        keys: What the place has.
    """

    id: ClassVar[str] = "storage/1"
    required: ClassVar[tuple[str, ...]] = (_WORN,)

    def __init__(self, parameters: StorageParameters, rating: Rating, keys: Collection[str]) -> None:
        del rating, keys  # it wears whatever the outlet gives
        measure = Measure(
            "flash_worn", "Controller", "Percent", Per.DAY, Basis.COUNTED,
            Remedy("Change the memory, or the controller, before it turns read-only; see what writes so much.", "eMMC"),
            limit=_EXCEEDED, start=0.0, scatter=10.0,
            plan=parameters.plan_percent - _HALF_STEP, dispatch=parameters.dispatch_percent - _HALF_STEP,
        )  # fmt: skip
        super().__init__(_WORN, measure)
