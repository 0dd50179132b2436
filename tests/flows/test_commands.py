"""This file brings commands to a real gateway process; it guards that it does what people signed, once, and no more.

Center and broker are the test's own, so that it can do whatever somebody does who owns them: all but sign.
"""

import base64
import json
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from isolane.center.store.command_views import CommandState
from isolane.security.checkpoint import open_note
from isolane.security.envelope import COMMAND, RECEIPT, assemble, parse, seal
from isolane.wire.command import Command, read, write
from isolane.wire.receipt import BYTES_MAX, Receipt
from support.broker import Pki, make_pki
from support.command_site import CommandSite
from support.outboxes import GATEWAY, SITE
from support.proposals import Signatories, signed_by


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"), GATEWAY)


@pytest.fixture(params=[pytest.param("mqtt", marks=pytest.mark.broker), "https"])
async def site(request: pytest.FixtureRequest, tmp_path: Path, pki: Pki) -> AsyncIterator[CommandSite]:
    async with CommandSite(tmp_path, pki, request.param).running() as site:
        yield site


@pytest.fixture
async def https_site(tmp_path: Path, pki: Pki) -> AsyncIterator[CommandSite]:
    async with CommandSite(tmp_path, pki, "https").running() as site:
        yield site


async def test_what_two_people_sign_is_done_once_and_answered(site: CommandSite) -> None:
    people = site.people
    status = await site.run("status")
    assert [each.state for each in status.receipts] == ["accepted", "done"]
    answer = read(parse(status.receipts[-1].data, RECEIPT, BYTES_MAX).payload, Receipt)
    assert (answer.jti, answer.digest, answer.gw) == (status.command.jti, status.command.digest, GATEWAY)
    assert set(answer.result) >= {"release", "uptime_s", "links", "outbox"}
    assert (await site.run("freeze.set")).command.state == CommandState.DONE
    frozen = await site.commands.statement(GATEWAY)
    assert frozen is not None
    cleared = await site.run("freeze.clear", people.ann, people.bob)
    assert cleared.command.state == CommandState.DONE
    # The audit's checkpoint with the last receipt is one that the center vouches for sooner or later, by its own key.
    proof = read(parse(cleared.receipts[-1].data, RECEIPT, BYTES_MAX).payload, Receipt)
    point, _ = open_note(proof.checkpoint, {GATEWAY: site.gateway_key.public_key})
    assert point.size > proof.entry
    # A copy is known, by its name and its number, and not answered again.
    await site.bring(cleared.command, cleared.envelope)
    await site.refused("replay")
    after = await site.commands.one(cleared.command.jti)
    assert after is not None
    assert [each.state for each in after.receipts] == ["accepted", "done"]
    assert await site.counted("done") == 3
    # Receipts are papers: they stand in the books like samples.
    lines = [line for line in await site.catalogue.ledger(SITE) if line.stream == 15]
    assert sum(line.blocks for line in lines) >= 6


async def test_whoever_owns_the_center_gets_nothing_done(https_site: CommandSite) -> None:
    """Its database, its links and its own key are the attacker's; the keys of people are not."""
    site, people = https_site, https_site.people
    clear, again, other = [await site.propose("freeze.clear") for _ in range(3)]
    half = seal(clear.payload, [people.ann.signer], COMMAND)
    told = read(clear.payload, Command)
    attacks = {
        "unsigned": [b'{"payload":"e30","signatures":[]}'],
        "unknown-key": [
            seal(clear.payload, [people.eve.signer], COMMAND),
            seal(clear.payload, [site.gateway_key, people.ann.signer], COMMAND),
        ],
        "threshold": [half, seal(again.payload, [people.ann.signer, people.ann_again.signer], COMMAND)],
        "audience": [_signed(told, people, aud="gw-9")],
        "class": [_signed(told, people, appr={"class": "R4", "need": 1})],
        "rights": [seal(again.payload, [people.ann.signer, people.vic.signer], COMMAND)],
        "requester": [seal(other.payload, [people.olga.signer, people.bob.signer], COMMAND)],
        "verb": [_signed(told, people, verb="shell")],
        "boot": [_signed(told, people, boot="A" * 22, jti="B" * 22, seq=told.seq + 9)],
        "challenge": [_signed(told, people, chal="A" * 22, jti="C" * 22, seq=told.seq + 10)],
        "arguments": [_signed(told, people, args={"x": "$(id)"}, jti="D" * 22, seq=told.seq + 11)],
        "signature": [_altered(half, told), _mixed(half, seal(again.payload, [people.bob.signer], COMMAND))],
    }
    for reason, envelopes in attacks.items():
        for number, envelope in enumerate(envelopes, 1):
            # In the place of a command of its own, so that no receipt of another attack moves it.
            await site.bring(await site.propose("status"), envelope)
            await site.refused(reason, number)
    assert await site.counted("done") == 0
    found = await site.commands.one(clear.jti)
    assert found is not None
    assert "done" not in {each.state for each in found.receipts}


