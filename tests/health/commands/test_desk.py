"""This file takes commands the whole way: signed, let in, written down, done once, answered for, and proved."""

import asyncio
import hashlib
import json

import pytest

from isolane.health.commands.journal import LINES, NOTES, origin
from isolane.health.commands.receipt import open_receipt
from isolane.health.commands.seen import StoreError
from isolane.health.commands.states import NEXT, State
from isolane.security.audit import check
from isolane.security.checkpoint import Checkpoint, open_note
from isolane.security.envelope import RECEIPT, parse
from isolane.security.merkle import is_consistent, is_included, leaf_hash
from isolane.wire.command import read, write
from isolane.wire.receipt import BYTES_MAX, Receipt
from support.commanded import GATEWAY, UTC_S, World


def _states(world: World) -> list[str]:
    return [f"{each.state} {each.reason}".strip() for each in world.told()]


def _journal(world: World) -> list[dict[str, object]]:
    return [json.loads(line) for line in (world.folder / "audit" / LINES).read_text(encoding="utf-8").splitlines()]


async def test_a_command_is_done_once_and_its_receipt_proves_it(world: World) -> None:
    await world.desk.start()
    command = world.command()
    data = world.seal(command)
    for _ in range(3):
        await world.desk.receive(data)
    assert _states(world) == ["accepted", "done"]
    done = world.told()[-1]
    assert (done.jti, done.result) == (command.jti, {"release": "1"})
    digest = hashlib.sha256(write(command)).hexdigest()
    key = world.people.gateway.public_key
    assert open_receipt(world.receipts[-1], key, GATEWAY, digest) == done
    for wrong in (
        (key, "gw-02", digest),
        (key, GATEWAY, "0" * 64),
        (world.people.bob.signer.public_key, GATEWAY, digest),
    ):
        with pytest.raises(ValueError, match="receipt"):
            open_receipt(world.receipts[-1], *wrong)
    lines = _journal(world)
    assert [(line["kind"], line.get("state")) for line in lines] == [
        ("boot", None),
        ("state", "accepted"),
        ("state", "done"),
    ]
    assert lines[done.entry]["jti"] == command.jti
    assert lines[1]["people"] == ["ann"]


async def test_two_people_restart_an_idle_charger_and_can_prove_it(world: World) -> None:
    world.idle["idle:CP1"] = True
    await world.desk.receive(world.seal(world.command("charger.restart"), world.people.ann, world.people.bob))
    done = world.told()[-1]
    assert world.restarter.done == ["CP1 ann"]
    keys = {GATEWAY: world.people.gateway.public_key}
    point = open_note(done.checkpoint, keys)[0]
    path = [bytes.fromhex(each) for each in done.path]
    assert is_included(leaf_hash(done.line.encode()), done.entry, point.size, path, point.root)
    assert json.loads(done.line)["state"] == "done"
    assert world.stated()[-1].checkpoint == done.checkpoint
    lines = (world.folder / "audit" / LINES).read_bytes().split(b"\n")[:-1]
    assert check(lines, [done.checkpoint], keys, origin(GATEWAY)) == (len(lines), None)


async def test_refusals_are_written_down_and_answered_to_those_who_proved_who_they_are(world: World) -> None:
    await world.desk.receive(b"{}")
    await world.desk.receive(world.seal(world.command(), world.people.stranger))
    await world.desk.receive(world.seal(world.command(aud="gw-02")))
    assert world.receipts == []
    await world.desk.receive(world.seal(world.command("charger.restart"), world.people.ann))
    assert _states(world) == ["refused threshold"]
    world.clock.pass_s(60)
    await world.desk.tend()
    forged = _journal(world)[-1]
    assert (forged["kind"], forged["counts"]) == ("forged", {"unsigned": 1, "unknown-key": 1, "audience": 1})
    assert world.restarter.done == []


async def test_copies_of_an_old_command_do_not_fill_the_disk(world: World) -> None:
    data = world.seal(world.command(boot="A" * 22))
    for _ in range(80):
        await world.desk.receive(data)
    assert len(world.receipts) == len(_journal(world)) == 30


