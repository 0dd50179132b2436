"""This file bounds log-ins that fail; it guards that guessing is slow and that the person himself is not locked out.

Failures of a quarter of an hour are counted per address and per account. A browser that the person has logged in with
before carries a cookie that says so: it is held to a count of its own and to no other, so that whoever guesses at an
account, from however many addresses, keeps only strange browsers out. An attempt counts as failed until it has
succeeded, so that many at once are no way around.
"""

import ipaddress
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from isolane.center.store.people_port import Refusal, RefusedError

_WINDOW_S = 900.0
_KEYS_MAX = 65_536
OF_ADDRESS_MAX = 30
"""A control room behind one address has several people who mistype."""
OF_ACCOUNT_MAX = 20
OF_DEVICE_MAX = 10


class Attempts:
    """Counts failures; see the top of this file.

    Args:
        clock: A monotonic clock, s.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._failed: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    @contextmanager
    def one(self, address: str, account: str, device: str) -> Iterator[Callable[[], None]]:
        """Count an attempt; call what is given once it has succeeded.

        Args:
            address: Of the browser.
            account: Name that is tried.
            device: A browser that this account knows; "" for a strange one.

        Raises:
            RefusedError: Too many have failed; this one must not be looked at.
        """
        limits = (
            {("device", f"{account} {device}"): OF_DEVICE_MAX}
            if device
            else {("address", network(address)): OF_ADDRESS_MAX, ("account", account): OF_ACCOUNT_MAX}
        )
        now = self._clock()
        for key, most in limits.items():
            if len(self._recent(key, now)) >= most:
                raise RefusedError(Refusal.TOO_MANY, "too many log-ins have failed; try again in a quarter of an hour")
        for key in limits:
            self._failed.setdefault(key, deque()).append(now)
            self._failed.move_to_end(key)
        while len(self._failed) > _KEYS_MAX:
            self._failed.popitem(last=False)
        yield lambda: self._take_back(limits, now)

    def _recent(self, key: tuple[str, str], now: float) -> "deque[float]":
        times = self._failed.get(key, deque())
        while times and times[0] <= now - _WINDOW_S:
            times.popleft()
        return times

    def _take_back(self, keys: dict[tuple[str, str], int], at: float) -> None:
        for key in keys:
            times = self._failed.get(key)
            if times and at in times:
                times.remove(at)


def network(address: str) -> str:
    """Give what one household or attacker holds of addresses: an IPv4 address, the /64 of an IPv6 one."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
