"""This file supervises the models of one place; it guards that a bug in one of them ends no other place's.

A place whose models fail three times in a row is left alone until the next start: it would only fill the log.
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

    def feed(self, start_s: int, rows: NDArray[np.float64]) -> list[Change]:
        """Show rows to the place; see `Bay.feed`. Never raises."""
        if self._in_a_row >= _FAILURES_MAX:
            return []
        try:
            changes = self.bay.feed(start_s, rows)
        except Exception:  # noqa: BLE001 - this is the supervisor
            self.failed += 1
            self._in_a_row += 1
            place = self.bay.place
            _LOG.exception("models-failed charger=%s place=%s", place.charger, place.prefix)
            return []
        self._in_a_row = 0
        return changes
