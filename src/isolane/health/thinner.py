"""This file joins blocks and thinning; it guards that every sample left out is counted, and told with its bound.

Operation: while the rung is FULL, blocks pass as they are. On a further rung blocks are made longer, and each is
thinned when it is complete, by the rung of that moment. On the rung MINUTE a block that is one whole minute becomes
four rows about it; one that is not (after a change of rung, a hole in time) is thinned as on BOUNDED. What is sent for
a block has the block itself beside it, to be kept; a block that is sent as it is has not.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from isolane.core.rungs import Rung
from isolane.core.samples import Reason
from isolane.health.outbox.records import Draft
from isolane.health.thinning.masks import bounded, deadband
from isolane.health.thinning.minute import MINUTE_MS, schemas, summarise
from isolane.health.thinning.settings import ThinningSettings
from isolane.wire.block import I64, Thinned, thinned_away
from isolane.wire.body import refill
from isolane.wire.schema import Schema

_ROWS_MIN = 3
"""In a shorter block there is nothing between the first and the last row."""


class Thinner:
    """Thins the blocks of one schema.

    Args:
        schema: Of the blocks.
        settings: The thinning table.
        rung: Tells the rung of this moment.
    """

    def __init__(self, schema: Schema, settings: ThinningSettings, rung: Callable[[], Rung]) -> None:
        self.minutes = schemas(schema.signals)
        self._settings = settings
        self._rung = rung
        # Between two patterns of floats there is no line, and no step; they come back exactly.
        units = ["" if not column.resolution else column.unit for column in schema.columns]
        self._deadbands = _steps(units, settings, settings.deadband_steps)
        self._bounds = _steps(units, settings, settings.bound_steps)
        self._exact = np.array([not unit for unit in units])

    def rows(self, usual: int) -> int:
        """Give how many rows a block shall have now."""
        return usual if self._rung() is Rung.FULL else max(usual, self._settings.block_rows)

    def ends_at(self, end_ms: int) -> bool:
        """Tell whether a block shall end with a row that ends at this UTC, ms: on the rung MINUTE at each minute."""
        return self._rung() is Rung.MINUTE and end_ms % MINUTE_MS == 0

    def thin(self, draft: Draft) -> list[Draft]:
        """Give what is sent of a block."""
        rung = self._rung()
        columns, rows = draft.values.shape
        if rung is Rung.MINUTE and draft.t0_ms % MINUTE_MS == 0 and rows * draft.step_ms == MINUTE_MS and rows > 1:
            return self._summed(draft)
        if rung is Rung.FULL or rows < _ROWS_MIN:
            return [draft]
        is_deadband = rung is Rung.DEADBAND
        bounds = self._deadbands if is_deadband else self._bounds
        held = np.ones(columns, np.bool_) if is_deadband else self._exact
        keep = deadband(draft.values, draft.codes, bounds)
        if not is_deadband:
            keep[~held] = bounded(draft.values[~held], draft.codes[~held], bounds[~held])
        if keep.all():
            return [draft]
        codes = np.where(keep, draft.codes, draft.codes | Reason.THINNED << 2).astype(np.uint8)
        values = np.where(keep, draft.values, 0)
        refill(values, codes, held)
        way = Thinned(Rung.DEADBAND if is_deadband else Rung.BOUNDED, int(bounds.max()), held)
        return [
            dataclasses.replace(draft, values=values, codes=codes, way=way, thinned=thinned_away(codes), whole=draft)
        ]

    def _summed(self, draft: Draft) -> list[Draft]:
        found = summarise(draft.values, draft.codes, self.minutes, draft.floats)
        share, left = divmod(int(draft.values.size), len(found))
        return [
            dataclasses.replace(
                draft,
                schema=summary.schema.id,
                step_ms=MINUTE_MS,
                values=summary.values,
                codes=summary.codes,
                thinned=share + (left if place == 0 else 0),
                whole=draft if place == 0 else None,
            )
            for place, summary in enumerate(found)
        ]


def _steps(units: list[str], settings: ThinningSettings, usual: int) -> I64:
    """Give each column's bound; states and counts have none."""
    return np.array([settings.steps_by_unit.get(unit, usual) if unit else 0 for unit in units], np.int64)