async def test_after_a_restart_or_a_restored_disk_nothing_old_is_done(world: World) -> None:
    world.idle["idle:CP1"] = True
    both = (world.people.ann, world.people.bob)
    waiting = world.seal(world.command("charger.restart"), *both)
    stored = (world.folder / "commands.db").read_bytes()
    await world.desk.receive(waiting)
    world.close()
    (world.folder / "commands.db").write_bytes(stored)
    world._open()
    await world.desk.receive(waiting)
    assert (world.restarter.done, _states(world)[-1]) == (["CP1 ann"], "refused boot")


async def test_what_a_restart_interrupted_is_unknown_and_never_begun_again(world: World) -> None:
    one, two = world.command(), world.command()
    for each in (one, two):
        world.seen.take(each, hashlib.sha256(write(each)).hexdigest())
    world.seen.move(two.jti, State.RUNNING)
    world.restart()
    await world.desk.start()
    assert [(each.jti, each.state) for each in world.told()] == [
        (one.jti, "unknown-after-restart"),
        (two.jti, "unknown-after-restart"),
    ]
    await world.desk.receive(world.seal(one))
    world.restart()
    await world.desk.start()
    assert len(world.receipts) == 2


async def test_one_freezes_and_two_clear_across_a_restart(world: World) -> None:
    world.idle["idle:CP1"] = True
    both = (world.people.ann, world.people.bob)
    await world.desk.receive(world.seal(world.command("freeze.set")))
    assert world.stated()[-1].frozen
    world.restart()
    await world.desk.receive(world.seal(world.command("charger.restart"), *both))
    await world.desk.receive(world.seal(world.command("freeze.clear")))
    assert _states(world)[-2:] == ["refused frozen", "refused threshold"]
    await world.desk.receive(world.seal(world.command("freeze.clear"), *both))
    await world.desk.receive(world.seal(world.command("charger.restart"), *both))
    assert _states(world)[-1] == "done"
    assert not world.stated()[-1].frozen


async def test_without_an_audit_nothing_is_done(world: World) -> None:
    world.break_audit()
    await world.desk.receive(world.seal(world.command()))
    assert _states(world) == ["refused audit"]
    assert world.told()[0].entry == -1


async def test_an_interlock_that_opens_at_the_last_moment_refuses(world: World) -> None:
    answers = iter([True, False])
    world.gate._interlocks = lambda _: next(answers)
    await world.desk.receive(world.seal(world.command("charger.restart"), world.people.ann, world.people.bob))
    assert (_states(world), world.restarter.done) == (["accepted", "refused interlock"], [])


async def test_one_of_a_verb_at_a_time_and_what_fails_says_so(world: World) -> None:
    gone, go = asyncio.Event(), asyncio.Event()

    async def books(epoch: int | None) -> dict[str, object]:
        del epoch
        gone.set()
        await go.wait()
        return {"text": "x" * 300_000}

    world.books = books
    first = asyncio.create_task(world.desk.receive(world.seal(world.command("ledger"))))
    async with asyncio.timeout(30):
        await gone.wait()
    await world.desk.receive(world.seal(world.command("ledger")))
    await world.desk.receive(world.seal(world.command("status")))
    go.set()
    async with asyncio.timeout(30):
        await first
    assert _states(world) == ["accepted", "refused busy", "accepted", "done", "failed result"]


async def test_a_statement_comes_every_ten_minutes_with_a_new_challenge(world: World) -> None:
    await world.desk.start()
    for _ in range(3):
        await world.desk.tend()
    world.clock.pass_s(600)
    await world.desk.tend()
    first, second = world.stated()
    assert first.boot == second.boot
    assert first.chal != second.chal
    assert (first.gw, first.clock, first.keys_ver, first.at) == (GATEWAY, "synced", 1, UTC_S * 1000)
    assert open_note(first.checkpoint, {GATEWAY: world.people.gateway.public_key})[0].size == 1


