"""This file gives tenant A a real gateway that takes commands; it guards that people's keys are with people alone.

What the ground has proposed goes: nobody has kept the keys. The gateway asks over HTTPS with the certificate of its
own; its state stays when it is stopped, so that a later step meets the one that the step before has left.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import re
import sqlite3
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.attack.commands.ground import Gateway
from bench.attack.commands.people import Holder, make_key, manifest
from bench.attack.ground import free_ports
from bench.attack.operations.ground import GATEWAY, SITE, Actor, Center
from bench.attack.operations.request import Reply

from isolane.security.envelope import COMMAND, parse, seal
from isolane.security.key_files import make_key as make_locked
from isolane.security.key_manifest import Role
from isolane.security.signing import Signer

NAME: Final = GATEWAY["A"]
PASSPHRASE: Final = "four plain words here"  # noqa: S105 - of a key that lives for one case
WAIT_S: Final = 120.0
ENDED: Final = frozenset({"refused", "done", "failed", "expired", "unknown-after-restart"})
API: Final = "/api/v1/commands"
_PEOPLE: Final[dict[str, tuple[str, Role]]] = {
    "dispatcher": ("a-dispatcher", "operator"), "dispatcher approves": ("a-dispatcher", "approver"),
    "admin": ("a-admin", "operator"), "admin's new": ("a-admin", "operator"), "viewer": ("a-viewer", "viewer"),
    "technician": ("a-technician", "operator"), "root": ("rita", "root"), "other root": ("rob", "root"),
    "stranger": ("a-engineer", "approver"),
}  # fmt: skip
_UNLISTED: Final = frozenset({"stranger", "admin's new"})
_CENTER: Final = """[center.commands]
manifest = "keys.jws"
gateway_keys = "gateway-keys"
witness = "witness.pem"
"""
_GATEWAY: Final = """[site]
name = "{site}"
gateway = "{name}"
run_dir = "{folder}/gateway/run"
[health]
metrics = "127.0.0.1:0"
flush_s = 2
[health.outbox]
path = "outbox.db"
block_rows = 5
[[health.sources]]
type = "host"
period_s = 1
[[health.links]]
type = "https"
url = "https://127.0.0.1:{port}"
ca = "{folder}/pki/ca.pem"
certificate = "{folder}/pki/{name}.pem"
key = "{folder}/pki/{name}.key"
reconnect_s_max = 0.5
[health.commands]
key = "{folder}/gateway/receipt.pem"
manifest = "keys.jws"
state = "commands"
"""


@dataclass(frozen=True)
class Shown:
    """A proposal as somebody was shown it."""

    jti: str
    digest: str
    payload: bytes


@dataclass
class Taking:
    """A gateway that takes commands, and who signs them.

    Attributes:
        people: Keys, by what they are for.
        metrics: Address of the center's metrics.
        true: Names of commands that shall be done, each with the digest that was shown.
        shown: Every proposal that was shown.
        refused: How many signatures the center has not taken.
        kept: What a case leaves for its later parts; `keys` is the first manifest.
    """

    center: Center
    people: dict[str, Holder]
    gateway: Gateway
    key: Signer
    metrics: str
    true: dict[str, str] = field(default_factory=dict)
    shown: list[Shown] = field(default_factory=list)
    refused: int = 0
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        """Say where its audit is, and what it remembers."""
        return self.gateway.folder / "commands"

    # What is seen

    def journal(self) -> list[dict[str, Any]]:
        """Give the lines of the gateway's audit, as they are on the disk now."""
        data = (self.state / "audit/journal.jsonl").read_bytes()
        return [json.loads(line) for line in data.split(b"\n")[:-1]]

    def accepted(self) -> list[tuple[str, str]]:
        """Give name and digest of commands that the gateway has let through, in their order."""
        lines = [line for line in self.journal() if line["kind"] == "state" and line["state"] == "accepted"]
        return [(line["jti"], line["digest"]) for line in lines]

    def forged(self, what: str) -> int:
        """Give how often the audit tells of something that the gateway has not followed."""
        lines = self.journal()
        told = [int(line["counts"].get(what, 0)) for line in lines if line["kind"] == "forged"]
        return sum(told) + sum(1 for line in lines if line.get("state") == "refused" and line["reason"] == what)

    def select(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the center's catalogue."""
        with contextlib.closing(sqlite3.connect(self.center.folder / "data/catalogue.sqlite3", timeout=30)) as file:
            return file.execute(question, values).fetchall()

    def change(self, statement: str, *values: object) -> None:
        """Change the center's catalogue beside the center, as whoever owns it can."""
        with contextlib.closing(sqlite3.connect(self.center.folder / "data/catalogue.sqlite3", timeout=30)) as file:
            file.execute(statement, values)
            file.commit()

    def note(self) -> tuple[int, str]:
        """Give the newest checkpoint that the center vouches for: how many lines, and its text."""
        question = "SELECT size, note FROM command_checkpoint WHERE gateway = ? ORDER BY size DESC LIMIT 1"
        rows = self.select(question, NAME)
        return (int(rows[0][0]), str(rows[0][1])) if rows else (0, "")

    def metric(self, name: str) -> float:
        """Read a number of the center's; 0 where it is not told."""
        with urllib.request.urlopen(self.metrics, timeout=10) as answer:  # noqa: S310 - our own center
            page = answer.read().decode()
        found = re.search(rf"^{re.escape(name)} (\S+)$", page, re.MULTILINE)
        return float(found[1]) if found else 0.0

    async def until(self, holds: Callable[[], bool], what: str, wait_s: float = WAIT_S) -> None:
        """Wait until something holds.

        Raises:
            RuntimeError: It does not.
        """
        end = time.monotonic() + wait_s
        while not holds():
            if time.monotonic() > end:
                raise RuntimeError(f"not in {wait_s:g} s: {what}: {self.gateway.text()[-400:]}")
            await asyncio.sleep(0.1)

    async def until_stated(self, boot: str = "") -> None:
        """Wait until the center knows a statement of the gateway, of another boot than this."""
        question = "SELECT 1 FROM command_statement WHERE gateway = ? AND boot <> ?"
        await self.until(lambda: bool(self.select(question, NAME, boot)), "a statement at the center")

    # What people do

    async def propose(self, actor: Actor, verb: str) -> Shown:
        """Propose something, and look at it."""
        body = {"gateway": NAME, "verb": verb, "args": {}, "ticket": "T-1", "reason": "it smells of smoke"}
        return await self.look(actor, json.loads((await self.must(actor, API, body)).body)["jti"])

    async def look(self, actor: Actor, jti: str) -> Shown:
        """Look at a proposal in the console; what the API gives has to be the same.

        Raises:
            RuntimeError: It is another.
        """
        told = json.loads((await self.center.ask(actor, "GET", f"{API}/{jti}")).body)
        page = (await self.center.ask(actor, "GET", f"/commands/{jti}")).body.decode()
        shown = re.findall(r"<dt>SHA-256</dt><dd><code>([0-9a-f]{64})</code>", page)
        payload = base64.urlsafe_b64decode(told["payload"] + "=" * (-len(told["payload"]) % 4))
        if shown != [told["command"]["digest"]] or hashlib.sha256(payload).hexdigest() != shown[0]:
            raise RuntimeError(f"page and API show other bytes of {jti}: {shown}")
        self.shown.append(Shown(jti, shown[0], payload))
        return self.shown[-1]

    async def hand_in(self, actor: Actor, shown: Shown, signed: dict[str, str]) -> Reply:
        """Hand in a signature, which may not be taken."""
        return await self.center.ask(actor, "POST", f"{API}/{shown.jti}/signatures", signed)

    async def must(self, actor: Actor, path: str, body: object) -> Reply:
        """Post what has to be taken.

        Raises:
            RuntimeError: It is not: what is tried afterwards would prove nothing.
        """
        reply = await self.center.ask(actor, "POST", path, body)
        if reply.status not in {200, 201}:
            raise RuntimeError(f"{reply.asked[:80]!r} got {reply.status}: {reply.body[:200]!r}")
        return reply

    async def done(self, shown: Shown) -> str:
        """Wait until a command that all have signed has come to its end; give what is wrong."""
        self.true[shown.jti] = shown.digest
        question = "SELECT state, why FROM command WHERE jti = ?"
        await self.until(lambda: self.select(question, shown.jti)[0][0] in ENDED, f"the end of {shown.jti}")
        state, why = self.select(question, shown.jti)[0]
        return "" if state == "done" else f"a command that all have signed is {state}: {why}"

    async def do(self, actor: Actor, verb: str, *holders: str) -> str:
        """Have something proposed, signed and done; give what is wrong."""
        shown = await self.propose(actor, verb)
        for each in holders:
            await self.must(actor, f"{API}/{shown.jti}/signatures", signature(shown.payload, self.people[each]))
        return await self.done(shown)


def signature(payload: bytes, holder: Holder) -> dict[str, str]:
    """Sign, and give what is handed in."""
    made = parse(seal(payload, [holder.signer], COMMAND), COMMAND).signatures[0]
    return {"kid": made.kid, "signature": base64.urlsafe_b64encode(made.value).rstrip(b"=").decode()}


def keys(site: Taking, version: int, *without: str, also: tuple[str, ...] = ()) -> bytes:
    """Give a key manifest of all who are listed, but for some."""
    named = [name for name in site.people if name not in {*_UNLISTED, *without} or name in also]
    roots = [site.people["root"], site.people["other root"]]
    return manifest(version, [site.people[name] for name in named], roots)


@contextlib.asynccontextmanager
async def taking(center: Center) -> AsyncIterator[Taking]:
    """Let the gateway run for as long as the block lasts."""
    if "commands" not in center.kept:
        center.kept["commands"] = await _arrange(center)
    site: Taking = center.kept["commands"]
    boots = site.select("SELECT boot FROM command_statement WHERE gateway = ?", NAME)
    try:
        await site.gateway.start()
        await site.until_stated(boots[0][0] if boots else "")
        yield site
    finally:
        await site.gateway.kill()


async def _arrange(center: Center) -> Taking:
    """Give the center the settings, and everybody his keys."""
    await center.process.stop()
    folder, box = center.folder, center.folder / "gateway"
    for each in (folder / "people", folder / "gateway-keys", box, box / "run"):
        each.mkdir(mode=0o700)
    people = {
        name: Holder(person, role, make_key(folder / f"people/{name.replace(' ', '-')}.pem"))
        for name, (person, role) in _PEOPLE.items()
    }
    locked = folder / "people/a-engineer.pem"
    make_locked(locked, "ed25519", PASSPHRASE.encode())
    people["engineer"] = Holder("a-engineer", "approver", Signer(locked, PASSPHRASE.encode()))
    key = make_key(box / "receipt.pem")
    make_key(folder / "witness.pem")
    (folder / f"gateway-keys/{NAME}.pem").write_bytes((box / "receipt.pub").read_bytes())
    port, metrics = free_ports(2)
    settings = folder / "center.toml"
    text = settings.read_text(encoding="utf-8").replace("[center]\n", f'[center]\nmetrics = "127.0.0.1:{metrics}"\n', 1)
    text = text.replace('[center.https]\naddress = "127.0.0.1:0"', f'[center.https]\naddress = "127.0.0.1:{port}"')
    settings.write_text(text + _CENTER, encoding="utf-8")
    (box / "site.toml").write_text(_GATEWAY.format(site=SITE["A"], name=NAME, folder=folder, port=port), "utf-8")
    site = Taking(center, people, Gateway(box), key, f"http://127.0.0.1:{metrics}/metrics")
    for name in ("signature", "receipt", "arrival", "statement", "checkpoint", "manifest", "gateway", "suspicion"):
        site.change(f"DELETE FROM command_{name}")  # noqa: S608 - our words
    site.change("DELETE FROM command")
    site.kept["keys"] = keys(site, 1)
    for place in (folder, box):
        (place / "keys.jws").write_bytes(site.kept["keys"])
    await center.start()
    return site
