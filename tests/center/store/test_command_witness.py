"""This file states audits to a center; it guards that one which was cut, put back or told twice is found out."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import delete

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.command_book import SqlCommands
from isolane.center.store.command_desk import CommandDesk
from isolane.center.store.command_tables import CommandCheckpointRow
from isolane.center.store.command_witness import Witness
from isolane.security.checkpoint import open_note
from isolane.security.merkle import Tree, is_consistent
from support.proposals import Signatories, StatedGateway, token
from support.signers import Holder, holder

Open = Callable[[], SqlCatalogue]


class Watched:
    """A gateway and who watches its audit."""

    def __init__(self, catalogue: SqlCatalogue, folder: Path) -> None:
        self.catalogue = catalogue
        self.gateway = StatedGateway(folder)
        self.key: Holder = holder(folder, "center", "viewer")
        self.keys_ver = 1
        self.commands = SqlCommands(catalogue)
        self.desk = CommandDesk(catalogue, Witness("center", self.key.signer))

    async def state(self, old: int = 0) -> list[int]:
        """State the audit; give the sizes that are vouched for then."""
        await self.commands.enrol("gw-01", self.gateway.public, "ida")
        await self.gateway.state(self.catalogue, self.gateway.stated(old=old, keys_ver=self.keys_ver))
        await self.desk.file()
        return [each.size for each in await self.commands.checkpoints("gw-01")]

    async def kinds(self) -> set[str]:
        return {each.kind for each in await self.commands.suspicions()}


@pytest.fixture
def watched(open_catalogue: Open, tmp_path: Path) -> Watched:
    return Watched(open_catalogue(), tmp_path)


async def test_what_grows_with_proof_is_cosigned(watched: Watched) -> None:
    assert await watched.state() == []
    watched.gateway.grow(5)
    assert await watched.state() == [5]
    assert await watched.state() == [5]
    watched.gateway.grow(8)
    # Without a proof it is neither vouched for nor suspicious: the gateway has not seen the note yet.
    assert await watched.state() == [5]
    assert await watched.state(old=5) == [13, 5]
    newest, first = await watched.commands.checkpoints("gw-01")
    assert (newest.old, first.old, first.path) == (5, 0, ())
    path = [bytes.fromhex(each) for each in newest.path]
    assert is_consistent(5, 13, path, bytes.fromhex(first.root), bytes.fromhex(newest.root))
    keys = {"gw-01": watched.gateway.signer.public_key, "center": watched.key.signer.public_key}
    point, names = open_note(newest.note, keys)
    assert (point.size, names) == (13, frozenset({"gw-01", "center"}))
    assert await watched.kinds() == set()


async def test_a_cut_audit_is_a_rollback(watched: Watched) -> None:
    watched.gateway.grow(9)
    await watched.state()
    watched.gateway.tree = Tree()
    watched.gateway.grow(4)
    watched.gateway.boot = token(7)
    assert await watched.state() == [9]
    assert await watched.kinds() == {"rollback"}
    assert watched.desk.suspicions == {"rollback": 1}


@pytest.mark.parametrize("lines", [9, 12])
async def test_another_history_is_a_fork(watched: Watched, lines: int) -> None:
    watched.gateway.grow(9)
    await watched.state()
    watched.gateway.tree = Tree()
    watched.gateway.grow(lines, "other")
    assert await watched.state(old=9 if lines > 9 else 0) == [9]
    assert await watched.kinds() == {"fork"}


async def test_a_statement_that_was_overtaken_is_passed_over(watched: Watched) -> None:
    watched.gateway.grow(3)
    late = watched.gateway.stated()
    watched.gateway.grow(3)
    assert await watched.state() == [6]
    await watched.gateway.state(watched.catalogue, late)
    await watched.desk.file()
    assert await watched.kinds() == set()


async def test_a_statement_of_another_key_or_gateway(watched: Watched, tmp_path: Path) -> None:
    await watched.state()
    other = StatedGateway(tmp_path, "gw-02")
    await watched.gateway.state(watched.catalogue, other.stated())
    await watched.desk.file()
    found = await watched.commands.suspicions()
    assert [(each.gateway, each.kind) for each in found] == [("gw-01", "statement")]


async def test_another_key_begins_another_audit(watched: Watched, tmp_path: Path) -> None:
    watched.gateway.grow(9)
    await watched.state()
    watched.gateway.tree = Tree()
    await watched.state()
    assert await watched.kinds() == {"rollback"}
    (tmp_path / "new").mkdir()
    watched.gateway = StatedGateway(tmp_path / "new")
    watched.gateway.grow(2)
    assert await watched.state() == [2]
    assert await watched.kinds() == set()


async def test_a_center_that_was_put_back_is_told_so_by_what_its_gateways_have(
    watched: Watched, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No gateway is suspected for it, and the audit is vouched for again as soon as it has proved to go on."""
    people = Signatories(tmp_path / "people")
    await watched.commands.take_manifest(people.manifest(1), "rita")
    watched.gateway.grow(5)
    assert await watched.state() == [5]
    watched.gateway.grow(7)
    assert (await watched.state(old=5), watched.desk.forgotten) == ([12, 5], {})
    await watched.catalogue.write(
        lambda session: session.execute(delete(CommandCheckpointRow).where(CommandCheckpointRow.size == 12)).close()
    )
    watched.keys_ver = 2
    assert (await watched.state(old=12), dict(watched.desk.forgotten)) == ([5], {"checkpoint": 1, "keys": 1})
    lines = [each for each in caplog.messages if "type=rollback gateway=gw-01" in each]
    assert len(lines) == 1
    assert "keys: it follows key manifest 2, here is 1" in lines[0]
    assert await watched.state(old=5) == [12, 5]
    await watched.commands.take_manifest(people.manifest(2), "rita")
    assert await watched.state(old=12) == [12, 5]
    assert dict(watched.desk.forgotten) == {"checkpoint": 1, "keys": 2}
    assert await watched.kinds() == set()
