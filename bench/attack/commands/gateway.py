"""This file starts `isolane health` with clocks that the harness moves; it guards that only the clocks are others.

`python -m bench.attack.commands.gateway FOLDER -c FILE` reads FOLDER/clock: {"utc_s", "mono_s", "synced"}, whenever it
changes: by how much each clock is off, and what the kernel is to say of synchronisation; the machine's own clock is
everybody's. What the process starts, by whichever way Python has, is noted in FOLDER/started.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any, Final

import isolane.health.app
import isolane.health.pipeline
import isolane.health.sources.host.connect
from isolane.cli.main import main

_LOOK_NS: Final = 50_000_000
"""The file is read so often at most."""
_UNSYNCHRONISED: Final = 0x0040
"""STA_UNSYNC of adjtimex(2)."""
_STARTS: Final = ("subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "pty.spawn")


class MovedClock:
    """Both clocks, off by what a file says.

    Args:
        file: See the top of this file.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._looked_ns = file, -_LOOK_NS
        self._utc_ns = self._mono_ns = 0
        self._synced = True

    def mono_ns(self) -> int:
        """See `Clock.mono_ns`."""
        self._look()
        return time.monotonic_ns() + self._mono_ns

    def utc_ns(self) -> int:
        """See `Clock.utc_ns`."""
        self._look()
        return time.time_ns() + self._utc_ns

    def is_synced(self) -> bool:
        """See `clock_sync.is_synced`."""
        self._look()
        return self._synced

    def timex(self, asked: Any) -> int:  # noqa: ANN401 - what ctypes.byref gives
        """Answer as the kernel's adjtimex(2) would: what the host source tells of its clock."""
        asked._obj.status = 0 if self.is_synced() else _UNSYNCHRONISED  # noqa: SLF001 - ctypes has no other way back
        return 0

    def _look(self) -> None:
        now_ns = time.monotonic_ns()
        if now_ns - self._looked_ns < _LOOK_NS:
            return
        self._looked_ns = now_ns
        told = json.loads(self._file.read_text(encoding="ascii"))
        self._utc_ns, self._mono_ns = told["utc_s"] * 1_000_000_000, told["mono_s"] * 1_000_000_000
        self._synced = bool(told["synced"])


def note_starts(file: Path) -> None:
    """Note every process that this one starts from now on."""

    def hear(event: str, args: tuple[object, ...]) -> None:
        if event.startswith(_STARTS):
            with file.open("a", encoding="utf-8") as notes:
                notes.write(f"{event} {args!r:.300}\n")

    sys.addaudithook(hear)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    clock = MovedClock(folder / "clock")
    vars(isolane.health.app)["SystemClock"] = lambda: clock
    vars(isolane.health.pipeline)["is_synced"] = clock.is_synced
    vars(isolane.health.sources.host.connect)["_find_timex"] = lambda: clock.timex
    note_starts(folder / "started")
    sys.exit(main(["health", *sys.argv[2:]]))
