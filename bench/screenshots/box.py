"""This file plays a gateway's side of commands; it guards that statements and receipts are such as a gateway signs."""

import base64
import time
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives import serialization as form

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.command_book import SqlCommands
from isolane.center.store.command_desk import CommandDesk
from isolane.center.store.command_filing import arrive
from isolane.center.store.command_views import ProposedCommand
from isolane.center.store.port import Batch, Origin, PaperArrival, StatementArrival
from isolane.security.checkpoint import Checkpoint, sign
from isolane.security.envelope import COMMAND, MANIFEST, RECEIPT, STATEMENT, parse, seal
from isolane.security.key_files import make_key
from isolane.security.key_manifest import Manifest, Role, describe
from isolane.security.key_manifest import write as write_manifest
from isolane.security.merkle import Tree
from isolane.security.signing import Signer
from isolane.wire.block import BlockKey
from isolane.wire.command import Statement, write
from isolane.wire.errand import Stated, encode
from isolane.wire.paper import PAPERS, Paper
from isolane.wire.receipt import KIND, Receipt, StateName

_BOOT, _CHALLENGE = "B" * 22, "C" * 22
_DAY_S = 86_400


def key_of(folder: Path, name: str) -> Signer:
    """Make somebody a key in a file."""
    make_key(folder / name, "ed25519", None)
    return Signer(folder / name)


async def appoint(commands: SqlCommands, people: Mapping[str, tuple[Role, Signer]]) -> None:
    """Put people into the first key manifest; whoever is a root signs it."""
    now = int(time.time())
    keys = tuple(describe(signer.public_key, name, role) for name, (role, signer) in people.items())
    roots = [signer for role, signer in people.values() if role == "root"]
    made = Manifest(v=1, version=1, issued=now, expires=now + _DAY_S, threshold=len(roots), keys=keys)
    await commands.take_manifest(seal(write_manifest(made), roots, MANIFEST), "rita")


def signature(payload: bytes, signer: Signer) -> tuple[str, str]:
    """Sign a command; gives the name of the key, and the signature in base64url."""
    signed = parse(seal(payload, [signer], COMMAND), COMMAND).signatures[0]
    return signed.kid, base64.urlsafe_b64encode(signed.value).rstrip(b"=").decode()


class Box:
    """The gateway's side: it states itself, and answers; the center files what it says at once."""

    def __init__(self, catalogue: SqlCatalogue, site: str, name: str, signer: Signer) -> None:
        self.catalogue, self.signer, self.tree = catalogue, signer, Tree()
        self.name, self.site, self.sequence = name, site, 0
        self.filing = CommandDesk(catalogue)

    async def enrol(self, commands: SqlCommands) -> None:
        """Make its key known to the center."""
        pem = self.signer.public_key.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
        await commands.enrol(self.name, pem, "rita")

    @property
    def origin(self) -> Origin:
        """Say whose its words are, and that they come now."""
        return Origin(self.site, self.name, int(time.time() * 1000))

    def note(self) -> str:
        """Give the signed note of its audit's newest checkpoint, "" while it has no line."""
        point = Checkpoint(f"isolane/audit/{self.name}", len(self.tree), self.tree.root())
        return sign(point, self.name, self.signer) if len(self.tree) else ""

    async def state(self, old: int = 0) -> None:
        """State itself; `old` is how many lines the center's newest checkpoint has."""
        said = Statement(
            v=1, gw=self.name, boot=_BOOT, chal=_CHALLENGE, at=self.origin.received_ms, clock="synced", keys_ver=1,
            frozen=False, checkpoint=self.note(),
        )  # fmt: skip
        self.sequence += 1
        path = [each.hex() for each in self.tree.consistency(old, len(self.tree))] if old else []
        body = seal(write(said), [self.signer], STATEMENT).decode()
        data = encode(Stated(version=1, statement=body, number=self.sequence, old=old, path=tuple(path)))
        await self.catalogue.write(lambda session: arrive(session, StatementArrival(self.origin, "mqtt", data)))
        await self.filing.file()

    async def answer(self, command: ProposedCommand, state: StateName, reason: str, detail: str, told: object) -> None:
        """Put the end of a command into its audit, and send the receipt."""
        entry, line = len(self.tree), f'{{"n":{len(self.tree)},"jti":"{command.jti}","state":"{state}"}}'
        self.tree.append(line.encode())
        receipt = Receipt(
            v=1, gw=self.name, boot=_BOOT, jti=command.jti, digest=command.digest, verb=command.verb, state=state,
            reason=reason, detail=detail, at=self.origin.received_ms, result={"told": told}, entry=entry,
            checkpoint=self.note(), line=line,
            path=tuple(each.hex() for each in self.tree.inclusion(entry, len(self.tree))),
        )  # fmt: skip
        self.sequence += 1
        body = seal(write(receipt), [self.signer], RECEIPT)
        paper = Paper(BlockKey(2, PAPERS, self.sequence), self.origin.received_ms, KIND, body)
        await self.catalogue.record(Batch(papers=(PaperArrival(self.origin, paper),)))
        await self.filing.file()
