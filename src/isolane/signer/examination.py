"""This file examines a proposal; it guards that nothing is signed that could not be explained from its own bytes.

What is shown comes from `wire.verbs.explanation`: the payload's exact bytes and this release's catalogue. Added here is
what this machine knows for itself: for whom it was asked, who holds the key and as what by the pinned manifest, which
gateways there are, what time it is. Each doubt is a sentence, and with one doubt nothing is signed.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from isolane.security.envelope import STATEMENT, EnvelopeError, parse, verify
from isolane.security.key_manifest import RIGHTS, Key, Trusted
from isolane.security.signing import PublicKey, key_id
from isolane.wire.command import LIFE_S_MAX, Command, Statement, read
from isolane.wire.verbs.explanation import Explanation, explain

SKEW_S: Final = 5
"""By so much the center's clock may be ahead of ours; a gateway tolerates the same."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What this machine knows for itself.

    Attributes:
        trusted: The pinned manifest.
        kid: The key that would sign.
        gateways: Public keys of gateways by name; None where whatever gateway a command names is signed for.
        now_s: UTC, s.
    """

    trusted: Trusted
    kid: str
    gateways: Mapping[str, PublicKey] | None
    now_s: float

    @property
    def holder(self) -> Key | None:
        """Whose the key is by the manifest; None if it does not have it."""
        return self.trusted.holders.get(self.kid)


@dataclass(frozen=True, slots=True)
class Examined:
    """A proposal that has been read.

    Attributes:
        payload: The very bytes that would be signed.
        digest: Their SHA-256 in hex.
        explanation: What they mean.
        notes: What is worth knowing and keeps nobody from signing.
        doubts: Why it is not signed; empty if it may be.
    """

    payload: bytes
    digest: str
    explanation: Explanation
    notes: tuple[str, ...]
    doubts: tuple[str, ...]

    @property
    def command(self) -> Command:
        """What the bytes say."""
        return self.explanation.command


def examine(payload: bytes, statement: bytes, jti: str, known: Knowledge) -> Examined:
    """Examine a proposal.

    Args:
        payload: Bytes of anybody's choosing.
        statement: The gateway's, an envelope of anybody's choosing; empty for none.
        jti: The command that was asked for.
        known: What this machine knows for itself.

    Raises:
        ValueError: It is no command at all.
    """
    explanation = explain(payload)
    command = explanation.command
    notes, stated = _stated(command, statement, known)
    doubts = [*explanation.doubts, *_identity(command, jti, known), *_timely(command, known), *stated]
    return Examined(payload, hashlib.sha256(payload).hexdigest(), explanation, tuple(notes), tuple(doubts))


def _identity(command: Command, jti: str, known: Knowledge) -> Iterator[str]:
    """Ask for whom and by whom it would be signed."""
    if command.jti != jti:
        yield "it is another command than the one that was asked for"
    if known.gateways is not None and command.aud not in known.gateways:
        yield f"{command.aud} is none of the gateways that this signer knows"
    holder = known.holder
    if holder is None:
        yield "the pinned key manifest does not have this key"
        return
    if command.appr.kind not in RIGHTS[holder.role]:
        yield f"the key of {holder.person}, {holder.role}, has no right to class {command.appr.kind}"
    is_own = command.req.sub == holder.person
    if is_own and command.req.role != holder.role:
        yield f"it says that {holder.person} asks as {command.req.role}; this key is of role {holder.role}"
    if not is_own and command.appr.need == 1:
        yield f"it needs the signature of {command.req.sub} alone"
    if not is_own and not _is_known(command, known.trusted):
        yield f"{command.req.sub} as {command.req.role} has no key in the pinned manifest"


def _is_known(command: Command, trusted: Trusted) -> bool:
    return any((each.person, each.role) == (command.req.sub, command.req.role) for each in trusted.manifest.keys)


def _timely(command: Command, known: Knowledge) -> Iterator[str]:
    """Ask whether it is for now."""
    manifest = known.trusted.manifest
    if known.trusted.is_expired(known.now_s):
        yield "the pinned key manifest has expired: gateways follow nobody on it"
    if command.keys_ver != manifest.version:
        yield f"it was made for key manifest {command.keys_ver}, pinned is {manifest.version}"
    if not command.iat <= command.nbf < command.exp <= command.iat + LIFE_S_MAX:
        yield f"its times do not fit, or it would live longer than {LIFE_S_MAX} s"
    elif known.now_s >= command.exp:
        yield "it has expired"
    elif command.nbf > known.now_s + SKEW_S:
        yield "it is from the future, or this machine's clock is behind"
    if not command.boot or not command.chal:
        yield "it quotes no challenge of the gateway"


def _stated(command: Command, statement: bytes, known: Knowledge) -> tuple[list[str], list[str]]:
    """Compare it with what the gateway says of itself, where its key is known; gives notes and doubts."""
    key = known.gateways.get(command.aud) if known.gateways is not None else None
    if key is None:
        return ["the gateway's own statement is not checked: start the signer with --gateways"], []
    try:
        envelope = parse(statement, STATEMENT)
        verify(envelope, {key_id(key): key})
        said = read(envelope.payload, Statement)
    except (EnvelopeError, ValueError):
        return [], [f"the center brought no statement that {command.aud} has signed"]
    if said.gw != command.aud:
        return [], [f"the center brought a statement of another gateway than {command.aud}"]
    notes = []
    if said.frozen:
        notes.append("the gateway is FROZEN: it refuses all but reading and freeze.clear")
    if said.clock == "unsynced":
        notes.append("the gateway's clock is not synchronised")
    if said.chal != command.chal:
        notes.append("the gateway has given out a newer challenge meanwhile: it may be too late for this one")
    doubts = [] if said.boot == command.boot else ["it was made for another boot of the gateway"]
    return notes, doubts
