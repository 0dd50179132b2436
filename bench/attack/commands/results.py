"""This file posts results that are not the gateway's; it guards that the center takes none, and that each is told.

gw-02 is a gateway like gw-01, with a certificate and a key of its own that the center knows; gw-01's certificate, not
its key for receipts, has been stolen.
"""

import asyncio
import hashlib
import http.client
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from bench.attack.commands.court import Move, step
from bench.attack.commands.forge import base64url
from bench.attack.commands.ground import GATEWAY, OTHER, SITE, CommandGround
from bench.attack.commands.observed import unwanted, vouched
from bench.attack.commands.people import Holder
from bench.attack.fill import UnknownError
from bench.attack.uplink.client import client, trusting

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.command_book import SqlCommands
from isolane.center.store.command_views import Asked, ProposedCommand
from isolane.center.store.database import open_database
from isolane.center.store.port import UnavailableError
from isolane.security.envelope import COMMAND, RECEIPT, parse, seal
from isolane.security.signing import Signer
from isolane.wire.block import BlockKey, gateway_tag
from isolane.wire.command import read, write
from isolane.wire.paper import PAPERS, Paper, encode_paper
from isolane.wire.receipt import BYTES_MAX, KIND, Receipt
from isolane.wire.uplink import Up, ingest_path, up_topic

_KINDS: Final = frozenset({"foreign-receipt", "unknown-command", "receipt"})


@dataclass
class _Poster:
    """Somebody with a gateway's certificate: he numbers his papers as a gateway that was just started."""

    ground: CommandGround
    name: str
    sequence: int = 0

    def paper(self, body: bytes) -> bytes:
        """Write a paper of this gateway's."""
        self.sequence += 1
        now_ms = time.time_ns() // 1_000_000
        key = BlockKey(now_ms - now_ms % 1000 + self.sequence, PAPERS, 1)
        return encode_paper(Paper(key, now_ms, KIND, body), gateway_tag(SITE, self.name))

    async def post(self, data: bytes, as_gateway: str = "") -> int:
        """Post it over HTTPS; give the status."""
        ground = self.ground
        tls = trusting(ground.folder / "pki/ca.pem", ground.identity(self.name))
        port = int(re.findall(r"https://127\.0\.0\.1:(\d+)", ground.center.ready)[0])

        def work() -> int:
            way = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=tls)
            way.request("POST", ingest_path(SITE, as_gateway or self.name, Up.PAPER), data)
            status = way.getresponse().status
            way.close()
            return status

        return await asyncio.to_thread(work)


@step("publish")
async def publish(move: Move) -> None:
    """Post results of a command of gw-01's in all ways that there are.

    Raises:
        UnknownError: It is to be something else.
    """
    if move.arg != {"as": OTHER, "result_for": f"cmd of {GATEWAY}"}:
        raise UnknownError(f"publish {move.arg!r}")
    ground = move.ground
    question = "SELECT 1 FROM command_statement WHERE gateway = ?"
    await ground.until(lambda: bool(ground.select(question, GATEWAY)), "a statement at the center")
    asked = await _propose(ground, "status", ground.people.ann)
    ground.true.add(asked.jti)
    genuine = await ground.ended(asked.jti)
    command = await _propose(ground, "charger.reset")  # nobody has signed it, so nobody does it
    receipt = _done(genuine, command)
    other, stolen = _Poster(ground, OTHER), _Poster(ground, GATEWAY)
    bodies = {
        "in gw-01's name": _sealed(receipt, ground.other_key),
        "in its own name": _sealed(msgspec.structs.replace(receipt, gw=OTHER), ground.other_key),
        "without a command": _sealed(msgspec.structs.replace(receipt, gw=OTHER, jti="A" * 22), ground.other_key),
        "gw-01's own, of another command": _sealed(genuine, ground.key),
    }
    wrong = []
    for label, body in bodies.items():
        status = await other.post(other.paper(body))
        wrong += [] if status == http.client.OK else [f"{label}: the center's ingest says {status}"]
    altered = _sealed(genuine, ground.key).replace(b'"payload":"', b'"payload":"e30', 1)
    resealed = _sealed(msgspec.structs.replace(genuine, result={"release": "9.9.9"}), ground.other_key)
    for body in (altered, resealed, _sealed(receipt, ground.other_key)):
        await stolen.post(stolen.paper(body))
    wrong += await _elsewhere(ground, other, _sealed(receipt, ground.other_key))
    expected = {(OTHER, "receipt"), (OTHER, "foreign-receipt"), (OTHER, "unknown-command"), (GATEWAY, "receipt")}
    await _until_told(ground, expected)
    wrong += _taken(ground, command, genuine)
    move.measures["accepted"] = "; ".join(wrong) if wrong else False
    move.kept["published"] = len(bodies) + 6
    move.kept["audit"] = "; ".join(_suspected(ground, expected) + unwanted(ground) + await _closing(ground))
    move.notes.append(
        f"{move.kept['published']} results that are not gw-01's, by MQTT and HTTPS; suspicions {expected}"
    )


