"""This file is a store of commands to which one gateway has stated itself; it guards that its people sign really."""

import time
from pathlib import Path

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.command_book import SqlCommands
from isolane.center.store.command_desk import CommandDesk
from isolane.center.store.command_views import ProposedCommand
from isolane.center.store.command_witness import Witness
from isolane.security.checkpoint import Checkpoint, sign
from isolane.security.envelope import RECEIPT, seal
from isolane.wire.command import write
from isolane.wire.receipt import Receipt, StateName
from support.proposals import Signatories, StatedGateway, signed_by, token
from support.signers import Holder, holder

HOSTILE = "<img src=x onerror=alert(1)>"


class StatedCenter:
    """It; `later_s` is by how much its clock is ahead."""

    def __init__(self, catalogue: SqlCatalogue, folder: Path) -> None:
        self.catalogue, self.later_s = catalogue, 0.0
        self.people = Signatories(folder / "people")
        self.gateway = StatedGateway(folder)
        self.key = holder(folder, "center", "viewer")
        self.commands = SqlCommands(catalogue, clock=lambda: time.time() + self.later_s)
        self.desk = CommandDesk(catalogue, Witness("center", self.key.signer))

    async def begin(self) -> "StatedCenter":
        """Enrol the gateway, take the manifest, hear the first statement."""
        await self.commands.enrol(self.gateway.name, self.gateway.public, "ida")
        await self.commands.take_manifest(self.people.manifest(1), "rita")
        await self.state()
        return self

    async def state(self, old: int = 0, *, frozen: bool = False) -> None:
        """Hear the gateway state itself."""
        await self.gateway.state(self.catalogue, self.gateway.stated(old=old, frozen=frozen))
        await self.desk.file()

    async def sign(self, command: ProposedCommand, *people: Holder) -> ProposedCommand:
        """Have people sign."""
        return await signed_by(self.commands, command, list(people))

    async def answer(self, command: ProposedCommand, state: StateName, **said: object) -> None:
        """Hear the gateway's receipt, with its line of the audit and the proof that goes with it."""
        tree = self.gateway.tree
        line = f'{{"n":{len(tree)},"jti":"{command.jti}","state":"{state}"}}'
        entry = len(tree)
        tree.append(line.encode())
        point = Checkpoint(f"isolane/audit/{self.gateway.name}", len(tree), tree.root())
        receipt = Receipt(
            v=1,
            gw=self.gateway.name,
            boot=token(1),
            jti=command.jti,
            digest=command.digest,
            verb=command.verb,
            state=state,
            reason=str(said.get("reason", "")),
            detail=str(said.get("detail", "")),
            at=int(time.time() * 1000),
            result={"told": said["told"]} if "told" in said else {},
            entry=entry,
            checkpoint=sign(point, self.gateway.name, self.gateway.signer),
            line=line,
            path=tuple(each.hex() for each in tree.inclusion(entry, len(tree))),
        )
        body = seal(write(receipt), [self.gateway.signer], RECEIPT)
        await self.catalogue.record(self.gateway.papers(body))
        await self.desk.file()
