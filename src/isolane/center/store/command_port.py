"""This file states the port of commands; it guards that whoever uses it can propose and relay, and never sign.

The order for one command: `propose`, then `sign` by each person, with a key that is not here; as soon as it is complete
it goes to its gateway by itself. What the gateway answers shows in `one`. Each call is one transaction.
"""

from typing import Protocol

from isolane.center.store.command_views import (
    Asked,
    CheckpointLine,
    CommandHistory,
    CommandPage,
    CommandQuery,
    CommandSuspicion,
    GatewayStatement,
    ProposedCommand,
)
from isolane.security.key_manifest import Trusted


class Suspicious(Protocol):
    """What alerts need to know of commands."""

    async def suspicions(self, sites: frozenset[str] | None = None) -> list[CommandSuspicion]:
        """Give what no honest gateway would do, the newest first.

        Raises:
            OSError: The store is away.
        """
        ...

    async def manifest(self) -> Trusted | None:
        """Give the key manifest in force; None before the first.

        Raises:
            OSError: The store is away.
        """
        ...


class Commands(Suspicious, Protocol):
    """Commands. Reading raises `OSError`, writing `UnavailableError`, when the store is away."""

    async def propose(self, asked: Asked) -> ProposedCommand:
        """Make a command's payload from the gateway's latest statement.

        Raises:
            CommandError: No statement that is fresh, no such verb, arguments it does not take, somebody without the
                right to it, no key manifest, or another than the gateway's.
        """
        ...

    async def sign(self, jti: str, kid: str, signature: str) -> ProposedCommand:
        """Take a signature; with the last one the command is ready.

        Args:
            jti: Name of the command.
            kid: Of the key, as in the manifest in force.
            signature: 64 bytes in base64url without padding, as it stands in an envelope.

        Raises:
            NoSuchCommandError: See there.
            CommandError: It is no longer to be signed, the key has no right to it, that person has signed already, or
                the signature does not hold.
        """
        ...

    async def withdraw(self, jti: str, who: str) -> ProposedCommand:
        """Take a command back that was not sent.

        Raises:
            NoSuchCommandError: See there.
            CommandError: It was sent, or has ended.
        """
        ...

    async def page(self, query: CommandQuery) -> CommandPage:
        """Give commands that match, the newest first."""
        ...

    async def one(self, jti: str) -> CommandHistory | None:
        """Give a command with all that became of it; None if there is none of that name."""
        ...

    async def statement(self, gateway: str) -> GatewayStatement | None:
        """Give a gateway's latest statement that its key has signed."""
        ...

    async def statements(self, sites: frozenset[str] | None = None) -> list[GatewayStatement]:
        """Give the latest statement of every gateway of some sites, of all for None, by gateway."""
        ...

    async def checkpoints(self, gateway: str, limit: int = 100) -> list[CheckpointLine]:
        """Give the co-signed checkpoints of a gateway's audit, the newest first."""
        ...

    async def take_manifest(self, data: bytes, who: str) -> Trusted:
        """Take the first key manifest, or the next; gateways get it by themselves.

        Raises:
            CommandError: It may not follow, or is none.
        """
        ...

    async def enrol(self, gateway: str, public_key: bytes, who: str) -> str:
        """Say with which key a gateway signs; give its name.

        Args:
            gateway: Name of the gateway; need not have been heard of.
            public_key: PEM of a public key or a certificate, Ed25519 or EC P-256.
            who: Who says so.

        Raises:
            CommandError: It is none.
        """
        ...
