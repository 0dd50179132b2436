"""This file proposes and signs in both catalogues; it guards that nothing is ready but what people have signed."""

import dataclasses
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.command_book import SqlCommands
from isolane.center.store.command_desk import CommandDesk
from isolane.center.store.command_views import CommandError, CommandQuery, CommandState, NoSuchCommandError
from isolane.center.store.people_tables import AuditRow
from isolane.security.envelope import COMMAND, parse, verify
from isolane.security.key_manifest import first
from isolane.wire.command import Command, read
from support.proposals import SITE, Signatories, StatedGateway, asked, signature, signed_by

Open = Callable[[], SqlCatalogue]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Signatories:
    return Signatories(tmp_path_factory.mktemp("people"))


@pytest.fixture
def gateway(tmp_path: Path) -> StatedGateway:
    return StatedGateway(tmp_path)


class Center:
    """A center with a manifest, to which a gateway has stated itself."""

    def __init__(self, catalogue: SqlCatalogue, people: Signatories, gateway: StatedGateway) -> None:
        self.catalogue, self.people, self.gateway = catalogue, people, gateway
        self.later_s = 0.0
        self.commands = SqlCommands(catalogue, clock=self.now_s)
        self.desk = CommandDesk(catalogue)

    def now_s(self) -> float:
        return time.time() + self.later_s

    async def begin(self) -> "Center":
        await self.commands.enrol(self.gateway.name, self.gateway.public, "ida")
        await self.commands.take_manifest(self.people.manifest(1), "rita")
        await self.state()
        return self

    async def state(self, keys_ver: int = 1) -> None:
        await self.gateway.state(self.catalogue, self.gateway.stated(keys_ver=keys_ver))
        await self.desk.file()


@pytest.fixture
async def center(open_catalogue: Open, people: Signatories, gateway: StatedGateway) -> Center:
    return await Center(open_catalogue(), people, gateway).begin()


async def refused(work: Awaitable[object]) -> str:
    with pytest.raises(CommandError) as found:
        await work
    return found.value.reason


async def test_a_proposal_quotes_the_statement_and_its_declaration(center: Center, gateway: StatedGateway) -> None:
    proposed = await center.commands.propose(asked("freeze.clear"))
    command = read(proposed.payload, Command)
    stated = await center.commands.statement("gw-01")
    assert stated is not None
    assert (command.boot, command.chal, command.keys_ver) == (gateway.boot, stated.chal, 1)
    assert (command.aud, command.iss, command.appr.kind, command.appr.need) == ("gw-01", "center", "R4", 2)
    assert (command.req.sub, command.req.role, command.req.ticket) == ("ann", "operator", "T-1")
    assert command.exp - command.iat == 300
    assert (proposed.state, proposed.site, proposed.people) == (CommandState.PROPOSED, SITE, ())
    again = await center.commands.propose(asked("status"))
    assert read(again.payload, Command).seq == command.seq + 1
    assert [each.jti for each in (await center.commands.page(CommandQuery())).commands] == [again.jti, proposed.jti]


async def test_it_is_ready_when_all_have_signed(center: Center, people: Signatories) -> None:
    proposed = await center.commands.propose(asked("freeze.clear"))
    first_signed = await signed_by(center.commands, proposed, [people.ann])
    assert (first_signed.state, first_signed.people) == (CommandState.PROPOSED, ("ann",))
    # Two operators are two people, and none of them an approver.
    second = await signed_by(center.commands, proposed, [people.olga])
    assert second.state == CommandState.PROPOSED
    last = await signed_by(center.commands, proposed, [people.bob])
    assert (last.state, last.people) == (CommandState.READY, ("ann", "olga", "bob"))
    found = await center.commands.one(proposed.jti)
    assert found is not None
    envelope = parse(found.envelope, COMMAND)
    verify(envelope, first(people.manifest(1)).keys)
    assert envelope.payload == proposed.payload
    assert [each.person for each in found.signatures] == ["ann", "olga", "bob"]


