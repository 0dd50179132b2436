"""This file reads and writes the center's cookies; it guards that they go to us alone and that no script sees them.

Behind TLS their names begin with ``__Host-``: no sibling domain and no plain-text page can set them.
"""

from collections.abc import Iterable

SESSION, DEVICE, PENDING = "isolane-session", "isolane-device", "isolane-pending"
_DEVICE_S = 90 * 86_400
_PENDING_S = 600
_HEADER_CHARS_MAX = 8192
_PAIRS_MAX = 64


class Cookies:
    """The three cookies.

    Args:
        is_secure: Whether browsers reach the center over TLS.
    """

    def __init__(self, *, is_secure: bool) -> None:
        self._prefix = "__Host-" if is_secure else ""
        self._ending = "; Path=/; HttpOnly" + ("; Secure" if is_secure else "")

    def read(self, headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
        """Give our cookies by name without prefix; one that comes twice counts as absent."""
        found: dict[str, str] = {}
        twice = set()
        lines = [value.decode("latin-1") for name, value in headers if name == b"cookie"]
        for pair in "; ".join(lines)[:_HEADER_CHARS_MAX].split(";", _PAIRS_MAX):
            name, _, value = pair.strip().partition("=")
            if not name.startswith(self._prefix):
                continue
            name = name.removeprefix(self._prefix)
            if name in {SESSION, DEVICE, PENDING}:
                twice |= {name} & found.keys()
                found[name] = value
        return {name: value for name, value in found.items() if name not in twice}

    def session(self, value: str) -> str:
        """Write the session's; it ends with the browser."""
        return f"{self._prefix}{SESSION}={value}{self._ending}; SameSite=Strict"

    def device(self, value: str) -> str:
        """Write the browser's."""
        return f"{self._prefix}{DEVICE}={value}{self._ending}; SameSite=Strict; Max-Age={_DEVICE_S}"

    def pending(self, value: str) -> str:
        """Write the one of a log-in under way; the provider's redirect must bring it back, which Strict forbids."""
        return f"{self._prefix}{PENDING}={value}{self._ending}; SameSite=Lax; Max-Age={_PENDING_S}"

    def no_session(self) -> str:
        """Take the session's away."""
        return f"{self._prefix}{SESSION}={self._ending}; SameSite=Strict; Max-Age=0"

    def no_pending(self) -> str:
        """Take the pending one away."""
        return f"{self._prefix}{PENDING}={self._ending}; SameSite=Lax; Max-Age=0"
