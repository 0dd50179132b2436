"""This file says what the signing service is started with; it guards that it listens to this machine alone."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from isolane.config.values import Address
from isolane.core.failures import IsolaneError

LISTEN: Final = Address("127.0.0.1", 8790)
REMEMBER_MINUTES_MAX: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerSettings:
    """What it is started with.

    Attributes:
        key: Encrypted private key of one person; its public half stands beside it, with `.pub` added to the name.
        center: Address of the center, https://host[:port]; http:// on loopback alone.
        token_file: Holds a machine token of the center with scopes `commands:read` and `commands:sign`.
        keys: Key manifest that is pinned: the first is put there by a person, later ones follow it.
        log: What was signed; lines are added and nothing else.
        listen: Where the page is; loopback alone. Port 0 lets the system choose.
        ca: PEM certificates that may sign the center's; None for the system's.
        gateways: Folder with public keys of gateways, `NAME.pem`: only these are signed for, and what they state of
            themselves is checked. None signs for whatever gateway a command names.
        remember_minutes: Longest time for which the key may stay unlocked when that is asked for, min; 0 for never.
    """

    key: Path
    center: str
    token_file: Path
    keys: Path
    log: Path
    listen: Address = LISTEN
    ca: Path | None = None
    gateways: Path | None = None
    remember_minutes: int = 0

    def check(self) -> None:
        """Refuse what would let others in.

        Raises:
            IsolaneError: An address is none, is not loopback, or the key would stay unlocked beside the center's pages.
        """
        if not is_loopback(self.listen.host):
            raise IsolaneError(f"{self.listen} is not on loopback", "the page is for you alone: listen on 127.0.0.1")
        parts = urlsplit(self.center)
        hint = "write https://center.example.org, as browsers have it in their address line"
        try:
            is_good = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
        except ValueError:
            is_good = False
        if not is_good or parts.scheme not in {"https", "http"} or parts.path not in {"", "/"} or parts.query:
            raise IsolaneError(f"{self.center!r} is no address of a center", hint)
        host = parts.hostname or ""
        if parts.scheme == "http" and not is_loopback(host):
            raise IsolaneError(f"{self.center} would show the token to the network", hint)
        if not 0 <= self.remember_minutes <= REMEMBER_MINUTES_MAX:
            raise IsolaneError(f"a key stays unlocked for {REMEMBER_MINUTES_MAX} minutes at most")
        if self.remember_minutes and is_loopback(host):
            # Cookies know hosts and no ports: the center's server would be sent ours.
            raise IsolaneError(
                "beside a center on this machine the key is unlocked for one signature at a time",
                "leave --remember-minutes out",
            )


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
