"""This file reserves the ports that the workers share; it guards that nobody else's relay is joined by accident.

With SO_REUSEPORT any process of the same user could listen beside us, and the system would give it a part of the
chargers. So a port is first bound without that option, which fails where anybody listens, and then reserved: bound
with it, never listened on. Port 0 becomes one number for all workers this way.
"""

import socket
from collections.abc import Sequence

from isolane.config.values import Address
from isolane.core.failures import IsolaneError
from isolane.value.access.settings import Listener


class Ports:
    """The reserved ports, one a listener.

    Args:
        listeners: Whose.

    Attributes:
        addresses: In the order of the listeners.

    Raises:
        IsolaneError: One is in use or cannot be bound.
    """

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._sockets: list[socket.socket] = []
        self.addresses: list[Address] = []
        try:
            for listener in listeners:
                self.addresses.append(self._reserve(listener.address))
        except OSError as error:
            self.close()
            raise IsolaneError(
                f"cannot listen for chargers on {listener.address}: {error.strerror or error}",
                "choose another address in [[value.listen]] or stop what uses it",
            ) from error

    def close(self) -> None:
        """Give them back."""
        for reserved in self._sockets:
            reserved.close()

    def _reserve(self, address: Address) -> Address:
        port = address.port
        for family, _, _, _, place in socket.getaddrinfo(
            address.host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            target = (place[0], port, *place[2:])
            if port:
                with _unbound(family) as probe:
                    probe.bind(target)
                    probe.listen(1)
            reserved = _unbound(family)
            self._sockets.append(reserved)
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            reserved.bind(target)
            port = port or reserved.getsockname()[1]
        return Address(address.host, port)


def _unbound(family: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return made
