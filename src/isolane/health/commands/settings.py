"""This file defines [health.commands]; it guards that nothing listens to commands until a person has put keys there."""

from pathlib import Path
from typing import Annotated

import msgspec

from isolane.health.commands.verbs.settings import VerbSettings


class CommandSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Signed commands; docs/reference/commands.md."""

    key: Annotated[
        Path,
        msgspec.Meta(
            description="The gateway's own key, PEM, Ed25519 or EC P-256, or the URI of one in a token "
            "(docs/reference/keys.md): it signs statements, receipts and the audit. The center is told its public half"
        ),
    ]
    manifest: Annotated[
        Path,
        msgspec.Meta(
            description="The key manifest in force (`isolane keys`). A person puts the first one there; those that may "
            "follow it replace it, so this process has to be allowed to write beside it"
        ),
    ]
    state: Annotated[
        Path | None,
        msgspec.Meta(description="Folder of the audit and of what was taken before; absent: beside the outbox"),
    ] = None

    verbs: VerbSettings = VerbSettings()

    def folder(self, outbox: Path) -> Path:
        """Give the folder, for the outbox at a path."""
        return self.state or outbox.with_suffix(".commands")
