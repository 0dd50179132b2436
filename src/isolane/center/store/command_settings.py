"""This file defines [center.commands]; it guards that the one key in it signs checkpoints, and no command."""

from pathlib import Path
from typing import Annotated

import msgspec

from isolane.wire.command import Name


class CommandSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Commands to gateways: the center proposes and brings them, and holds no key that signs one."""

    name: Annotated[
        Name,
        msgspec.Meta(
            description="The center's name in the commands that it proposes, and on the checkpoints that it co-signs; "
            "another one than any other center's of the same gateways"
        ),
    ] = "center"
    manifest: Annotated[
        Path | None,
        msgspec.Meta(
            description="Key manifest of the people who sign (`isolane keys`), looked at every minute: the first is "
            "taken as it is, later ones if they may follow it, and then brought to the gateways"
        ),
    ] = None
    gateway_keys: Annotated[
        Path | None,
        msgspec.Meta(
            description="Folder with GATEWAY.pem for each gateway, public key or certificate, with which it signs "
            "statements and receipts. Looked at every minute, beside the keys of gateways that have enrolled"
        ),
    ] = None
    witness: Annotated[
        Path | None,
        msgspec.Meta(
            description="The center's own key, PEM, Ed25519 or EC P-256: it co-signs checkpoints of gateways' audits, "
            "and nothing else; absent: they are checked and kept without"
        ),
    ] = None
