"""This file says whether anybody is charging; it guards that what nobody knows is not taken for idle.

Asked are the relay's metrics page, which knows who is connected, and the tap's, which knows what goes on there.
Charging needs no connection, so a charger that is away costs a restart of the relay nothing.
"""

import contextlib
import re
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Final

from isolane.config.values import Address

_PAGE_S: Final = 5.0
_STATES: Final = ("busy", "idle", "unknown")


@dataclass(frozen=True)
class Pages:
    """Where the metrics pages are, None for nowhere."""

    value: Address | None = None
    tap: Address | None = None


def why_not(pages: Pages, *, trusts_unknown: bool) -> str:
    """Say why the relay may not be restarted now, "" when it may.

    Args:
        pages: See there.
        trusts_unknown: Somebody has looked: of whom nobody knows does not charge.
    """
    relay = read(pages.value)
    if relay is None:
        return "" if trusts_unknown else f"the relay's metrics page {pages.value} does not answer"
    connected = metric(relay, "isolane_value_connections")
    if connected is None:
        return f"what answers at {pages.value} is not the relay"
    if not connected:
        return ""
    tap = read(pages.tap) or ""
    counts = {state: metric(tap, f'isolane_tap_chargers{{state="{state}"}}') or 0 for state in _STATES}
    if counts["busy"]:
        return f"{_chargers(counts['busy'])} charging"
    unknown = max(counts["unknown"], connected - counts["idle"])
    if not unknown or trusts_unknown:
        return ""
    told = "" if tap else f" (the tap's metrics page {pages.tap} does not answer)"
    return f"of {unknown} connected nobody knows whether it charges{told}"


def read(address: Address | None) -> str | None:
    """Give a metrics page, None where it does not answer."""
    if address is None:
        return None
    host = f"[{address.host}]" if ":" in address.host else address.host
    with (
        contextlib.suppress(OSError, HTTPException),
        urllib.request.urlopen(f"http://{host}:{address.port}/metrics", timeout=_PAGE_S) as page,
    ):
        return str(page.read(), "utf-8", "replace")
    return None


def metric(page: str, name: str) -> int | None:
    """Give a sample of a page, None where it is not there."""
    found = re.search(rf"^{re.escape(name)} (\d+(?:\.\d+)?)$", page, re.MULTILINE)
    return round(float(found[1])) if found else None


def _chargers(number: int) -> str:
    return f"{number} charger is" if number == 1 else f"{number} chargers are"
