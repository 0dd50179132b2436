"""This file remembers which CSMS endpoints answer.

It guards that a broken one is neither asked by everybody nor forgotten.

Endpoints have the order of the settings. A newcomer goes to the first that is not known to be down, and to the next
where that cannot be reached. One that failed is down for 1 s, then twice as long after each further failure, up to a
minute; when that is over one newcomer tries it while the others still go elsewhere. A charger keeps to the endpoint it
is connected to: nobody is sent back when a better one returns, so that a CSMS that comes and goes moves no living
connection. Where all are down all are tried, in order: memory alone refuses nobody.
"""

import ipaddress
from collections.abc import Callable, Sequence
from time import monotonic_ns
from typing import Any
from urllib.parse import urlsplit

_PORTS = {"ws": 80, "wss": 443}
_DOWN_NS_MIN = 1_000_000_000
_DOWN_NS_MAX = 60_000_000_000


class Endpoint:
    """One base URL, taken apart.

    Args:
        url: A checked ws:// or wss:// URL.

    Attributes:
        name: host:port, for logs and metrics.
        host: To connect to.
        port: To connect to.
        host_field: Value of the Host field.
        path: Without "/" at the end.
        secure: Whether it is wss.
        is_address: Whether the host is an IP address, so that there is nothing to resolve and one way to go.
        address: That answered last, None for none yet.
        failures: Since it last answered.
        down_until_ns: When it may be tried again, where it has failed.
    """

    __slots__ = (
        "address", "down_until_ns", "failures", "host", "host_field", "is_address", "name", "path", "port", "secure",
    )  # fmt: skip

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self.port = parts.port or _PORTS[parts.scheme]
        self.name = f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
        self.host_field = parts.netloc
        self.path = parts.path.rstrip("/")
        self.secure = parts.scheme == "wss"
        self.is_address = _is_address(self.host)
        self.address: tuple[Any, ...] | None = None
        self.failures = 0
        self.down_until_ns = 0


class Endpoints:
    """The endpoints of the CSMS; see the top of this file.

    Args:
        urls: In order of preference, at least one.
        trial_s: s that one newcomer may take to try an endpoint that was down, before another may.
        clock_ns: A monotonic clock.

    Attributes:
        all: In order of preference.
    """

    def __init__(self, urls: Sequence[str], trial_s: float, clock_ns: Callable[[], int] = monotonic_ns) -> None:
        self.all = [Endpoint(url) for url in urls]
        self._trial_ns = int(trial_s * 1e9)
        self._clock_ns = clock_ns

    def order(self) -> list[Endpoint]:
        """Give all, in the order in which a newcomer tries them; what it tries after a failure is its trial."""
        now = self._clock_ns()
        up, down = [], []
        for endpoint in self.all:
            if not endpoint.failures:
                up.append(endpoint)
            elif endpoint.down_until_ns <= now and not up:
                endpoint.down_until_ns = now + self._trial_ns
                up.append(endpoint)
            else:
                down.append(endpoint)
        return up + down

    def failed(self, endpoint: Endpoint) -> None:
        """Know that one could not be reached."""
        down_ns = min(_DOWN_NS_MAX, _DOWN_NS_MIN << min(endpoint.failures, 6))
        endpoint.failures += 1
        endpoint.down_until_ns = self._clock_ns() + down_ns

    def worked(self, endpoint: Endpoint) -> None:
        """Know that one has answered, with whatever status."""
        endpoint.failures = 0


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
