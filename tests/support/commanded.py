"""This file is a gateway that takes commands, and the people who sign them, for tests; it guards nothing itself."""

import base64
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from isolane.health.commands.challenge import Challenges
from isolane.health.commands.desk import Desk, Ground
from isolane.health.commands.gate import Gate, Interlocks
from isolane.health.commands.journal import Journal
from isolane.health.commands.keyring import Keyring
from isolane.health.commands.receipt import open_receipt
from isolane.health.commands.seen import Seen
from isolane.health.commands.verb import Verb
from isolane.health.commands.verbs.freeze import FreezeClear, FreezeSet
from isolane.health.commands.verbs.ledger import Books, Ledger
from isolane.health.commands.verbs.status import Status
from isolane.security.envelope import COMMAND, RECEIPT, STATEMENT, parse, seal
from isolane.wire.command import Approval, Command, CommandClass, Request, Statement, read, write
from isolane.wire.receipt import BYTES_MAX, Receipt
from isolane.wire.verbs.declaration import Arguments, Declaration
from support.signers import Holder, holder, manifest, signed

UTC_S = 1_700_000_000
GATEWAY = "gw-01"
_Plan = tuple[CommandClass, int, dict[str, object], tuple[str, ...]]
_READ: _Plan = ("R0", 1, {}, ())
_PLANS: dict[str, _Plan] = {
    "charger.restart": ("R2", 2, {"charger": "CP1"}, ("idle:CP1",)),
    "freeze.set": ("R4", 1, {}, ()),
    "freeze.clear": ("R4", 2, {}, ()),
}


class HandClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.mono_s, self.utc_s = 1_000.0, float(UTC_S)

    def mono_ns(self) -> int:
        return int(self.mono_s * 1e9)

    def utc_ns(self) -> int:
        return int(self.utc_s * 1e9)

    def pass_s(self, seconds: float) -> None:
        self.mono_s += seconds
        self.utc_s += seconds


class RestartArguments(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    charger: str


def _idle(arguments: RestartArguments) -> tuple[str, ...]:
    return (f"idle:{arguments.charger}",)


RESTART: Final = Declaration(
    name="charger.restart",
    kind="R2",
    need=2,
    arguments=RestartArguments,
    timeout_s=5.0,
    words="restart an idle charger.",
    interlocks=_idle,
    result="`restarted`",
)


class Restart:
    """A disruptive verb: it counts what it would restart."""

    declared = RESTART

    def __init__(self) -> None:
        self.done: list[str] = []

    async def run(self, arguments: RestartArguments, person: str) -> Mapping[str, object]:
        self.done.append(f"{arguments.charger} {person}")
        return {"restarted": arguments.charger}


class People:
    """Who signs, and the gateway's own key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.roots = [holder(folder, name, "root") for name in ("rita", "rob")]
        self.ann = holder(folder, "ann", "operator")
        self.ann_again = holder(folder, "ann", "approver", "ann2")
        self.olga = holder(folder, "olga", "operator")
        self.bob = holder(folder, "bob", "approver")
        self.vic = holder(folder, "vic", "viewer")
        self.stranger = holder(folder, "eve", "operator")
        self.gateway = holder(folder, GATEWAY, "viewer").signer
        self.known = [*self.roots, self.ann, self.ann_again, self.olga, self.bob, self.vic]

    def manifest(self, version: int, known: list[Holder] | None = None, expires: int = UTC_S + 86_400) -> bytes:
        return signed(manifest(version, known or self.known, issued=UTC_S, expires=expires), self.roots)


async def _books(epoch: int | None) -> Mapping[str, object] | None:
    return {"produced": 7} if epoch in {None, 1} else None


class World:
    """One gateway's room of commands on a folder; `restart` is what a reboot is."""

    def __init__(self, folder: Path, people: People) -> None:
        self.folder, self.people = folder, people
        self.clock, self.is_synced, self.idle = HandClock(), True, dict[str, bool | None]()
        self.receipts: list[bytes] = []
        self.statements: list[bytes] = []
        self.restarter = Restart()
        self.seq = 0
        self.books: Books = _books
        self.keys = folder / "keys.jws"
        self.keys.write_bytes(people.manifest(1))
        self._open()

    def _open(self) -> None:
        self.is_journal_closed = False
        self.seen = Seen(self.folder / "commands.db")
        self.journal = Journal(self.folder / "audit", GATEWAY, self.people.gateway, self.clock)
        self.keyring = Keyring(self.keys)
        self.challenges = Challenges(self.clock, lambda: self.is_synced)
        verbs: list[Verb[Any]] = [
            Status(lambda: {"release": "1"}),
            Ledger(self._books),
            FreezeSet(self.seen),
            FreezeClear(self.seen),
            self.restarter,
        ]
        self.use(verbs, self.idle.get)

    def use(self, verbs: list[Verb[Any]], interlocks: Interlocks) -> None:
        """Let the gateway do these, held back by those."""
        self.gate = Gate(
            gateway=GATEWAY,
            verbs=verbs,
            keyring=self.keyring,
            challenges=self.challenges,
            seen=self.seen,
            interlocks=interlocks,
            clock=self.clock,
        )
        ground = Ground(
            GATEWAY, self.people.gateway, self.keyring, self.challenges, self.seen, self.journal, self.clock
        )
        self.desk = Desk(ground, self.gate, self)

    def close(self) -> None:
        self.seen.close()
        if not self.is_journal_closed:
            self.journal.close()

    def break_audit(self) -> None:
        """Close the audit's files under the desk."""
        self.is_journal_closed = True
        self.journal.close()

    def restart(self) -> None:
        self.close()
        self._open()

    async def receipt(self, body: bytes) -> None:
        self.receipts.append(body)

    async def statement(self, body: bytes) -> None:
        self.statements.append(body)

    async def _books(self, epoch: int | None) -> Mapping[str, object] | None:
        return await self.books(epoch)

    def command(self, verb: str = "status", **changed: object) -> Command:
        """Give what a center would propose now."""
        self.seq += 1
        kind, need, args, pre = _PLANS.get(verb, _READ)
        now = int(self.clock.utc_s)
        command = Command(
            v=1,
            jti=base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode(),
            iss="center",
            aud=GATEWAY,
            verb=verb,
            args=args,
            pre=pre,
            req=Request(sub="ann", role="operator", ticket="T-1", reason="it hangs"),
            appr=Approval(kind=kind, need=need),
            iat=now,
            nbf=now,
            exp=now + 300,
            boot=self.challenges.boot,
            chal=self.challenges.newest.value,
            seq=self.seq,
            keys_ver=1,
        )
        return msgspec.structs.replace(command, **changed)

    def seal(self, command: Command, *people: Holder) -> bytes:
        """Sign it; ann alone unless others are named."""
        signers = [each.signer for each in people or (self.people.ann,)]
        return seal(write(command), signers, COMMAND)

    def told(self) -> list[Receipt]:
        """Read all receipts, checked as the center would."""
        found = []
        for body in self.receipts:
            said = read(parse(body, RECEIPT, BYTES_MAX).payload, Receipt)
            found.append(open_receipt(body, self.people.gateway.public_key, GATEWAY, said.digest))
        return found

    def stated(self) -> list[Statement]:
        """Read all statements."""
        return [read(parse(body, STATEMENT).payload, Statement) for body in self.statements]
