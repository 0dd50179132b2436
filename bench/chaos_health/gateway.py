"""This file starts `isolane health` with a UTC clock that can be set; it guards that only the clock is another one.

`python -m bench.chaos_health.gateway FILE ARGUMENTS...` runs the command with Python's own wall clock moved by the
seconds in FILE, whenever they change. The monotonic clock stays as it is, as when somebody sets a machine's clock. (A
preloaded libfaketime would do the same for C code too, but makes threads of Python wait for each other busily.)
"""

import sys
import time
from pathlib import Path

from isolane.cli.main import main

_LOOK_NS = 50_000_000
"""The file is read so often at most."""


class _Shifted:
    """A wall clock that is off by what the file says."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._real_ns = time.time_ns
        self._offset_ns = 0
        self._looked_ns = -_LOOK_NS

    def time_ns(self) -> int:
        now = time.monotonic_ns()
        if now - self._looked_ns >= _LOOK_NS:
            self._looked_ns = now
            text = self._file.read_text(encoding="ascii").strip()
            self._offset_ns = int(text) * 1_000_000_000 if text else self._offset_ns
        return self._real_ns() + self._offset_ns

    def time(self) -> float:
        return self.time_ns() / 1e9


if __name__ == "__main__":
    shifted = _Shifted(Path(sys.argv[1]))
    time.time_ns = shifted.time_ns
    time.time = shifted.time
    sys.exit(main(sys.argv[2:]))
