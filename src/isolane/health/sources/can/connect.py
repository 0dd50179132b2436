"""This file listens on a CAN bus; it guards that a bus that floods costs a bounded number of looks."""

import contextlib
from collections import Counter
from collections.abc import Iterator

import can

from isolane.health.sources.can.plan import FrameId
from isolane.health.sources.can.settings import CanSettings

TURN_S = 0.02
"""How often frames are taken from the interface: often enough for 10,000 a second to fit its buffer."""


class Listener:
    """One bus.

    Args:
        settings: The source's table.
        wanted: Frames that are wanted; the kernel keeps the others away where it can.
    """

    def __init__(self, settings: CanSettings, wanted: frozenset[FrameId]) -> None:
        self.counts: Counter[str] = Counter()
        self._settings = settings
        self._wanted = wanted
        self._bus: can.BusABC | None = None
        self._per_turn = max(1, round(settings.frames_per_s_max * TURN_S))

    def open(self) -> bool:
        """Open the interface if it is not open; tell whether it is."""
        if self._bus is not None:
            return True
        self.counts["connects"] += 1
        try:
            self._bus = can.Bus(
                channel=self._settings.channel,
                interface=self._settings.interface,
                fd=self._settings.fd,
                can_filters=[
                    {"can_id": number, "can_mask": 0x1FFFFFFF if extended else 0x7FF, "extended": extended}
                    for number, extended in sorted(self._wanted)
                ],
            )
        except (can.CanError, OSError, ValueError):
            self.counts["connects_failed"] += 1
            return False
        return True

    def frames(self) -> Iterator[tuple[FrameId, bytes]]:
        """Give the frames that have come, up to a bound; the bus is closed when it has gone away."""
        try:
            for _ in range(self._per_turn):
                message = None if self._bus is None else self._bus.recv(timeout=0)
                if message is None:
                    return
                self.counts["frames"] += 1
                if message.is_error_frame or message.is_remote_frame:
                    self.counts["frames_of_errors"] += 1
                elif (frame := (message.arbitration_id, message.is_extended_id)) in self._wanted:
                    yield frame, bytes(message.data)
            self._drop_the_rest()
        except (can.CanError, OSError):
            self.counts["disconnects"] += 1
            self.close()

    def _drop_the_rest(self) -> None:
        """Throw away what came too fast, once more as many frames; the interface's own buffer bounds what is left."""
        for _ in range(self._per_turn):
            if self._bus is None or self._bus.recv(timeout=0) is None:
                return
            self.counts["frames_over_rate"] += 1

    @property
    def is_open(self) -> bool:
        """Whether the interface is open."""
        return self._bus is not None

    def close(self) -> None:
        """Close the interface."""
        bus, self._bus = self._bus, None
        if bus is not None:
            with contextlib.suppress(can.CanError, OSError):
                bus.shutdown()
