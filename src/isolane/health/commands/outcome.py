"""This file says how a command ended and writes its receipt; it guards that a receipt says what was written down."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from isolane.health.commands.journal import UNPROVED, Proof
from isolane.health.commands.receipt import sign
from isolane.security.envelope import Signs
from isolane.wire.receipt import Receipt, StateName

_DETAIL_CHARS_MAX: Final = 512


@dataclass(frozen=True)
class About:
    """Which command: its name, the SHA-256 of its payload in hex, its verb."""

    jti: str
    digest: str
    verb: str


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    state: StateName
    reason: str = ""
    detail: str = ""
    result: Mapping[str, object] = field(default_factory=dict)
    entry: int = -1
    proof: Proof = UNPROVED


def seal(about: About, outcome: Outcome, *, gateway: str, boot: str, at_ms: int, signer: Signs) -> bytes:
    """Give the signed receipt.

    Args:
        about: The command.
        outcome: How it ended.
        gateway: Whose receipt it is.
        boot: Of this process.
        at_ms: UTC, ms, a label.
        signer: The gateway's key.
    """
    receipt = Receipt(
        v=1,
        gw=gateway,
        boot=boot,
        jti=about.jti,
        digest=about.digest,
        verb=about.verb,
        state=outcome.state,
        reason=outcome.reason,
        detail=outcome.detail[:_DETAIL_CHARS_MAX],
        at=max(0, at_ms),
        result=dict(outcome.result),
        entry=outcome.entry,
        checkpoint=outcome.proof.note,
        line=outcome.proof.line,
        path=outcome.proof.path,
    )
    return sign(receipt, signer)
