"""This file declares the verb `snapshot.fetch`; it guards that only snapshots that are there can be named."""

from typing import Annotated, Final

import msgspec

from isolane.wire.verbs.declaration import Arguments, Declaration


class SnapshotFetchArguments(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which."""

    snapshot: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z", description="Its id, 32 hex digits")]


def _told(arguments: SnapshotFetchArguments) -> str:
    return f"snapshot {arguments.snapshot}"


SNAPSHOT_FETCH: Final = Declaration(
    name="snapshot.fetch",
    kind="R0",
    need=1,
    arguments=SnapshotFetchArguments,
    timeout_s=30.0,
    words="bring a snapshot that the gateway has to the center, once more if it was there. It changes nothing.",
    told=_told,
    result="`size`, bytes of the file; `parts`, in how many papers it comes; `sha256`",
)
