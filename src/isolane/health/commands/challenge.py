"""This file gives out challenges; it guards that a command is for now, though no clock can be trusted.

A challenge is 128 random bits that are nowhere but in memory, and so is the boot's name: after a restart, or after a
disk was put back, nothing that was signed before is for this boot. The last two challenges count, for 20 minutes of the
monotonic clock at most, however often new ones are given out.
"""

import base64
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from isolane.core.clock import NS_PER_MS, NS_PER_S, Clock
from isolane.security.envelope import STATEMENT, Signs, seal
from isolane.wire.command import Statement, write

EVERY_S: Final = 600
KEPT: Final = 2
_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a command has to quote.

    Attributes:
        value: The challenge.
        mono_ns: When it was given out.
        utc_ms: UTC then; the label from which later times are reckoned with the monotonic clock.
        is_synced: Whether the UTC clock was synchronised then.
    """

    value: str
    mono_ns: int
    utc_ms: int
    is_synced: bool

    def now_s(self, mono_ns: int) -> float:
        """Give the UTC at a moment, s, as the clock would say had nobody set it since."""
        return self.utc_ms / 1000 + (mono_ns - self.mono_ns) / NS_PER_S


class Challenges:
    """The challenges of this boot.

    Args:
        clock: The clock.
        is_synced: Tells whether the UTC clock is synchronised now.
    """

    def __init__(self, clock: Clock, is_synced: Callable[[], bool]) -> None:
        self._clock, self._is_synced = clock, is_synced
        self.boot = _token()
        self._held: deque[Challenge] = deque(maxlen=KEPT)
        self.renew()

    @property
    def newest(self) -> Challenge:
        """The one to quote."""
        return self._held[-1]

    def is_due(self) -> bool:
        """Tell whether it is time for the next, or to say that the clock is worth nothing any more.

        That it is worth something again the next one says at its time: a clock that comes and goes must not use
        challenges up.
        """
        newest = self.newest
        is_old = self._clock.mono_ns() - newest.mono_ns >= EVERY_S * NS_PER_S
        return is_old or (newest.is_synced and not self._is_synced())

    def renew(self) -> None:
        """Give out another; the oldest of two is worth nothing from now on."""
        utc_ms = max(0, self._clock.utc_ns() // NS_PER_MS)
        self._held.append(Challenge(_token(), self._clock.mono_ns(), utc_ms, self._is_synced()))

    def find(self, value: str) -> Challenge | None:
        """Give a challenge that still counts."""
        oldest_ns = self._clock.mono_ns() - KEPT * EVERY_S * NS_PER_S
        return next((each for each in self._held if each.value == value and each.mono_ns > oldest_ns), None)

    def statement(self, gateway: str, keys_ver: int, checkpoint: str, signer: Signs, *, frozen: bool) -> bytes:
        """Sign what the gateway says of itself; see `wire.command`."""
        newest = self.newest
        said = Statement(
            v=1,
            gw=gateway,
            boot=self.boot,
            chal=newest.value,
            at=newest.utc_ms,
            clock="synced" if newest.is_synced else "unsynced",
            keys_ver=keys_ver,
            frozen=frozen,
            checkpoint=checkpoint,
        )
        return seal(write(said), [signer], STATEMENT)


def _token() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(_BYTES)).rstrip(b"=").decode()
