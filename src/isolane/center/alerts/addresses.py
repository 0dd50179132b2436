"""This file decides whom a webhook may reach; it guards that no name leads into the center's own network.

A name is resolved once, all of its addresses are judged, and the connection goes to one that was judged: a name that
answers differently the second time gains nothing. Whoever has one address that is not public is refused as a whole,
unless the settings allow that network.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from isolane.core.failures import IsolaneError

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PORTS = {"https": 443, "http": 80}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")


class RefusedAddressError(Exception):
    """The name leads where nothing may be posted to.

    Args:
        sentence: Why.
        address: Where it leads, if the address itself is what is wrong.
    """

    def __init__(self, sentence: str, address: str = "") -> None:
        super().__init__(sentence)
        self.address = address


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads by its own words.

    Attributes:
        scheme: https or http.
        host: Name or address, without brackets.
        port: Its port.
        path: Path with query.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host as it stands in a Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def url_at(self, address: str) -> str:
        """Give the URL with the host replaced by an address."""
        host = f"[{address}]" if ":" in address else address
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def parse_target(place: str, url: str) -> Target:
    """Take a URL apart.

    Args:
        place: The setting, for the error sentence.
        url: Absolute, http or https, without user and fragment.

    Raises:
        IsolaneError: It has another form.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise IsolaneError(f"{place} = {url!r} is not a URL: {error}", "write https://host/path") from error
    fine = parts.scheme in _PORTS and parts.hostname and not parts.username and not parts.password
    if not fine or parts.fragment or not url.isascii() or not url.isprintable() or " " in url:
        raise IsolaneError(f"{place} = {url!r} is not a URL that can be posted to", "write https://host/path")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, parts.hostname or "", port or _PORTS[parts.scheme], path)


def parse_networks(place: str, texts: Sequence[str]) -> tuple[Network, ...]:
    """Read networks.

    Raises:
        IsolaneError: One is none.
    """
    try:
        return tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError as error:
        raise IsolaneError(f"{place}: {error}", "write networks as 10.1.0.0/16 or fd00::/8") from error


def is_allowed(address: IpAddress, allow: Sequence[Network]) -> bool:
    """Tell whether an address is public or in an allowed network, an IPv4 address in an IPv6 one as what it is."""
    inner = _unwrapped(address)
    if any(each in network for each in (address, inner) for network in allow if each.version == network.version):
        return True
    if isinstance(inner, ipaddress.IPv6Address) and inner not in _GLOBAL_UNICAST:
        return False  # site-local and local NAT64 addresses too, which the library takes for global
    return inner.is_global and not inner.is_multicast and not inner.is_reserved


def _unwrapped(address: IpAddress) -> IpAddress:
    """Give the IPv4 address that an IPv6 address carries, the address itself if it carries none."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


async def resolve(target: Target, allow: Sequence[Network]) -> str:
    """Give the address to connect to.

    Raises:
        RefusedAddressError: An address of the name is not public and not allowed, or http would leave allowed networks.
        OSError: The name cannot be resolved.
    """
    loop = asyncio.get_running_loop()
    answers = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    found = [ipaddress.ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers]
    if not found:
        raise OSError(f"{target.host} has no address")
    for address in found:
        if not is_allowed(address, allow):
            sentence = f"{target.host} leads to {address}, which is not public and not in `allow`"
            raise RefusedAddressError(sentence, str(address))
        if target.scheme == "http" and not any(address in network for network in allow):
            raise RefusedAddressError(f"{target.host} would be told over plain http, which is for `allow` only")
    return str(found[0])
