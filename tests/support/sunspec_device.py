"""This file is a SunSpec device; it guards that registers are where the standard's order puts them, not our maps.

A layout is what a model's page lists, in its order: `name:words`. An address follows from the words before it.
"""

import asyncio
import struct
from collections.abc import Mapping

from support.modbus_peer import frame

COMMON_WORDS = 66


def addresses(layout: str, first: int = 2) -> dict[str, int]:
    """Give where each point of a layout is, counted from the id register."""
    found, at = {}, first
    for each in layout.split():
        name, _, words = each.partition(":")
        found[name] = at
        at += int(words or 1)
    return found


def length(layout: str) -> int:
    """Give the registers of a layout."""
    return sum(int(each.partition(":")[2] or 1) for each in layout.split())


def words_of(value: int, words: int) -> list[int]:
    """Give the registers of a whole number."""
    raw = value & (1 << 16 * words) - 1
    return [raw >> 16 * (words - 1 - at) & 0xFFFF for at in range(words)]


class SunSpecDevice:
    """Registers of a device: the mark, the common model, its own models, the end; unset ones say not implemented."""

    def __init__(self, base: int, models: Mapping[int, tuple[int, Mapping[int, int]]]) -> None:
        """Lay out models; each is its length and its registers by address from its id register."""
        self.words: dict[int, int] = {base: 0x5375, base + 1: 0x6E53}
        self.at: dict[int, int] = {}
        address = base + 2
        for number, (size, own) in ({1: (COMMON_WORDS, {})} | dict(models)).items():
            self.at[number] = address
            self.words |= {address + each: 0xFFFF for each in range(2, size + 2)}
            self.words |= {address: number, address + 1: size} | {address + at: word for at, word in own.items()}
            address += size + 2
        self.words |= {address: 0xFFFF, address + 1: 0}

    async def answer(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        """Answer a read; a register that is not there is refused."""
        first, count = struct.unpack(">HH", request[8:12])
        words = [self.words.get(each) for each in range(first, first + count)]
        if None in words:
            writer.write(frame(request, b"\x83\x02"))
        else:
            writer.write(frame(request, bytes((3, 2 * count)) + struct.pack(f">{count}H", *words)))