async def test_signatures_that_do_not_count(center: Center, people: Signatories) -> None:
    commands = center.commands
    proposed = await commands.propose(asked("freeze.clear"))
    other = await commands.propose(asked("freeze.clear"))
    kid = people.ann.signer.key_id
    assert await refused(commands.sign(proposed.jti, kid, signature(other.payload, people.ann))) == "signature"
    assert await refused(commands.sign(proposed.jti, kid, signature(proposed.payload, people.bob))) == "signature"
    assert await refused(commands.sign(proposed.jti, kid, "AAAA")) == "signature"
    assert await refused(signed_by(commands, proposed, [people.eve])) == "rights"
    assert await refused(signed_by(commands, proposed, [people.vic])) == "rights"
    assert await refused(signed_by(commands, proposed, [people.roots[0]])) == "rights"
    await signed_by(commands, proposed, [people.ann])
    assert await refused(signed_by(commands, proposed, [people.ann])) == "signature"
    assert await refused(signed_by(commands, proposed, [people.ann_again])) == "signature"
    with pytest.raises(NoSuchCommandError):
        await commands.sign("A" * 22, kid, "")


async def test_what_cannot_be_proposed(center: Center, people: Signatories) -> None:
    commands = center.commands
    assert await refused(commands.propose(asked("shell"))) == "verb"
    assert await refused(commands.propose(asked("status", charger="CP1"))) == "verb"
    assert await refused(commands.propose(asked("status", gateway="gw-02"))) == "statement"
    assert await refused(commands.propose(asked("freeze.set", person="vic"))) == "person"
    assert await refused(commands.propose(asked("status", person="eve"))) == "person"
    assert await refused(commands.propose(dataclasses.replace(asked(), life_s=301))) == "verb"
    center.later_s = 16 * 60
    assert await refused(commands.propose(asked())) == "statement"
    center.later_s = 0
    await commands.take_manifest(people.manifest(2), "rita")
    assert await refused(commands.propose(asked())) == "keys"
    await center.state(keys_ver=2)
    assert (await commands.propose(asked())).keys_ver == 2


async def test_withdrawn_and_expired_take_no_signature(center: Center, people: Signatories) -> None:
    commands = center.commands
    taken_back, late = await commands.propose(asked()), await commands.propose(asked())
    assert (await commands.withdraw(taken_back.jti, "bob")).state == CommandState.WITHDRAWN
    assert await refused(signed_by(commands, taken_back, [people.ann])) == "state"
    assert await refused(commands.withdraw(taken_back.jti, "bob")) == "state"
    center.later_s = 301
    assert await refused(signed_by(commands, late, [people.ann])) == "state"
    found = await commands.one(late.jti)
    assert found is not None
    assert (found.command.state, found.command.why) == (CommandState.EXPIRED, "it was never sent")
    states = frozenset({CommandState.EXPIRED})
    assert [each.jti for each in (await commands.page(CommandQuery(states=states))).commands] == [late.jti]
    assert not (await commands.page(CommandQuery(sites=frozenset({"elsewhere"})))).commands


async def test_numbers_go_on_after_an_older_database_was_put_back(center: Center) -> None:
    """The gateway has seen all numbers up to now at most, so the time of the first one of a pause is beyond them."""
    before = read((await center.commands.propose(asked())).payload, Command).seq
    center.later_s = 400
    await center.state()
    after = read((await center.commands.propose(asked())).payload, Command).seq
    assert after >= before + 399


async def test_receipts_move_a_command_once_and_in_any_order(
    center: Center, people: Signatories, gateway: StatedGateway
) -> None:
    ready = await signed_by(center.commands, await center.commands.propose(asked()), [people.ann])
    done, accepted = gateway.receipt(ready, "done"), gateway.receipt(ready, "accepted")
    await center.catalogue.record(gateway.papers(done))
    await center.desk.file()
    await center.catalogue.record(gateway.papers(accepted, done))
    await center.desk.file()
    found = await center.commands.one(ready.jti)
    assert found is not None
    assert found.command.state == CommandState.DONE
    assert [(each.state, each.data) for each in found.receipts] == [("done", done), ("accepted", accepted)]
    assert center.desk.receipts == {("done", ""): 1}
    assert await refused(center.commands.withdraw(ready.jti, "bob")) == "state"


