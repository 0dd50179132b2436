"""This file says whether another log line may be written; it guards that no source of events can flood a log.

In any window, so many lines are allowed for one source and so many for all together; what was left out is counted and
told with the source's next line.
"""

from collections import OrderedDict, deque

from isolane.core.clock import NS_PER_S

_WINDOW_NS = 60 * NS_PER_S
_SOURCES_MAX = 4096
"""Sources that are told apart; of those beyond it only the number of lines left out is kept."""


class LineLimit:
    """Counts lines in windows of 60 s.

    Args:
        per_source: Lines of one source in a window, at least 1.
        total: Lines of all sources in a window, at least 1.
    """

    def __init__(self, per_source: int, total: int) -> None:
        self._per_source = per_source
        self._all: deque[int] = deque(maxlen=total)
        self._sources: OrderedDict[str, _Source] = OrderedDict()
        self._suppressed = 0

    def admit(self, source: str, now_ns: int) -> int | None:
        """Ask for a line.

        Args:
            source: Whose line it is.
            now_ns: A monotonic clock.

        Returns:
            None where the line must be left out, otherwise how many of this source were left out before it.
        """
        own = self._sources.get(source)
        if own is None:
            own = self._sources[source] = _Source(self._per_source)
            if len(self._sources) > _SOURCES_MAX:
                self._suppressed += self._sources.popitem(last=False)[1].suppressed
        else:
            self._sources.move_to_end(source)
        if not (_has_room(own.lines, now_ns) and _has_room(self._all, now_ns)):
            own.suppressed += 1
            return None
        own.lines.append(now_ns)
        self._all.append(now_ns)
        suppressed, own.suppressed = own.suppressed, 0
        return suppressed

    def close(self) -> int:
        """Give how many lines were left out and not told, and begin anew."""
        count = self._suppressed + sum(source.suppressed for source in self._sources.values())
        self._suppressed = 0
        self._sources.clear()
        return count


class _Source:
    """When lines were written for one source, and how many were not since."""

    __slots__ = ("lines", "suppressed")

    def __init__(self, lines_max: int) -> None:
        self.lines: deque[int] = deque(maxlen=lines_max)
        self.suppressed = 0


def _has_room(lines: deque[int], now_ns: int) -> bool:
    return len(lines) != lines.maxlen or now_ns - lines[0] >= _WINDOW_NS
