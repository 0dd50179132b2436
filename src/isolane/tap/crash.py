"""This file says where something broke; it guards that what broke is not quoted, because it may be a person's.

The message of an exception, the values of its frames and the arguments of a callback may hold parts of a payload: a
KeyError is the key. A type, a file and a line hold none.
"""

import asyncio
import logging
import traceback
from pathlib import Path

_log = logging.getLogger(__name__)


def where(error: BaseException) -> str:
    """Give the type of an exception and the line that raised it, and nothing else of it."""
    steps = traceback.extract_tb(error.__traceback__)
    place = f"{Path(steps[-1].filename).name}:{steps[-1].lineno}" if steps else "unknown"
    return f"{type(error).__name__} at {place}"


def log_callback(_: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """Log what broke in a callback of the loop, in place of asyncio's own words, which quote."""
    error = context.get("exception")
    _log.error("crash error=%s", where(error) if isinstance(error, BaseException) else "unknown")
