"""This file finds values in JSON; it guards that no document, however strange, is more than a reason.

A path is steps joined by dots; a step is a name, a quoted name, or a list index in brackets: ``outputs[0].volts`` or
``"mains.l1".volts``. An empty path is the document itself.
"""

import re
from datetime import datetime

import msgspec

from isolane.core.clock import NS_PER_S
from isolane.core.failures import IsolaneError
from isolane.core.samples import Reason

Path = tuple[str | int, ...]

_STEP = re.compile(r'\.?(?:"([^"]+)"|([^."\[\]]+))|\[(\d{1,6})\]')
_MS_SINCE = 1e11
"""A number of seconds beyond the year 5000 is milliseconds."""
_AHEAD_S_MAX = 5.0
"""How far in the future a device's clock may be and still be taken for now."""

MISSING = object()
"""What `find` gives where the path leads nowhere."""


def parse(text: str) -> Path:
    """Read a path.

    Raises:
        IsolaneError: It is no path.
    """
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None or (found[0].startswith(".") != (at > 0) and found[3] is None):
            raise IsolaneError(f"{text!r} is no JSON path", 'write steps as in outputs[0].volts or "mains.l1".volts')
        steps.append(int(found[3]) if found[3] else found[1] or found[2])
        at = found.end()
    return tuple(steps)


def decode(data: bytes) -> object:
    """Read JSON.

    Raises:
        ValueError: It is not JSON, or nested beyond reason.
    """
    try:
        return msgspec.json.decode(data)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def find(document: object, path: Path) -> object:
    """Give what stands at a path; MISSING if nothing does."""
    for step in path:
        if isinstance(step, str):
            document = document.get(step, MISSING) if isinstance(document, dict) else MISSING
        else:
            document = document[step] if isinstance(document, list) and step < len(document) else MISSING
    return document


def sampled_ns(sent: object, now_utc_ns: int, now_mono_ns: int) -> int | Reason:
    """Give when a device took its values, on the monotonic clock.

    Args:
        sent: Seconds or milliseconds since 1970, or an RFC 3339 text with its offset.
        now_utc_ns: Wall clock.
        now_mono_ns: Monotonic clock of the same moment.
    """
    utc_s: float
    if isinstance(sent, str):
        try:
            when = datetime.fromisoformat(sent)
        except ValueError:
            return Reason.MALFORMED
        if when.tzinfo is None:
            return Reason.MALFORMED
        utc_s = when.timestamp()
    elif isinstance(sent, int | float) and not isinstance(sent, bool):
        utc_s = sent / 1000 if abs(sent) > _MS_SINCE else float(sent)
    else:
        return Reason.MALFORMED
    age_s = now_utc_ns / NS_PER_S - utc_s
    if not -_AHEAD_S_MAX <= age_s < now_utc_ns / NS_PER_S:
        return Reason.OUT_OF_RANGE
    return now_mono_ns - max(0, round(age_s * NS_PER_S))
