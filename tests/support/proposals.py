"""This file is a gateway that states itself and answers commands, and people who sign, as a center sees them."""

import base64
import time
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives import serialization as form

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.command_book import SqlCommands
from isolane.center.store.command_filing import arrive
from isolane.center.store.command_views import Asked, ProposedCommand
from isolane.center.store.port import Batch, Origin, PaperArrival, StatementArrival
from isolane.security.checkpoint import Checkpoint
from isolane.security.checkpoint import sign as sign_note
from isolane.security.envelope import COMMAND, RECEIPT, STATEMENT, parse, seal
from isolane.security.merkle import Tree
from isolane.wire.block import BlockKey
from isolane.wire.command import Statement, write
from isolane.wire.errand import Stated, encode
from isolane.wire.paper import PAPERS, Paper
from isolane.wire.receipt import KIND, Receipt, StateName
from support.signers import Holder, holder, manifest, signed

SITE = "depot"


def token(number: int) -> str:
    """Give a name of 128 bits."""
    return base64.urlsafe_b64encode(number.to_bytes(16, "big")).rstrip(b"=").decode()


class Signatories:
    """Who signs: two with root keys, an operator, an approver, one who is both, a viewer, a stranger."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.roots = [holder(folder, name, "root") for name in ("rita", "rob")]
        self.ann = holder(folder, "ann", "operator")
        self.ann_again = holder(folder, "ann", "approver", "ann2")
        self.olga = holder(folder, "olga", "operator")
        self.bob = holder(folder, "bob", "approver")
        self.vic = holder(folder, "vic", "viewer")
        self.eve = holder(folder, "eve", "operator")

    def manifest(self, version: int, *without: Holder, life_s: int = 86_400) -> bytes:
        """Give a signed manifest of all but the stranger and these."""
        known = [*self.roots, self.ann, self.ann_again, self.olga, self.bob, self.vic]
        now = int(time.time())
        listed = [each for each in known if each not in without]
        return signed(manifest(version, listed, issued=now, expires=now + life_s), self.roots)


class StatedGateway:
    """One gateway with its key and its audit."""

    def __init__(self, folder: Path, name: str = "gw-01") -> None:
        self.name = name
        self.signer = holder(folder, name, "viewer").signer
        self.tree = Tree()
        self.boot, self.number, self.sequence = token(1), 0, 0
        self.public = self.signer.public_key.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)

    @property
    def origin(self) -> Origin:
        """Give who sends it, now."""
        return Origin(SITE, self.name, int(time.time() * 1000))

    def grow(self, lines: int, word: str = "line") -> None:
        """Write lines to the audit."""
        for _ in range(lines):
            self.tree.append(f"{word} {len(self.tree)}".encode())

    def stated(self, *, keys_ver: int = 1, old: int = 0, frozen: bool = False) -> bytes:
        """State itself."""
        self.number += 1
        note = ""
        if len(self.tree):
            point = Checkpoint(f"isolane/audit/{self.name}", len(self.tree), self.tree.root())
            note = sign_note(point, self.name, self.signer)
        said = Statement(
            v=1,
            gw=self.name,
            boot=self.boot,
            chal=token(2),
            at=int(time.time() * 1000),
            clock="synced",
            keys_ver=keys_ver,
            frozen=frozen,
            checkpoint=note,
        )
        path = self.tree.consistency(old, len(self.tree)) if 0 < old <= len(self.tree) else []
        data = seal(write(said), [self.signer], STATEMENT).decode()
        proof = tuple(each.hex() for each in path)
        return encode(Stated(version=1, statement=data, number=self.number, old=old, path=proof))

    def receipt(self, command: ProposedCommand, state: StateName, reason: str = "", gateway: str = "") -> bytes:
        """Answer a command."""
        said = Receipt(
            v=1,
            gw=gateway or self.name,
            boot=self.boot,
            jti=command.jti,
            digest=command.digest,
            verb=command.verb,
            state=state,
            reason=reason,
            detail="",
            at=int(time.time() * 1000),
            result={},
            entry=1,
            checkpoint="",
        )
        return seal(write(said), [self.signer], RECEIPT)

    def papers(self, *bodies: bytes) -> Batch:
        """Send receipts."""
        found = []
        for body in bodies:
            self.sequence += 1
            key = BlockKey(1, PAPERS, self.sequence)
            found.append(PaperArrival(self.origin, Paper(key, int(time.time() * 1000), KIND, body)))
        return Batch(papers=tuple(found))

    async def state(self, catalogue: SqlCatalogue, data: bytes, way: str = "mqtt") -> None:
        """Have a statement arrive."""
        origin = self.origin
        await catalogue.admit(origin)
        await catalogue.write(lambda session: arrive(session, StatementArrival(origin, way, data)))


def asked(verb: str = "status", gateway: str = "gw-01", person: str = "ann", **args: object) -> Asked:
    """Want something."""
    return Asked(
        gateway=gateway, verb=verb, args=args, person=person, ticket="T-1", reason="it hangs", proposed_by="ann.web"
    )


async def signed_by(commands: SqlCommands, command: ProposedCommand, people: Sequence[Holder]) -> ProposedCommand:
    """Sign as a signing service does: over the payload, with a key that the center never sees."""
    for each in people:
        command = await commands.sign(command.jti, each.signer.key_id, signature(command.payload, each))
    return command


def signature(payload: bytes, who: Holder) -> str:
    """Give a signature as it stands in an envelope."""
    made = parse(seal(payload, [who.signer], COMMAND), COMMAND).signatures[0]
    return base64.urlsafe_b64encode(made.value).rstrip(b"=").decode()
