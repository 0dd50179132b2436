"""This file judges checkpoints of gateways' audits; it guards that one which was co-signed is never taken back.

A checkpoint that the center has co-signed is what the gateway's audit has to begin with for ever. The first one is
taken as it comes. Of each later one the gateway proves that it goes on from the one before, since the center has none
of the audit's lines.
"""

from dataclasses import dataclass
from enum import StrEnum

from isolane.security.checkpoint import Checkpoint, Cosigns, cosign, open_note
from isolane.security.merkle import is_consistent
from isolane.security.signing import PublicKey
from isolane.wire.errand import Stated


class Finding(StrEnum):
    """What a checkpoint is, beside the one that is held."""

    SAME = "same"
    NEXT = "next"
    """It goes on from the one that is held."""
    UNPROVED = "unproved"
    """It may; the gateway has not seen the one that is held."""
    ROLLBACK = "rollback"
    """There are fewer lines than before."""
    FORK = "fork"
    """There are other lines than before."""


@dataclass(frozen=True, slots=True)
class Witness:
    """The center's own key, with which it co-signs checkpoints and nothing else."""

    name: str
    signer: Cosigns

    def sign(self, note: str) -> str:
        """Add the center's signature to a gateway's checkpoint."""
        return cosign(note, self.name, self.signer)


def open_own(note: str, gateway: str, key: PublicKey) -> Checkpoint | None:
    """Open a gateway's checkpoint; None for one of an empty audit, "".

    Raises:
        ValueError: It is none, or not signed by that gateway's key.
    """
    if not note:
        return None
    point, _ = open_note(note, {gateway: key})
    if point.origin != f"isolane/audit/{gateway}":
        raise ValueError(f"a checkpoint of {point.origin[:64]!r}")
    return point


def judge(held: tuple[int, str] | None, point: Checkpoint | None, stated: Stated) -> Finding:
    """Compare a checkpoint with the one that is held.

    Args:
        held: Entries and root, hex, of the newest that was co-signed; None before the first.
        point: What the gateway says now.
        stated: With its proof.
    """
    size = 0 if point is None else point.size
    if held is None:
        return Finding.NEXT if size else Finding.SAME
    if point is None or size < held[0]:
        return Finding.ROLLBACK
    if size == held[0]:
        return Finding.SAME if point.root.hex() == held[1] else Finding.FORK
    if stated.old != held[0]:
        return Finding.UNPROVED
    path = [bytes.fromhex(each) for each in stated.path]
    return Finding.NEXT if is_consistent(held[0], size, path, bytes.fromhex(held[1]), point.root) else Finding.FORK
