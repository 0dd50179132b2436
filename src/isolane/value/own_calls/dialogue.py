"""This file follows who asked what on one connection; it guards that a charger is asked only when it may answer.

Pure but for its clock. A charger may be asked when

- this connection has seen its BootNotification accepted, or
- it goes on after a mere reconnect, for which OCPP wants no new boot: a CALL of the charger other than
  BootNotification was answered with CALLRESULT here, and the last boot that this process saw of it was not refused.

An open BootNotification, or one answered with anything but Accepted, takes the right away until one is accepted. And
the CSMS must have no CALL open: each of its CALLs counts until the charger replies or `csms_call_s` is over.
"""

import uuid
from collections.abc import Callable
from os import urandom
from time import monotonic_ns
from typing import Final

from isolane.core import strict_json
from isolane.value.own_calls.heads import CALL, CALLERROR, CALLRESULT, Head

_BOOT: Final = "BootNotification"
_ANSWERS: Final = (CALLRESULT, CALLERROR)
_OPEN_MAX: Final = 64
"""CALLs kept of either end; OCPP allows one. Beyond it the oldest of the charger's are forgotten."""
_REFUSED_MAX: Final = 10_000
_VERSION_MASK: Final = 0xFFFF_FFFF_FFFF_0FFF
_VERSION_8: Final = 0x8000
_VARIANT: Final = 0b10 << 62
_COUNT_MASK: Final = (1 << 62) - 1


class Ids:
    """Ids of own calls: UUIDs of version 8 (RFC 9562 §5.8), 60 bits of this process's and a number.

    So every id that was ever issued is known again, without a list of them.
    """

    __slots__ = ("_issued", "_place")

    def __init__(self) -> None:
        self._place = (int.from_bytes(urandom(8), "big") & _VERSION_MASK | _VERSION_8) << 64
        self._issued = 0

    @property
    def any(self) -> bool:
        """Tell whether one was issued."""
        return bool(self._issued)

    def issue(self) -> str:
        """Give a new one."""
        self._issued += 1
        return self._text(self._issued)

    def knows(self, identity: str) -> bool:
        """Tell whether this text is one that was issued."""
        try:
            number = uuid.UUID(identity).int & _COUNT_MASK
        except ValueError:
            return False
        return 0 < number <= self._issued and identity == self._text(number)

    def _text(self, number: int) -> str:
        return str(uuid.UUID(int=self._place | _VARIANT | number))


class Boots:
    """Chargers whose last boot was not accepted, as far as this process has seen."""

    __slots__ = ("_refused",)

    def __init__(self) -> None:
        self._refused: dict[str, None] = {}

    def note(self, charger: str, *, accepted: bool) -> None:
        """Know how a boot was answered."""
        self._refused.pop(charger, None)
        if not accepted:
            self._refused[charger] = None
            if len(self._refused) > _REFUSED_MAX:
                del self._refused[next(iter(self._refused))]

    def refused(self, charger: str) -> bool:
        """Tell whether the last one was not accepted."""
        return charger in self._refused


class Dialogue:
    """The calls of one connection.

    Args:
        charger: Whose it is.
        boots: What is known from other connections.
        csms_call_s: When a CALL of the CSMS counts as given up.
        clock_ns: A monotonic clock.

    Attributes:
        booted: Whether the charger may be asked, as far as its boot goes.
    """

    __slots__ = ("_boots", "_charger", "_charger_calls", "_clock_ns", "_csms_call_ns", "_csms_calls", "booted")

    def __init__(
        self, charger: str, boots: Boots, csms_call_s: float, clock_ns: Callable[[], int] = monotonic_ns
    ) -> None:
        self._charger = charger
        self._boots = boots
        self._csms_call_ns = int(csms_call_s * 1e9)
        self._clock_ns = clock_ns
        self._charger_calls: dict[str, bool] = {}
        self._csms_calls: dict[str, int] = {}
        self.booted = False

    @property
    def csms_is_asking(self) -> bool:
        """Tell whether the CSMS waits for a reply of the charger."""
        now = self._clock_ns()
        self._csms_calls = {identity: end for identity, end in self._csms_calls.items() if end > now}
        return bool(self._csms_calls)

    def charger_said(self, head: Head) -> None:
        """Follow a message of the charger that goes to the CSMS."""
        if head.type == CALL:
            boot = head.action == _BOOT
            self._charger_calls[head.id] = boot
            if boot:
                self.booted = False
            if len(self._charger_calls) > _OPEN_MAX:
                del self._charger_calls[next(iter(self._charger_calls))]
        elif head.type in _ANSWERS:
            self._csms_calls.pop(head.id, None)

    def csms_said(self, head: Head) -> bool:
        """Follow a message of the CSMS; tell whether its whole text is wanted by `boot_answered`."""
        if head.type == CALL:
            if head.id in self._csms_calls or len(self._csms_calls) < _OPEN_MAX:
                self._csms_calls[head.id] = self._clock_ns() + self._csms_call_ns
            return False
        if head.type not in _ANSWERS or head.id not in self._charger_calls:
            return False
        boot = self._charger_calls.pop(head.id)
        if boot and head.type == CALLRESULT:
            return True
        if boot:
            self._boots.note(self._charger, accepted=False)
        elif head.type == CALLRESULT and not self._boots.refused(self._charger) and not self._is_booting():
            self.booted = True
        return False

    def boot_answered(self, text: bytes) -> None:
        """Read the CSMS's answer to a BootNotification; b"" for one that is too long to be read."""
        try:
            message = strict_json.read(text)
        except ValueError:
            message = None
        payload = message[2] if isinstance(message, list) and len(message) == 3 else None  # noqa: PLR2004 - CALLRESULT
        self.booted = isinstance(payload, dict) and payload.get("status") == "Accepted"
        self._boots.note(self._charger, accepted=self.booted)

    def _is_booting(self) -> bool:
        return any(self._charger_calls.values())
