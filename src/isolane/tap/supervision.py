"""This file keeps one message from ending the tap; it guards that what broke is not quoted, as it may be personal.

The message of an exception, the values of its frames and the arguments of a callback may hold parts of a payload: a
KeyError is the key. A type, a file and a line hold none.
"""

import asyncio
import logging
import traceback
from collections.abc import Callable
from pathlib import Path

from isolane.wire.tap_copy import Copy

Take = Callable[[int, Copy], None]
"""Reads a copy of a link."""

_log = logging.getLogger(__name__)


def supervised(take: Take, on_crash: Take) -> Take:
    """Give a `take` that does not raise: what it raises is logged, and `on_crash` is called with the same copy.

    What `on_crash` raises is logged too: it clears away after a message, and may meet what the message has met.
    """

    def take_safely(link: int, copy: Copy) -> None:
        for act in (take, on_crash):
            try:
                act(link, copy)
            except Exception as error:  # noqa: BLE001 - the supervisor: whatever a message does, the next one is read
                _log.error("copy-crashed error=%s", where(error))
            else:
                return

    return take_safely


def where(error: BaseException) -> str:
    """Give the type of an exception and the line that raised it, and nothing else of it."""
    steps = traceback.extract_tb(error.__traceback__)
    place = f"{Path(steps[-1].filename).name}:{steps[-1].lineno}" if steps else "unknown"
    return f"{type(error).__name__} at {place}"


def log_callback(_: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """Log what broke in a callback of the loop, in place of asyncio's own words, which quote."""
    error = context.get("exception")
    _log.error("callback-crashed error=%s", where(error) if isinstance(error, BaseException) else "unknown")
