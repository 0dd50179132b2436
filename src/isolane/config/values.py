"""This file defines the value types that settings are made of; it guards that a secret is a reference, never a text.

In TOML each is a string: an address ``"127.0.0.1:9101"`` or ``"[::1]:9101"``, a path relative to the settings file, a
secret ``"file:keys/tap.key"`` or ``"env:ISOLANE_TAP_KEY"``.
"""

import os
from pathlib import Path

_PORT_MAX = 65_535


class Address:
    """Where a socket listens. `port` 0 lets the system choose."""

    # No dataclass: the settings library would read one as a table instead of a string.
    __slots__ = ("host", "port")

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read ``host:port``; an IPv6 host stands in brackets.

        Raises:
            ValueError: The text has another form or the port is not 0 to 65535.
        """
        host, colon, port = text.rpartition(":")
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        elif ":" in host:
            colon = ""
        if not (colon and host and port.isascii() and port.isdigit() and int(port) <= _PORT_MAX):
            raise ValueError(f"{text!r} is not an address; write host:port, for example 127.0.0.1:9101 or [::1]:9101")
        return cls(host, int(port))

    def __str__(self) -> str:
        """Write it as it stands in TOML."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __repr__(self) -> str:
        """Name the type beside the text."""
        return f"Address({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        """Compare host and port."""
        return isinstance(other, Address) and (self.host, self.port) == (other.host, other.port)

    def __hash__(self) -> int:
        """Hash host and port."""
        return hash((self.host, self.port))


class Secret:
    """A secret by reference. Its text is read when it is needed and is in no representation of this object."""

    __slots__ = ("base", "reference")

    def __init__(self, reference: str, base: Path) -> None:
        self.reference = reference
        self.base = base

    @classmethod
    def parse(cls, text: str, base: Path) -> "Secret":
        """Read a reference.

        Raises:
            ValueError: It is a literal, not ``file:`` or ``env:``.
        """
        if not text.startswith(("file:", "env:")) or text in {"file:", "env:"}:
            raise ValueError("a secret is given by reference: write file:PATH or env:NAME, not the secret itself")
        return cls(text, base)

    def __repr__(self) -> str:
        """Show where the secret is, not what it is."""
        return f"Secret({self.reference!r})"

    def read(self) -> bytes:
        """Give the secret's bytes; one line end at the end of a file does not count.

        Raises:
            ValueError: The file cannot be read or the variable is not set.
        """
        kind, _, where = self.reference.partition(":")
        if kind == "env":
            value = os.environ.get(where)
            if value is None:
                raise ValueError(f"the environment variable {where} is not set")
            return value.encode()
        path = self.base / where
        try:
            return path.read_bytes().removesuffix(b"\n")
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror}") from error
