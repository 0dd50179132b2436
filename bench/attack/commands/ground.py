"""This file stands a gateway that takes commands up; it guards that all of it is real but the clocks, and ends.

Relay, tap, CSMS and a charger with OCPP 2.0.1 are those of every case. Beside them mosquitto as `isolane init`
configures it, but for the client id, which the center may choose as it may where gateways enrol; the center; the
gateway gw-01. Whoever attacks owns broker and center: he has the center's certificate, hears all that goes up, and
brings down what he likes.
"""

import asyncio
import contextlib
import json
import re
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.attack.charger import Charger
from bench.attack.commands.forge import compose, sign
from bench.attack.commands.people import Holder, People
from bench.attack.ground import Ground
from bench.attack.process import Process
from bench.attack.uplink.client import Client
from bench.attack.uplink.ground import Broker

from isolane.core.strict_json import read as read_json
from isolane.security.authority import Identity
from isolane.security.envelope import RECEIPT, STATEMENT, parse, verify
from isolane.security.signing import Signer, key_id
from isolane.wire.block import gateway_tag
from isolane.wire.command import Statement, read
from isolane.wire.errand import Down, decode_stated, down_errand_topic
from isolane.wire.paper import decode_paper
from isolane.wire.receipt import BYTES_MAX, KIND, Receipt
from isolane.wire.verbs.catalogue import VERBS

SITE: Final = "site"
GATEWAY, OTHER = "gw-01", "gw-02"
CHARGER: Final = "CP1"
RESET: Final = "charger.reset"
WAIT_S: Final = 120.0
ENDED: Final = frozenset({"refused", "done", "failed", "expired", "unknown-after-restart"})
_FORGED_S: Final = 61
"""After so long the audit gets its line of what was forged."""


class Gateway(Process):
    """The health process with clocks that are moved.

    Args:
        folder: Its own.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__("health", folder / "site.toml", folder / "health.log")
        self.folder = folder
        self._clock: dict[str, object] = {"utc_s": 0, "mono_s": 0, "synced": True}
        self.set_clock()

    async def launch(self) -> asyncio.subprocess.Process:
        """See `Process.launch`."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bench.attack.commands.gateway", str(self.folder), "-c", str(self.settings)),
                stdout=log, stderr=log,
            )  # fmt: skip
        return self.process

    def set_clock(self, **changed: object) -> None:
        """Move a clock: utc_s, mono_s, synced."""
        self._clock |= changed
        new = self.folder / "clock.new"
        new.write_text(json.dumps(self._clock), encoding="ascii")
        new.replace(self.folder / "clock")

    def pass_s(self, seconds: int) -> None:
        """Let time pass on both clocks."""
        self._add_s(seconds, "utc_s", "mono_s")

    def step_s(self, seconds: int) -> None:
        """Set the UTC clock by so much."""
        self._add_s(seconds, "utc_s")

    def _add_s(self, seconds: int, *names: str) -> None:
        self.set_clock(**{name: int(str(self._clock[name])) + seconds for name in names})

    @property
    def started(self) -> str:
        """What it has started."""
        file = self.folder / "started"
        return file.read_text(encoding="utf-8") if file.exists() else ""


