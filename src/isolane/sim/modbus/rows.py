"""This file turns values into register words; it guards that a value outside the range is clamped, not wrapped."""

import math
import struct
from dataclasses import dataclass

WORDS = {"uint16": 1, "int16": 1, "uint32": 2, "int32": 2, "float32": 2, "uint64": 4, "int64": 4}
"""Registers that a number type takes. A ``string<n>`` takes n/2."""

_BITS = {1: 16, 2: 32, 4: 64}


@dataclass(frozen=True, slots=True)
class Row:
    """One value of a register map, big-endian words, high word first.

    Attributes:
        address: Protocol address of its first register, 0 to 65535.
        kind: uint16, int16, uint32, int32, float32, uint64, int64, or string<n> with n an even number of characters.
        name: What the physical state or the identity calls it; for signals the signal key.
        unit: OCPP unit, or "".
        scale: Value in the unit = register * scale.
        resolution: Smallest step that the device really makes, in the unit; 0 for text.
        text: What a person should know about it.
    """

    address: int
    kind: str
    name: str
    unit: str = ""
    scale: float = 1.0
    resolution: float = 1.0
    text: str = ""

    @property
    def words(self) -> int:
        """Registers that it takes."""
        return int(self.kind.removeprefix("string")) // 2 if self.kind.startswith("string") else WORDS[self.kind]

    def encode(self, value: float | str) -> list[int]:
        """Give the words of a value in the row's unit.

        Raises:
            TypeError: A text for a number's row or the other way round.
        """
        if self.kind.startswith("string"):
            if not isinstance(value, str):
                raise TypeError(f"{self.name}: {value!r} is not a text")
            return _words(value.encode("ascii", "replace")[: 2 * self.words].ljust(2 * self.words, b"\0"))
        if isinstance(value, str):
            raise TypeError(f"{self.name}: {value!r} is not a number")
        if self.kind == "float32":
            return _words(struct.pack(">f", value / self.scale))
        return _words(self._whole(value).to_bytes(2 * self.words, "big", signed=self.kind.startswith("int")))

    def _whole(self, value: float) -> int:
        bits = _BITS[self.words]
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if self.kind.startswith("int") else (0, (1 << bits) - 1)
        if math.isnan(value):
            return low or high
        return round(min(max(value / self.scale, low), high))


def _words(data: bytes) -> list[int]:
    return list(struct.unpack(f">{len(data) // 2}H", data))