async def test_a_receipt_counts_for_its_own_gateway_and_bytes_alone(
    center: Center, people: Signatories, tmp_path: Path
) -> None:
    ready = await signed_by(center.commands, await center.commands.propose(asked()), [people.ann])
    other = StatedGateway(tmp_path, "gw-02")
    await center.commands.enrol("gw-02", other.public, "ida")
    await center.catalogue.admit(other.origin)
    altered = dataclasses.replace(ready, digest="0" * 64)
    unknown = dataclasses.replace(ready, jti="B" * 22)
    claims = [
        other.receipt(ready, "done"),
        other.receipt(ready, "done", gateway="gw-01"),
        center.gateway.receipt(ready, "done"),
        other.receipt(unknown, "done"),
        b"{}",
    ]
    await center.catalogue.record(other.papers(*claims))
    await center.catalogue.record(center.gateway.papers(center.gateway.receipt(altered, "done")))
    await center.desk.file()
    found = await center.commands.one(ready.jti)
    assert found is not None
    assert (found.command.state, found.receipts) == (CommandState.READY, [])
    told = {(each.gateway, each.kind): each.count for each in await center.commands.suspicions()}
    assert told == {
        ("gw-02", "foreign-receipt"): 2,
        ("gw-02", "receipt"): 2,
        ("gw-02", "unknown-command"): 1,
        ("gw-01", "foreign-receipt"): 1,
    }


async def test_what_is_not_enrolled_waits(open_catalogue: Open, people: Signatories, gateway: StatedGateway) -> None:
    catalogue = open_catalogue()
    commands, desk = SqlCommands(catalogue), CommandDesk(catalogue)
    await gateway.state(catalogue, gateway.stated())
    await desk.file()
    assert await commands.statement("gw-01") is None
    await commands.take_manifest(people.manifest(1), "rita")
    assert await refused(commands.enrol("gw-01", b"no key", "ida")) == "gateway"
    assert await commands.enrol("gw-01", gateway.public, "ida") == gateway.signer.key_id
    await desk.file()
    assert await commands.statement("gw-01") is not None


async def test_a_manifest_follows_the_one_before(center: Center, people: Signatories) -> None:
    commands = center.commands
    assert await refused(commands.take_manifest(people.manifest(1, people.vic), "rita")) == "manifest"
    assert (await commands.take_manifest(people.manifest(3), "rita")).manifest.version == 3
    assert await refused(commands.take_manifest(people.manifest(2), "rita")) == "manifest"
    held = await commands.manifest()
    assert held is not None
    assert held.manifest.version == 3


async def test_the_audit_has_a_line_of_each_proposal_and_signature_taken_or_not(
    center: Center, people: Signatories, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = center.commands
    made = await commands.propose(asked("freeze.clear"))
    await signed_by(commands, made, [people.ann])
    assert await refused(signed_by(commands, made, [people.ann_again])) == "signature"
    assert await refused(signed_by(commands, made, [people.vic])) == "rights"
    await commands.withdraw(made.jti, "bob")
    assert await refused(signed_by(commands, made, [people.bob])) == "state"
    expected = [
        ("ann.web", "command-proposed", f"{made.jti} freeze.clear at gw-01"),
        ("", "command-signed", f"{made.jti} ann operator"),
        ("", "command-signature-refused", f"{made.jti} signature"),
        ("", "command-signature-refused", f"{made.jti} rights"),
        ("bob", "command-withdrawn", made.jti),
        ("", "command-signature-refused", f"{made.jti} state"),
    ]
    assert await _audit(center) == expected
    # Whoever hands in more fills no disk.
    monkeypatch.setattr("isolane.center.store.command_book.REFUSALS_PER_H", 5)
    for _ in range(4):
        assert await refused(signed_by(commands, made, [people.bob])) == "state"
    assert len(await _audit(center)) == len(expected) + 2
    center.later_s = 3600
    assert await refused(signed_by(commands, made, [people.bob])) == "state"
    assert len(await _audit(center)) == len(expected) + 3


async def _audit(center: Center) -> list[tuple[str, str, str]]:
    rows = await center.catalogue.read(
        lambda session: list(session.scalars(select(AuditRow).order_by(AuditRow.number)))
    )
    return [(row.who, row.what, row.subject) for row in rows]
