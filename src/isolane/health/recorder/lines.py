r"""This file takes log lines of this process; it guards that a line carries no text that is not known to be harmless.

Constraints: isolane's log lines are a constant ``event-name key=%s ...`` and arguments. Of the constant, words of small
letters stay. Of the arguments, numbers stay, and texts that are known beforehand: names of chargers, sources and links.
A word of which anything else is a part becomes ``…``. Of a foreign library's line only its logger stays, of an
exception only its type and place.
"""

import logging
import re
import threading
from collections import deque
from collections.abc import Collection
from pathlib import PurePath

from isolane.health.recorder.facts import Line

HIDDEN = "…"
_OWN = "isolane."
_PIECE = re.compile(r"%[-+ #0]*[0-9]*(?:\.[0-9]+)?[a-zA-Z%]|[a-z][a-z-]*|[ =,:]|.", re.DOTALL)
_EVENT_CHARS_MAX = 400
_FRAMES_MAX = 8


class Lines(logging.Handler):
    """A log handler that keeps what may be kept, without waiting.

    Args:
        known: Texts that may stand in a line as they are.
        lines_max: So many are kept until they are taken; more are counted.
    """

    def __init__(self, known: Collection[str], lines_max: int) -> None:
        super().__init__(logging.INFO)
        self.lost = 0
        self._known = frozenset(known)
        self._lines: deque[Line] = deque()
        self._lines_max = lines_max
        self._guard = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line; called by any thread."""
        line = Line(int(record.created * 1000), record.levelno, record.name, harmless(record, self._known))
        with self._guard:
            if len(self._lines) >= self._lines_max:
                self.lost += 1
                return
            self._lines.append(line)

    def take(self) -> list[Line]:
        """Give what has come, and forget it."""
        with self._guard:
            taken = list(self._lines)
            self._lines.clear()
        return taken


def harmless(record: logging.LogRecord, known: Collection[str]) -> str:
    """Give what may be kept of a log record."""
    if not (record.name.startswith(_OWN) and isinstance(record.msg, str)):
        return f"{HIDDEN}{_where(record)}"
    arguments = iter(record.args if isinstance(record.args, tuple) else () if record.args is None else (record.args,))
    out = []
    for piece in _PIECE.findall(record.msg[:_EVENT_CHARS_MAX]):
        if piece == "%%":
            out.append("%")
        elif piece.startswith("%") and len(piece) > 1:
            out.append(_argument(next(arguments, None), known))
        elif piece[0].isascii() and (piece[0].islower() or piece in " =,:"):
            out.append(piece)
        elif not (out and out[-1] == HIDDEN):
            out.append(HIDDEN)
    return re.sub(rf"[^ =,:]*{HIDDEN}[^ =,:]*", HIDDEN, "".join(out)) + _where(record)


def _argument(value: object, known: Collection[str]) -> str:
    if isinstance(value, bool | int | float) or value is None:
        return str(value)
    text = str(value)
    return text if text in known else HIDDEN


def _where(record: logging.LogRecord) -> str:
    """Give type and place of an exception, without what it says."""
    if not record.exc_info or record.exc_info[0] is None:
        return ""
    places, at = [], record.exc_info[2]
    while at is not None:
        places.append(f"{PurePath(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}")
        at = at.tb_next
    return f" exception={record.exc_info[0].__name__} at={','.join(places[-_FRAMES_MAX:])}"
