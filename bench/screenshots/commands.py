"""This file has people propose commands to the first gateway; it guards that each page of commands has its all."""

import base64
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.screenshots.fleet import Gateway
from cryptography.hazmat.primitives import serialization as form

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.command_book import SqlCommands
from isolane.center.store.command_desk import CommandDesk
from isolane.center.store.command_filing import arrive
from isolane.center.store.command_views import Asked, ProposedCommand
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

COMMANDS: list[dict[str, str]] = []
"""Names of the scene's commands, as examples of the page's path; filled when a scene is made."""
_HOSTILE = "<img src=x onerror=alert(1)>"
_BOOT, _CHALLENGE = "B" * 22, "C" * 22


class _Box:
    """The gateway's side: it states itself, and answers."""

    def __init__(self, catalogue: SqlCatalogue, gateway: Gateway, signer: Signer) -> None:
        self.catalogue, self.signer, self.tree = catalogue, signer, Tree()
        self.name, self.site, self.sequence = gateway.name, gateway.site, 0

    @property
    def origin(self) -> Origin:
        return Origin(self.site, self.name, int(time.time() * 1000))

    def note(self) -> str:
        point = Checkpoint(f"isolane/audit/{self.name}", len(self.tree), self.tree.root())
        return sign(point, self.name, self.signer) if len(self.tree) else ""

    async def state(self, old: int = 0) -> None:
        said = Statement(
            v=1, gw=self.name, boot=_BOOT, chal=_CHALLENGE, at=self.origin.received_ms, clock="synced", keys_ver=1,
            frozen=False, checkpoint=self.note(),
        )  # fmt: skip
        self.sequence += 1
        path = [each.hex() for each in self.tree.consistency(old, len(self.tree))] if old else []
        body = seal(write(said), [self.signer], STATEMENT).decode()
        data = encode(Stated(version=1, statement=body, number=self.sequence, old=old, path=tuple(path)))
        await self.catalogue.write(lambda session: arrive(session, StatementArrival(self.origin, "mqtt", data)))

    async def answer(self, command: ProposedCommand, state: StateName, reason: str, detail: str, told: object) -> None:
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


async def send_commands(catalogue: SqlCatalogue, gateway: Gateway, user: str) -> None:
    """Propose some in a user's name, and have the gateway answer two of them."""
    commands, desk = SqlCommands(catalogue), CommandDesk(catalogue)
    with TemporaryDirectory() as folder:
        people = {name: _signer(Path(folder), name) for name in ("rita", "rob", user, "bob", gateway.name)}
    roles: dict[str, Role] = {"rita": "root", "rob": "root", user: "operator", "bob": "approver"}
    now = int(time.time())
    keys = tuple(describe(people[name].public_key, name, role) for name, role in roles.items())
    manifest = Manifest(v=1, version=1, issued=now, expires=now + 86_400, threshold=2, keys=keys)
    await commands.take_manifest(seal(write_manifest(manifest), [people["rita"], people["rob"]], MANIFEST), "rita")
    box = _Box(catalogue, gateway, people[gateway.name])
    pem = box.signer.public_key.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    await commands.enrol(box.name, pem, "rita")
    await box.state()
    await desk.file()
    COMMANDS.clear()
    plan: tuple[tuple[str, dict[str, object], StateName | None], ...] = (
        ("charger.reset", {"charger": "DE-ISO-HAF-02"}, "done"),
        ("status", {}, "refused"),
        ("charger.reset", {"charger": "DE-ISO-HAF-03"}, None),
    )
    for verb, args, state in plan:
        asked = Asked(
            gateway=box.name, verb=verb, args=args, person=user, ticket="T-1", reason=_HOSTILE, proposed_by=user
        )
        made = await commands.propose(asked)
        COMMANDS.append({"jti": made.jti})
        for name in (user, "bob") if state else (user,):
            if len(made.people) < made.need:
                signed = parse(seal(made.payload, [people[name]], COMMAND), COMMAND).signatures[0]
                made = await commands.sign(made.jti, signed.kid, _text(signed.value))
        if state:
            await box.answer(made, state, "" if state == "done" else "rate", _HOSTILE, _HOSTILE)
            await desk.file()
            await box.state(len(box.tree) - 1)
            await desk.file()


def _signer(folder: Path, name: str) -> Signer:
    make_key(folder / name, "ed25519", None)
    return Signer(folder / name)


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