async def _propose(ground: CommandGround, verb: str, *signers: Holder) -> ProposedCommand:
    """Have the center propose something, and people sign it; it brings what all have signed."""
    catalogue = SqlCatalogue(open_database(ground.folder / "data/catalogue.sqlite3"))
    args: dict[str, object] = {"charger": "CP1"} if verb == "charger.reset" else {}
    try:
        commands = SqlCommands(catalogue)
        asked = Asked(
            gateway=GATEWAY, verb=verb, args=args, person="ann", ticket="T-1", reason="it hangs", proposed_by="attack"
        )
        command = await _patiently(lambda: commands.propose(asked))
        for each in signers:
            made = parse(seal(command.payload, [each.signer], COMMAND), COMMAND).signatures[0]
            value = base64url(made.value)
            command = await _patiently(lambda: commands.sign(command.jti, each.signer.key_id, value))  # noqa: B023 - it is awaited here
        return command
    finally:
        await catalogue.close()


async def _patiently(change: Callable[[], Awaitable[ProposedCommand]]) -> ProposedCommand:
    """Change the center's database beside the center, which may have written meanwhile: then once more."""
    end = time.monotonic() + 30
    while True:
        try:
            return await change()
        except UnavailableError:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.1)


def _done(genuine: Receipt, command: ProposedCommand) -> Receipt:
    changed = {"jti": command.jti, "digest": command.digest, "verb": command.verb, "result": {"status": "Accepted"}}
    return msgspec.structs.replace(genuine, **changed)


def _sealed(receipt: Receipt, key: Signer) -> bytes:
    return seal(write(receipt), [key], RECEIPT)


async def _elsewhere(ground: CommandGround, other: _Poster, body: bytes) -> list[str]:
    """Speak as gw-02 on gw-01's topic and path."""
    wrong = []
    tag = gateway_tag(SITE, GATEWAY)
    paper = encode_paper(Paper(BlockKey(1, PAPERS, 1), time.time_ns() // 1_000_000, KIND, body), tag)
    status = await other.post(paper, GATEWAY)
    wrong += [] if status == http.client.FORBIDDEN else [f"posted as {GATEWAY}: {status}"]
    tls = trusting(ground.folder / "pki/ca.pem", ground.identity(OTHER))
    async with client(ground.broker.port, tls, OTHER) as session:
        session.publish(up_topic(SITE, GATEWAY, Up.PAPER), paper)
        session.publish(up_topic(SITE, OTHER, Up.PAPER), other.paper(body))
        if not await session.until(lambda: session.acknowledged == 2, 20):
            wrong.append("the broker has not answered")
        wrong += [] if len(session.refused) == 1 else [f"the broker refused {len(session.refused)} of 2"]
    return wrong


async def _until_told(ground: CommandGround, expected: set[tuple[str, str]]) -> None:
    end = time.monotonic() + 30
    while _suspected(ground, expected) and time.monotonic() < end:  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.2)


def _suspected(ground: CommandGround, expected: set[tuple[str, str]]) -> list[str]:
    rows = set(ground.select("SELECT gateway, kind FROM command_suspicion"))
    log = ground.center.text()
    wrong = [f"no suspicion {kind} of {gateway}" for gateway, kind in sorted(expected - rows)]
    wrong += [f"a suspicion {row}" for row in sorted(rows - expected)]
    return wrong + [
        f"no event of {name}"
        for name in {gateway for gateway, _ in expected}
        if f"security-event type=command gateway={name}" not in log
    ]


def _taken(ground: CommandGround, command: ProposedCommand, genuine: Receipt) -> list[str]:
    """Say what of it has changed anything."""
    state = ground.select("SELECT state FROM command WHERE jti = ?", command.jti)
    rows: list[tuple[Any, ...]] = ground.select("SELECT gateway, data FROM command_receipt")
    strange = [gateway for gateway, data in rows if not _is_own(gateway, bytes(data), ground)]
    wrong = [] if state == [("proposed",)] else [f"the command is {state}"]
    wrong += [f"receipts of {strange} were taken"] if strange else []
    known = hashlib.sha256(_sealed(genuine, ground.key)).hexdigest()
    also = [row for row in ground.select("SELECT gateway, sha256 FROM command_receipt") if row == (OTHER, known)]
    return wrong + (["another's receipt was taken for its own"] if also else [])


def _is_own(gateway: str, data: bytes, ground: CommandGround) -> bool:
    envelope = parse(data, RECEIPT, BYTES_MAX)
    return gateway == GATEWAY == read(envelope.payload, Receipt).gw and envelope.signatures[0].kid == ground.key.key_id


async def _closing(ground: CommandGround) -> list[str]:
    """Have a true command done, whose receipt the center proves by its own note."""
    ground.seq = max(ground.seq, *(int(seq) for (seq,) in ground.select("SELECT seq FROM command")))
    control = await ground.reset()
    return [control] if control else await vouched(ground)
