"""This file integrates energy; it guards that no watt-hour is lost to rounding however many steps there are."""

_MJ_PER_WH = 3_600_000
_MILLI = 1000


class Register:
    """A meter's register: adds up in whole millijoules, shows whole watt-hours, never falls.

    Args:
        start_wh: What it shows at first, Wh.
    """

    def __init__(self, start_wh: int = 0) -> None:
        self._millijoules = start_wh * _MJ_PER_WH

    def add(self, power_w: float, dt_s: float) -> None:
        """Count a constant power over a step.

        Args:
            power_w: W, not negative.
            dt_s: s, not negative.
        """
        self._millijoules += round(max(power_w, 0.0) * dt_s * _MILLI)

    @property
    def wh(self) -> int:
        """The whole watt-hours it shows."""
        return self._millijoules // _MJ_PER_WH

    @property
    def exact_wh(self) -> float:
        """Watt-hours with their fraction."""
        return self._millijoules / _MJ_PER_WH
