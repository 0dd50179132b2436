"""This file writes a line when a connection opens and when it closes.

It guards that a charger that comes and goes for ever cannot fill the log: of each charger ten lines a minute are
written, and the next one says how many were not. All are counted (metrics.py).
"""

import logging
from time import monotonic_ns
from typing import Final

from isolane.core.line_limit import LineLimit
from isolane.wire.tap_copy import Opened

_log = logging.getLogger(__name__)

_PER_CHARGER: Final = 10
_TOTAL: Final = 20_000
"""Two thousand chargers that all come back after an outage, and go and come again, are still told one by one."""


class ConnectionLines:
    """Lines about connections; see the top of this file."""

    def __init__(self) -> None:
        self._limit = LineLimit(_PER_CHARGER, _TOTAL)

    def opened(self, number: int, facts: Opened) -> None:
        """A charger was answered 101."""
        self._write(
            "connection-opened",
            facts.charger,
            f"connection={number} subprotocol={facts.subprotocol or '-'} extensions={facts.extensions or '-'}",
        )

    def closed(self, number: int, charger: str, what: str) -> None:
        """Both legs are gone; `what` says why and after how much."""
        self._write("connection-closed", charger, f"connection={number} {what}")

    def close(self) -> None:
        """Tell how many lines were left out and not told."""
        if left_out := self._limit.close():
            _log.info("connections-unlogged lines=%d", left_out)

    def _write(self, event: str, charger: str, what: str) -> None:
        if not _log.isEnabledFor(logging.INFO):
            return
        suppressed = self._limit.admit(charger, monotonic_ns())
        if suppressed is not None:
            _log.info("%s charger=%s %s%s", event, charger, what, f" suppressed={suppressed}" if suppressed else "")