async def test_a_clock_that_is_worth_nothing_any_more_is_stated_at_once_and_costs_one_challenge(world: World) -> None:
    await world.desk.start()
    quoting_the_first = world.seal(world.command())
    for is_synced in (True, False, True, False, True):
        world.is_synced = is_synced
        await world.desk.tend()
    assert [said.clock for said in world.stated()] == ["synced", "unsynced"]
    await world.desk.receive(world.seal(world.command(chal="")))
    await world.desk.receive(quoting_the_first)
    assert _states(world) == ["refused clock-untrusted", "accepted", "done"]
    world.clock.pass_s(600)
    await world.desk.tend()
    assert [said.clock for said in world.stated()] == ["synced", "unsynced", "synced"]


async def test_a_manifest_that_follows_is_taken_and_told(world: World) -> None:
    await world.desk.renew(world.people.manifest(2))
    await world.desk.renew(world.people.manifest(1))
    await world.desk.renew(b"{}")
    assert [each.keys_ver for each in world.stated()] == [2]
    assert _journal(world)[-1]["keys_ver"] == 2
    world.restart()
    assert world.keyring.current.manifest.version == 2


async def test_what_only_reads_changes_nothing(world: World) -> None:
    before = (world.seen.frozen_by(), world.keys.read_bytes(), world.restarter.done)
    for name, arguments in (("status", {}), ("ledger", {}), ("ledger", {"epoch": 1}), ("ledger", {"epoch": 9})):
        await world.desk.receive(world.seal(world.command(name, args=arguments)))
    assert _states(world).count("done") == 4
    assert (world.seen.frozen_by(), world.keys.read_bytes(), world.restarter.done) == before
    assert (world.folder / "audit" / NOTES).read_bytes() == b""


def test_a_state_follows_only_what_it_may(world: World) -> None:
    command = world.command()
    world.seen.take(command, "0" * 64)
    with pytest.raises(StoreError):
        world.seen.take(command, "0" * 64)
    with pytest.raises(ValueError, match="cannot follow"):
        world.seen.move(command.jti, State.DONE)
    world.seen.move(command.jti, State.RUNNING)
    world.seen.move(command.jti, State.DONE)
    for state in State:
        with pytest.raises(ValueError, match="cannot follow"):
            world.seen.move(command.jti, state)
    assert all(State.ACCEPTED not in after for state, after in NEXT.items() if state is not State.RECEIVED)


async def test_a_receipt_that_no_outbox_took_is_told_after_the_next_start(world: World) -> None:
    """Killed between the end of the verb and the outbox: the command has ended, so only its receipt can say how."""
    stuck = asyncio.Event()

    async def take_accepted_alone(body: bytes) -> None:
        if read(parse(body, RECEIPT, BYTES_MAX).payload, Receipt).state != "accepted":
            stuck.set()
            await asyncio.Event().wait()
        world.receipts.append(body)

    world.receipt = take_accepted_alone  # type: ignore[method-assign]
    command = asyncio.ensure_future(world.desk.receive(world.seal(world.command())))
    async with asyncio.timeout(10):
        await stuck.wait()
    command.cancel()
    await asyncio.wait({command})
    assert [each.state for each in world.told()] == ["accepted"]
    del world.receipt
    world.restart()
    await world.desk.start()
    assert [each.state for each in world.told()] == ["accepted", "done"]
    world.restart()
    await world.desk.start()
    assert [each.state for each in world.told()] == ["accepted", "done"]


async def test_an_audit_proves_that_it_goes_on_from_what_it_was(world: World) -> None:
    await world.desk.receive(world.seal(world.command()))
    keys = {GATEWAY: world.people.gateway.public_key}
    old, _ = open_note(world.journal.checkpoint(), keys)
    await world.desk.receive(world.seal(world.command()))
    new, _ = open_note(world.journal.checkpoint(), keys)
    assert world.journal.begins_with(old)
    assert is_consistent(old.size, new.size, world.journal.consistency(old.size, new.size), old.root, new.root)
    assert not world.journal.begins_with(Checkpoint(new.origin, old.size, new.root))
    assert not world.journal.begins_with(Checkpoint(new.origin, new.size + 1, new.root))
