"""This file waits until a condition has lasted; it guards that one sample never raises or ends a finding.

States: gone or held. It turns held after `rise` rows in a row at which the condition is known to be true, gone after
`fall` at which it is known to be false. Rows at which it is not known neither count nor start the count anew, so
what comes out does not depend on how rows are cut into windows.
"""

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]


class Held:
    """One condition.

    Args:
        rise: Rows until it is held, 1 or more.
        fall: Rows until it is gone again, 1 or more.
    """

    __slots__ = ("count", "fall", "held", "rise")

    def __init__(self, rise: int, fall: int) -> None:
        self.rise = rise
        self.fall = fall
        self.held = False
        self.count = 0

    def feed(self, yes: Flags, no: Flags | None = None) -> list[tuple[int, bool]]:
        """Take rows; give those at which it turns: (row, True) held, (row, False) gone.

        Args:
            yes: Where it is known to be true, shape (rows,).
            no: Where it is known to be false; None is wherever it is not true.
        """
        against = yes
        if self.held:
            no = ~yes if no is None else no
            against = no
        if not against.any():
            if self.count and (yes.any() if self.held else no is None or no.any()):
                self.count = 0
            return []
        return self._walk(yes, ~yes if no is None else no)

    def _walk(self, yes: Flags, no: Flags) -> list[tuple[int, bool]]:
        turns = []
        for row, (up, down) in enumerate(zip(yes.tolist(), no.tolist(), strict=True)):
            if not (up or down):
                continue
            self.count = self.count + 1 if up != self.held else 0
            if self.count >= (self.fall if self.held else self.rise):
                self.held, self.count = not self.held, 0
                turns.append((row, self.held))
        return turns

    def note(self) -> list[int]:
        """Give what has to be remembered."""
        return [int(self.held), self.count]

    def recall(self, note: object) -> None:
        """Take that back; what does not fit is left out."""
        match note:
            case [0 | 1 as held, int(count)]:
                self.held, self.count = bool(held), count
