"""This file counts what the tap does and loses; it guards that every loss is counted by place and reason.

Plain integers, because they are raised for every copy; `metrics` shows them when somebody asks. What could not be
read is also told to the health process: once a second for each charger and reason, not for each message.
"""

from collections import Counter
from dataclasses import dataclass, field

from isolane.wire.tap_event import Unread


@dataclass(slots=True)
class Tally:
    """Counters since the start. Their meaning is the help text in `metrics`."""

    copies: int = 0
    copy_bytes: int = 0
    copies_lost: int = 0
    copies_bad: int = 0
    copies_unknown: int = 0
    opens_refused: int = 0
    messages: int = 0
    facts_refused: int = 0
    answers_unpaired: int = 0
    calls_dropped: int = 0
    crashes: int = 0
    pauses: int = 0
    unread: Counter[str] = field(default_factory=Counter)
    _untold: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def lose(self, charger: str, reason: str, mono_ns: int) -> None:
        """Count something that could not be read."""
        self.unread[reason] += 1
        count, _ = self._untold.get((charger, reason), (0, 0))
        self._untold[charger, reason] = (count + 1, mono_ns)

    def tell(self) -> list[Unread]:
        """Give what was lost since the last time this was asked."""
        told = [Unread(who, mono_ns, reason, count) for (who, reason), (count, mono_ns) in self._untold.items()]
        self._untold.clear()
        return told