@dataclass
class CommandGround:
    """A running target.

    Attributes:
        base: Relay, tap, CSMS.
        folder: Of all that is not theirs.
        attacker: A session at the broker with the center's certificate.
        true: Names of commands that people have signed and that shall be done.
        brought: How many commands were brought.
        before: Refusals of processes that are gone, by reason.
        state: Where the gateway's audit and its memory of commands are.
        center_page: The center's metrics.
        manifests: Manifests that had to be refused, by reason.
        resets: How many resets the charger had to get.
    """

    base: Ground
    folder: Path
    people: People
    key: Signer
    other_key: Signer
    broker: Broker
    center: Process
    gateway: Gateway
    state: Path
    center_page: str
    attacker: Client = field(default_factory=Client)
    charger: Charger = field(default_factory=lambda: Charger(CHARGER))
    true: set[str] = field(default_factory=set)
    brought: int = 0
    seq: int = 0
    before: Counter[str] = field(default_factory=Counter)
    manifests: Counter[str] = field(default_factory=Counter)
    resets: int = 0
    began: float = field(default_factory=time.monotonic)

    def identity(self, name: str) -> Identity:
        """Give somebody's certificate."""
        return Identity(self.folder / f"pki/{name}.pem", self.folder / f"pki/{name}.key")

    def settle(self) -> None:
        """From here on it counts."""
        self.began = time.monotonic()

    # What is heard.

    def statements(self) -> list[Statement]:
        """Give what the gateway has stated, each checked with its key."""
        found = []
        for topic, payload, _ in list(self.attacker.heard):
            if topic == f"isolane/{SITE}/{GATEWAY}/up/statement":
                envelope = parse(decode_stated(payload).statement.encode(), STATEMENT)
                verify(envelope, {key_id(self.key.public_key): self.key.public_key})
                found.append(read(envelope.payload, Statement))
        return found

    @property
    def said(self) -> Statement:
        """The newest statement."""
        return self.statements()[-1]

    def receipts(self) -> dict[str, list[Receipt]]:
        """Give the gateway's receipts by command, each once, each checked with its key."""
        found: dict[str, dict[bytes, Receipt]] = {}
        tag = gateway_tag(SITE, GATEWAY)
        for topic, payload, _ in list(self.attacker.heard):
            if topic == f"isolane/{SITE}/{GATEWAY}/up/paper":
                paper = decode_paper(payload, tag)
                if paper.kind == KIND:
                    envelope = parse(paper.body, RECEIPT, BYTES_MAX)
                    verify(envelope, {key_id(self.key.public_key): self.key.public_key})
                    receipt = read(envelope.payload, Receipt)
                    found.setdefault(receipt.jti, {})[paper.body] = receipt
        return {jti: list(each.values()) for jti, each in found.items()}

    def journal(self) -> list[dict[str, Any]]:
        """Give the lines of the gateway's audit, as they are on the disk now."""
        data = (self.state / "audit/journal.jsonl").read_bytes()
        lines = [read_json(line) for line in data.split(b"\n")[:-1]]
        return [line for line in lines if isinstance(line, dict)]

    def accepted(self) -> list[str]:
        """Give the names of commands that were let through, in their order."""
        return [line["jti"] for line in self.journal() if line["kind"] == "state" and line["state"] == "accepted"]

    def select(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the center's catalogue."""
        with contextlib.closing(sqlite3.connect(self.folder / "data/catalogue.sqlite3", timeout=30)) as database:
            return database.execute(question, values).fetchall()

    def note(self) -> tuple[int, str]:
        """Give the newest checkpoint that the center vouches for: how many lines, and its text."""
        rows = self.select(
            "SELECT size, note FROM command_checkpoint WHERE gateway = ? ORDER BY size DESC LIMIT 1", GATEWAY
        )
        return (int(rows[0][0]), str(rows[0][1])) if rows else (0, "")

    async def refusals(self) -> Counter[str]:
        """Give how many commands were refused, by reason, by all processes there were."""
        return self.before + Counter(
            {reason: number for (state, reason), number in (await self._counts()).items() if state == "refused"}
        )

    async def handled(self) -> int:
        """Give how many commands have come to an end in this process."""
        return sum((await self._counts()).values())

    async def errands(self, kind: Down, outcome: str) -> float:
        """Give how many of a kind came so."""
        name = f'isolane_health_errands_total{{kind="{kind.value}",outcome="{outcome}"}}'
        return await self.base.metric(self.gateway, name)

    async def _counts(self) -> dict[tuple[str, str], int]:
        page = await self.base.page(self.gateway)
        found = re.findall(r'^isolane_health_commands_total\{reason="(.*?)",state="(.*?)"\} (\S+)$', page, re.MULTILINE)
        return {(state, reason): int(float(number)) for reason, state, number in found}

    def calls(self) -> list[str]:
        """Give the actions that the charger was called with."""
        messages = self.charger.link.messages if self.charger.link else []
        return [told[2] for told in map(json.loads, messages) if told[0] == 2]

    # What is done.

    def bring(self, data: bytes, kind: Down = Down.COMMAND) -> None:
        """Bring something down."""
        self.brought += kind is Down.COMMAND
        self.attacker.publish(down_errand_topic(SITE, GATEWAY, kind), data)

    def told(self, verb: str = RESET, args: dict[str, object] | None = None, **changed: Any) -> dict[str, object]:  # noqa: ANN401 - members of a command
        """Make a payload, signed by nobody; `who` asks, ann if nobody is named."""
        self.seq += 1
        given: dict[str, object] = {"charger": CHARGER} if args is None and verb == RESET else args or {}
        who = changed.pop("who", self.people.ann)
        now_s = int(changed.pop("now_s", time.time()))
        return compose(self.said, verb, given, seq=self.seq, now_s=now_s, who=who, **changed)

    def true_command(self, verb: str = RESET, *signers: Holder, **more: Any) -> tuple[str, bytes]:  # noqa: ANN401
        """Have people sign a command that shall be done; give its name and the envelope."""
        told = self.told(verb, **more)
        jti = str(told["jti"])
        self.true.add(jti)
        default = (self.people.ann, self.people.bob)[: VERBS[verb].need]
        return jti, sign(told, *(signers or default))

    async def do(self, verb: str = RESET, *signers: Holder, **more: Any) -> Receipt:  # noqa: ANN401
        """Have a command signed and brought; give how it ended."""
        jti, data = self.true_command(verb, *signers, **more)
        self.bring(data)
        return await self.ended(jti)

    async def reset(self) -> str:
        """Have two people reset the idle charger, which it is when the tap has told so; give what is wrong."""
        end = time.monotonic() + WAIT_S
        while True:
            before = self.calls().count("Reset")
            ended = await self.do()
            if ended.state == "done":
                self.resets += 1
                number = self.calls().count("Reset")
                return "" if number == before + 1 else f"the charger got {number - before} resets of one command"
            if ended.reason not in {"interlock", "rate", "busy"} or time.monotonic() > end:
                return f"a true command is {ended.state}, {ended.reason}: {ended.detail}"
            self.true.discard(ended.jti)
            if ended.reason == "rate":
                self.gateway.pass_s(10)
            await asyncio.sleep(1)

    async def ended(self, jti: str) -> Receipt:
        """Wait for the last receipt of a command.

        Raises:
            RuntimeError: There is none.
        """
        what = f"receipt of {jti}{', the attacker hears nothing any more' * self.attacker.ended.is_set()}"
        try:
            await self.until(lambda: any(each.state in ENDED for each in self.receipts().get(jti, ())), what)
        except RuntimeError as error:
            audit = [line for line in self.journal() if line.get("jti") == jti]
            raise RuntimeError(f"{error} the audit: {audit}") from error
        return next(each for each in self.receipts()[jti] if each.state in ENDED)

    async def brought_in(self, number: int, before: int) -> None:
        """Wait until so many more commands have come to an end than before.

        Raises:
            RuntimeError: They have not.
        """
        end = time.monotonic() + WAIT_S
        while (now := await self.handled()) < before + number:
            if time.monotonic() > end:
                raise RuntimeError(f"{now - before} of {number} commands were looked at: {self.gateway.text()[-300:]}")
            await asyncio.sleep(0.1)

    async def until(self, holds: Callable[[], bool], what: str, wait_s: float = WAIT_S) -> None:
        """Wait until something holds.

        Raises:
            RuntimeError: It does not.
        """
        end = time.monotonic() + wait_s
        while not holds():
            if time.monotonic() > end:
                raise RuntimeError(f"not in {wait_s:g} s: {what}: {self.gateway.text()[-400:]}")
            await asyncio.sleep(0.05)

    def written(self) -> Counter[str]:
        """Give what the audit tells of refusals, by reason: a line each, or counted in a line."""
        found: Counter[str] = Counter()
        for line in self.journal():
            if line["kind"] == "state" and line["state"] == "refused":
                found[line["reason"]] += 1
            elif line["kind"] == "forged":
                found.update(line["counts"])
        return found

    async def note_forged(self) -> None:
        """Have a minute pass, and wait until the audit tells of all that was refused, manifests included."""
        self.gateway.pass_s(_FORGED_S)
        end = time.monotonic() + WAIT_S
        while (wanted := await self.refusals() + self.manifests) != self.written() and time.monotonic() < end:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.2)
        if wanted != self.written():
            raise RuntimeError(f"refused were {dict(wanted)}, the audit tells of {dict(self.written())}")

    async def restart(self, **clock: object) -> None:
        """Have the audit written, kill the gateway, and start it again, with other clocks if some are named."""
        await self.note_forged()
        before, self.before = self.said.boot, await self.refusals()
        await self.gateway.kill()
        self.gateway.set_clock(**clock)
        await self.gateway.start()
        await self.until(lambda: self.said.boot != before, "a statement of the new process")

    async def plug(self) -> None:
        """Connect the charger, and have it say that it is free.

        Raises:
            RuntimeError: It is not let in.
        """
        protocol = "Sec-WebSocket-Protocol: ocpp2.0.1"
        self.charger = await self.base.connect(CHARGER, [protocol])
        self.base.living.remove(self.charger)  # the gateway's own calls are in no CSMS's journal
        if self.charger.status != 101:
            raise RuntimeError(f"the charger got {self.charger.status}")
        await self.free()

    async def free(self) -> None:
        """Have the charger say that it is free."""
        status = {"timestamp": "2026-01-01T00:00:00Z", "connectorStatus": "Available", "evseId": 1, "connectorId": 1}
        await self.charger.call("Heartbeat", {})
        await self.charger.call("StatusNotification", status)
