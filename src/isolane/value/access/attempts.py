"""This file bounds failed authentications, and failed handshakes of any kind.

It guards that guessing is slow, and that one who guesses shuts out nobody but himself.

Failures of the last minute are counted per source and per (source, identity); with `failures` of either, the next
attempt is not even looked at. A source is an IPv4 address or the /64 of an IPv6 one. A charger that has authenticated
from a source before is not held to that source's count, only to its own: behind one address it is not shut out by who
guesses at others. From another address it is not touched at all.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from time import monotonic_ns

from isolane.value.security_events import source_of

_WINDOW_NS = 60_000_000_000
_KEYS_MAX = 16_384
_KNOWN_MAX = 16_384

_Key = tuple[str, str]


class Attempts:
    """Counts failures; see the top of this file.

    Args:
        failures: Failures a minute for each key.
        clock_ns: A monotonic clock.
    """

    def __init__(self, failures: int, clock_ns: Callable[[], int] = monotonic_ns) -> None:
        self._failures = failures
        self._clock_ns = clock_ns
        self._failed: OrderedDict[_Key, deque[int]] = OrderedDict()
        self._known: OrderedDict[_Key, None] = OrderedDict()
        self._homes: Counter[str] = Counter()

    def may_try(self, peer: str, charger: str) -> bool:
        """Tell whether an attempt may be looked at."""
        return all(self._has_room(key) for key in self._keys(source_of(peer), charger))

    def begin(self, peer: str, charger: str) -> None:
        """Count an attempt as failed until `succeeded` takes it back, so that leaving early is no way around."""
        source = source_of(peer)
        for key in self._keys(source, charger):
            times = self._failed.setdefault(key, deque(maxlen=self._failures))
            times.append(self._clock_ns())
            self._failed.move_to_end(key)
        while len(self._failed) > _KEYS_MAX:
            self._failed.popitem(last=False)

    def succeeded(self, peer: str, charger: str) -> None:
        """Take the last attempt back and know the charger."""
        source = source_of(peer)
        for key in self._keys(source, charger):
            times = self._failed.get(key)
            if times:
                times.pop()
            if not times:
                self._failed.pop(key, None)
        self.know(peer, charger)

    def know(self, peer: str, charger: str) -> None:
        """Note that a charger has authenticated from this source."""
        own = (source_of(peer), charger)
        self._homes[own[0]] += own not in self._known
        self._known[own] = None
        self._known.move_to_end(own)
        if len(self._known) > _KNOWN_MAX:
            (source, _), _ = self._known.popitem(last=False)
            self._homes[source] -= 1
            if not self._homes[source]:
                del self._homes[source]

    def is_known(self, peer: str, charger: str) -> bool:
        """Tell whether a charger has authenticated from this source."""
        return (source_of(peer), charger) in self._known

    def shuts_out(self, peer: str) -> bool:
        """Tell whether nobody may try from a source, because no charger is known there."""
        source = source_of(peer)
        return source not in self._homes and not self._has_room((source, ""))

    def _keys(self, source: str, charger: str) -> tuple[_Key, ...]:
        own = (source, charger)
        return (own,) if own in self._known or not charger else ((source, ""), own)

    def _has_room(self, key: _Key) -> bool:
        times = self._failed.get(key)
        return not times or len(times) < self._failures or self._clock_ns() - times[0] >= _WINDOW_NS
