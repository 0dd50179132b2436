"""This file supervises the models of one place; it guards that a bug in one of them ends no other place's.

A place whose models fail three times in a row is put out until the next start, which is logged and counted: it would
only fill the log. What is put out gives no scores any more, so they age and go BAD as those of a silent device do.
"""

import logging

import numpy as np
from numpy.typing import NDArray

from isolane.health.models.place import Bay, Change

_LOG = logging.getLogger(__name__)
_FAILURES_MAX = 3


class Supervised:
    """A place under supervision.

    Args:
        bay: The place.
    """

    def __init__(self, bay: Bay) -> None:
        self.bay = bay
        self.failed = 0
        """Batches that its models could not take."""
        self._in_a_row = 0

    @property
    def is_out(self) -> bool:
        """Whether the place is left alone until the next start."""
        return self._in_a_row >= _FAILURES_MAX

    def feed(self, start_s: int, rows: NDArray[np.float64]) -> list[Change]:
        """Show rows to the place; see `Bay.feed`. Never raises."""
        if self.is_out:
            return []
        try:
            changes = self.bay.feed(start_s, rows)
        except Exception:  # noqa: BLE001 - this is the supervisor
            self.failed += 1
            self._in_a_row += 1
            place = self.bay.place
            _LOG.exception("models-failed charger=%s place=%s", place.charger, place.prefix)
            if self._in_a_row == _FAILURES_MAX:
                _LOG.error("models-put-out charger=%s place=%s until=restart", place.charger, place.prefix)
            return []
        self._in_a_row = 0
        return changes
