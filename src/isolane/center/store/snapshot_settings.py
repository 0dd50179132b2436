"""This file defines [center.snapshots]; it guards that what gateways may put on the disk is bounded by numbers."""

from pathlib import Path
from typing import Annotated

import msgspec


class SnapshotSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Snapshots that gateways send."""

    mb_max: Annotated[
        int,
        msgspec.Meta(
            description="Bound of all files, MiB; then the oldest of the lowest level go, never one that an open "
            "alarm names or somebody holds",
            ge=1,
            le=1_048_576,
        ),
    ] = 20_480
    gateway_mb_max: Annotated[
        int, msgspec.Meta(description="Bound of one gateway's files, MiB", ge=1, le=1_048_576)
    ] = 1024
    keys: Annotated[
        dict[str, Path],
        msgspec.Meta(
            description="By gateway: PEM file of the public key, or of a certificate, that its snapshots are to be "
            "signed with"
        ),
    ] = msgspec.field(default_factory=dict)
