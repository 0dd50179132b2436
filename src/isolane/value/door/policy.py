"""This file decides who may ask the CSMS; it guards that a refused charger costs no connection north."""

from dataclasses import dataclass

from isolane.value.door.handshake import Upgrade
from isolane.value.failures import Refused


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may connect.

    Attributes:
        allow: Identities that may, None for all that the CSMS accepts.
        origins: Values of Origin that may. A charger sends none; a web page that misuses its reader's network always
            does.
    """

    allow: frozenset[str] | None
    origins: frozenset[str]

    def check(self, upgrade: Upgrade) -> None:
        """Let a request pass.

        Raises:
            Refused: 403 for a foreign Origin, 404 for an identity that is not on the list.
        """
        self.check_origin(upgrade)
        if self.allow is not None and upgrade.charger not in self.allow:
            raise Refused(404, "unknown")

    def check_origin(self, upgrade: Upgrade) -> None:
        """Let a request pass that no browser sent.

        Raises:
            Refused: 403.
        """
        if upgrade.origin is not None and upgrade.origin not in self.origins:
            raise Refused(403, "origin")
