"""This file keeps the newest log lines in memory; it guards that no text from outside is among them."""

import logging
import threading
from collections import deque
from collections.abc import Collection, Mapping
from typing import Final

from isolane.health.recorder.lines import harmless

_LINES_MAX: Final = 300
_TEXT_CHARS_MAX: Final = 500


class LogTail(logging.Handler):
    """The newest lines of this process, without waiting; add it to a logger.

    Args:
        known: Texts that may stand in a line as they are.
    """

    def __init__(self, known: Collection[str]) -> None:
        super().__init__(logging.INFO)
        self._known = frozenset(known)
        self._lines: deque[Mapping[str, object]] = deque(maxlen=_LINES_MAX)
        self._came = 0
        self._guard = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line; called by any thread."""
        line = {
            "at": int(record.created * 1000),
            "level": record.levelname if record.levelno in logging.getLevelNamesMapping().values() else "INFO",
            "logger": record.name[:100],
            "text": harmless(record, self._known)[:_TEXT_CHARS_MAX],
        }
        with self._guard:
            self._lines.append(line)
            self._came += 1

    def tail(self, count: int) -> tuple[list[Mapping[str, object]], int]:
        """Give at most so many of the newest lines, and how many came that are not kept any more."""
        with self._guard:
            return list(self._lines)[-count:], self._came - len(self._lines)