async def test_nothing_signed_before_a_restart_is_good_after_it(https_site: CommandSite) -> None:
    """A restart, a kill in the middle, a disk image that is put back."""
    site, state = https_site, https_site.box / "commands"
    image = site.box / "image"
    before = await signed_by(site.commands, await site.propose("status"), [site.people.ann])
    first = await site.ended(before.jti)
    site.health.kill()
    shutil.copytree(state, image)
    await site.restart()
    await site.bring(before, first.envelope)
    await site.refused("replay")
    frozen = await site.run("freeze.set")
    killed = await signed_by(site.commands, await site.propose("status"), [site.people.ann])
    site.health.kill()
    shutil.rmtree(state)
    shutil.copytree(image, state)
    stated = await site.restart()
    assert not stated.is_frozen
    # The image knows nothing of the freeze; its command is for a boot that is no more.
    await site.bring(frozen.command, frozen.envelope)
    await site.refused("boot")
    ended = await site.ended(killed.jti)
    assert ended.command.state in {CommandState.REFUSED, CommandState.UNKNOWN, CommandState.DONE}
    # And the center has seen more of the audit than the image has.
    suspicions = {each.kind for each in await site.commands.suspicions()}
    assert suspicions & {"rollback", "fork"}
    assert site.desk.suspicions


async def test_no_clock_makes_good_again_what_was_signed_before(https_site: CommandSite) -> None:
    """A clock that is set back a year, while the gateway runs and before it starts: the time of signing comes again."""
    site = https_site
    site.health.clock = site.box / "clock"
    site.health.clock.write_text("0", encoding="ascii")
    await site.restart()
    done = await site.run("status")
    held = await site.propose("freeze.set")
    held_back = seal(held.payload, [site.people.ann.signer], COMMAND)
    site.health.clock.write_text("-31536000", encoding="ascii")
    await site.bring(done.command, done.envelope)
    await site.refused("replay")
    stated = await site.restart()
    assert stated.said_ms < (time.time() - 31_000_000) * 1000
    await site.bring(done.command, done.envelope)
    await site.refused("replay")
    await site.bring(held, held_back)
    await site.refused("boot")
    assert (await site.run("status")).command.state == CommandState.DONE


def _signed(command: Command, people: Signatories, **changed: object) -> bytes:
    """Have ann and bob sign other bytes than they were shown: what a signer must never do, and a gateway withstands."""
    told = json.loads(write(command))
    payload = json.dumps(told | changed, ensure_ascii=False, separators=(",", ":")).encode()
    return seal(payload, [people.ann.signer, people.bob.signer], COMMAND)


def _altered(envelope: bytes, command: Command) -> bytes:
    """Give other bytes with the same signatures."""
    told = json.loads(write(command)) | {"verb": "status"}
    payload = base64.urlsafe_b64encode(json.dumps(told, separators=(",", ":")).encode()).rstrip(b"=").decode()
    return json.dumps(json.loads(envelope) | {"payload": payload}, separators=(",", ":")).encode()


def _mixed(first: bytes, second: bytes) -> bytes:
    """Give the first one's payload with the signatures of both."""
    one, other = parse(first, COMMAND), parse(second, COMMAND)
    return assemble(one.payload, [*one.signatures, *other.signatures])
