"""This file declares the verb `snapshot.take`; it guards that it only records what is there anyway."""

from typing import Annotated, Final

import msgspec

from isolane.wire.verbs.declaration import Arguments, Charger, Declaration


class SnapshotTakeArguments(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of what."""

    charger: Annotated[Charger | None, msgspec.Meta(description="Of which charger; absent: of everything")] = None


def _told(arguments: SnapshotTakeArguments) -> str:
    return f"of {arguments.charger}" if arguments.charger else "of everything at the gateway"


SNAPSHOT_TAKE: Final = Declaration(
    name="snapshot.take",
    kind="R0",
    need=1,
    arguments=SnapshotTakeArguments,
    timeout_s=30.0,
    words="have the black box keep the minutes around now and bring them to the center. It changes nothing else.",
    told=_told,
    result="`snapshot`, its id, or null where the day's bound or the disk allowed none",
)
