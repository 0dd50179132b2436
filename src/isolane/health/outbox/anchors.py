"""This file says against which anchor a block is written; it guards that one never outlives its use by much.

Only blocks of one row are: in a longer one the first row is the anchor of the others. An anchor is the row before; it
serves for so many blocks, since rows move away from it, and a new one costs about as much as two blocks save.
"""

import numpy as np

from isolane.core.samples import Quality
from isolane.health.outbox.records import Draft
from isolane.wire.anchor import Anchor

BLOCKS = 30
"""So many blocks an anchor serves. Measured on simulated sites, anchor included: 15 to 60 differ by 7 %."""


class Anchors:
    """The anchor of the blocks that come, for each schema its own."""

    def __init__(self) -> None:
        self._serving: dict[bytes, tuple[Anchor | None, int]] = {}

    def take(self, draft: Draft) -> Anchor | None:
        """Give the anchor for a block; None if it is better without, as is one of one row among longer ones."""
        if draft.values.shape[1] > 1 or draft.thinned:
            self._serving.pop(draft.schema, None)
            return None
        if draft.schema not in self._serving:
            self._serving[draft.schema] = None, BLOCKS
            return None
        anchor, served = self._serving[draft.schema]
        if anchor is None or served >= BLOCKS:
            row = np.ascontiguousarray(draft.values[:, 0])
            if anchor is not None:
                row = np.where((draft.codes[:, 0] & 3) == Quality.BAD, anchor.row, row)
            anchor, served = Anchor(draft.schema, row), 0
        self._serving[draft.schema] = anchor, served + 1
        return anchor
