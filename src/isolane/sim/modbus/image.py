"""This file is one table of registers; it guards that a reader sees one instant, never half of the next."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from isolane.sim.modbus.rows import Row


class Image:
    """Registers from a first address on, zero where nothing is.

    Args:
        first: Protocol address of the first register.
        count: How many there are.
        rows: What stands where.
        fixed: Values that never change, by row name.
        words: Single words that never change, by address.
    """

    def __init__(
        self,
        first: int,
        count: int,
        rows: Iterable[Row],
        fixed: Mapping[str, float | str] | None = None,
        words: Mapping[int, int] | None = None,
    ) -> None:
        self.first = first
        self.words = [0] * count
        self._rows = tuple(rows)
        self.show(fixed or {})
        for address, word in (words or {}).items():
            self.words[address - first] = word

    def show(self, values: Mapping[str, float | str]) -> None:
        """Put in every row that has a value; the others keep theirs."""
        for row in self._rows:
            if row.name in values:
                at = row.address - self.first
                self.words[at : at + row.words] = row.encode(values[row.name])


@dataclass(frozen=True, slots=True)
class Unit:
    """One Modbus unit.

    Attributes:
        number: Unit identifier, 1 to 247.
        holding: What function 03 reads; None answers exception 2.
        inputs: What function 04 reads; None answers exception 2.
    """

    number: int
    holding: Image | None = None
    inputs: Image | None = None
