"""This file states what way out a link is given; it guards that a link opens no connection around the budget.

A connection is one end of a socket pair: what is written there goes out when the budget says so. TLS ends in the link's
library, at that end. Without a way (None) a link connects by itself, as tests of one link alone do.
"""

import asyncio
import concurrent.futures
import socket
from collections.abc import Callable
from typing import Protocol

from isolane.health.links.counts import LinkCounts


class Passage(Protocol):
    """A connection."""

    inner: socket.socket
    """Not blocking; whoever asked for the connection closes it."""

    def unacknowledged_bytes(self) -> int:
        """Give how much of what was written the far machine has not acknowledged; not 0 if it never will."""
        ...


class Way(Protocol):
    """The way out of one link."""

    async def connect(self, host: str, port: int, dead_s: int, traffic: LinkCounts) -> Passage:
        """Open a TCP connection, dead after `dead_s` without a confirmation; what it carries is counted in `traffic`.

        Raises:
            OSError: The far end cannot be reached.
        """
        ...

    def patience_s(self, size: int) -> float:
        """Give how long so many bytes may take until they are sent, s."""
        ...


Ways = Callable[[str], Way | None]
"""Gives each link its way, by its name."""


def no_way(_: str) -> None:
    """Give no way: every link connects by itself."""
    return


class Dialer:
    """Opens connections for a library that connects in a thread.

    Args:
        way: The link's.
        traffic: The link's.
        dead_s: See `Way.connect`.
    """

    def __init__(self, way: Way, traffic: LinkCounts, dead_s: int) -> None:
        self._way = way
        self._traffic = traffic
        self._dead_s = dead_s
        self._loop = asyncio.get_running_loop()
        self.patience_s = way.patience_s

    def dial(self, host: str, port: int, timeout_s: float) -> socket.socket:
        """Open a connection from another thread than the loop's.

        Raises:
            OSError: The far end cannot be reached, or not in time.
        """
        opening = self._way.connect(host, port, self._dead_s, self._traffic)
        future = asyncio.run_coroutine_threadsafe(opening, self._loop)
        try:
            return future.result(timeout_s).inner
        except concurrent.futures.CancelledError as error:
            raise ConnectionAbortedError("the process is ending") from error
        except TimeoutError:
            if not future.cancel() and not future.exception():
                future.result().inner.close()
            raise


def dialer_of(way: Way | None, traffic: LinkCounts, dead_s: int) -> Dialer | None:
    """Give a dialer for a link's way, None if it has none."""
    return None if way is None else Dialer(way, traffic, dead_s)
