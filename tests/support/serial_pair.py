"""This file joins two pseudo-terminals to a serial cable; it guards that both ends are real ports to their programs."""

import asyncio
import contextlib
import os
import tty
from pathlib import Path


class SerialPair:
    """A null-modem cable: what one end writes the other reads. `pull` ends it as an unplugged adapter would."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._masters: list[int] = []
        self._slaves: list[int] = []
        for _ in range(2):
            master, slave = os.openpty()
            tty.setraw(slave)
            os.set_blocking(master, False)
            self._masters.append(master)
            self._slaves.append(slave)
        self.ours, self.theirs = (Path(os.ttyname(slave)) for slave in self._slaves)
        one, other = self._masters
        self._loop.add_reader(one, self._copy, one, other)
        self._loop.add_reader(other, self._copy, other, one)

    def inject(self, data: bytes) -> None:
        """Put noise on our end of the line."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._masters[0], data)

    def pull(self) -> None:
        """Pull the cable out; every descriptor is closed."""
        for master in self._masters:
            self._loop.remove_reader(master)
            os.close(master)
        for slave in self._slaves:
            os.close(slave)
        self._masters, self._slaves = [], []

    def _copy(self, source: int, target: int) -> None:
        with contextlib.suppress(OSError):
            os.write(target, os.read(source, 4096))
