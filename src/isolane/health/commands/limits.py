"""This file holds the site's limits on disruption; it guards that a restart of this process gives back no allowance.

When disruptive commands began stands in a file, by the monotonic clock of one boot of the machine; of another boot it
counts as nothing. What the file cannot tell or take, nobody may do.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from isolane.core.clock import NS_PER_S, Clock
from isolane.core.durable import replace_file
from isolane.health.commands.verb import VerbError

_HOUR_NS: Final = 3600 * NS_PER_S
_MINUTES_A_DAY: Final = 1440
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


class _Record(msgspec.Struct, frozen=True):
    """The file: the machine's boot, and when disruptive commands began in it, monotonic ns."""

    boot: str
    begun_mono_ns: tuple[int, ...]


class Limits:
    """When, and how often, somebody may be disturbed.

    Args:
        path: The file; its folder is there.
        per_hour: So many disruptive commands in any hour.
        windows: "HH:MM-HH:MM" UTC each; none: at any time.
        clock: Both clocks.
        is_synced: Tells whether the UTC clock is synchronised now.
        boot: Names this boot of the machine.
    """

    def __init__(
        self,
        path: Path,
        *,
        per_hour: int,
        windows: Sequence[str],
        clock: Clock,
        is_synced: Callable[[], bool],
        boot: str | None = None,
    ) -> None:
        self._path, self._per_hour, self._clock, self._is_synced = path, per_hour, clock, is_synced
        self._windows = [_minutes(window) for window in windows]
        self._boot = _BOOT.read_text(encoding="ascii").strip() if boot is None else boot

    def is_in_window(self) -> bool | None:
        """Tell whether now is a time for it; None where the clock is worth nothing."""
        if not self._windows:
            return True
        if not self._is_synced():
            return None
        now = datetime.fromtimestamp(self._clock.utc_ns() / NS_PER_S, UTC)
        minute = now.hour * 60 + now.minute
        return any((minute - begin) % _MINUTES_A_DAY < length for begin, length in self._windows)

    def is_under(self) -> bool | None:
        """Tell whether there may be another; None where nobody knows."""
        begun = self._begun()
        return None if begun is None else len(begun) < self._per_hour

    def take(self) -> None:
        """Count one that begins now, and wait until the disk has it.

        Raises:
            VerbError: There may be no other, or it cannot be written down.
        """
        begun = self._begun()
        if begun is None or len(begun) >= self._per_hour:
            raise VerbError("the site has had as many disruptive commands in the last hour as it allows")
        record = _Record(self._boot, (*begun, self._clock.mono_ns()))
        try:
            replace_file(self._path, msgspec.json.encode(record))
        except OSError as error:
            raise VerbError(f"the disk does not take it: {error.strerror}") from error

    def _begun(self) -> tuple[int, ...] | None:
        try:
            record = msgspec.json.decode(self._path.read_bytes(), type=_Record)
        except FileNotFoundError:
            return ()
        except (OSError, ValueError):
            return None
        if record.boot != self._boot:
            return ()
        now_ns = self._clock.mono_ns()
        return tuple(each for each in record.begun_mono_ns if now_ns - each < _HOUR_NS)


def _minutes(window: str) -> tuple[int, int]:
    """Give when a window begins, minutes after midnight, and how long it is; from a time to itself is a whole day."""
    begin, end = (int(text[:2]) * 60 + int(text[3:]) for text in window.split("-"))
    return begin, (end - begin) % _MINUTES_A_DAY or _MINUTES_A_DAY
