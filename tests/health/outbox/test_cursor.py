"""This file tests what a link is given, and when, on a clock moved by hand; nothing may be lost or flood."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from isolane.health.outbox.cursor import Cursor, Pace
from isolane.health.outbox.lanes import Lane
from isolane.health.outbox.outbox import Outbox
from isolane.health.outbox.records import Outgoing
from isolane.wire.uplink import Ack, Downlink, Up, decode_ledger
from support.outboxes import SCHEMA, TAG, ManualClock, draft, settings
from support.patience import PATIENCE_S

PACE = Pace(window=3, ack_timeout_s=30.0, ledger_s=600.0, newest_first=False)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def outbox(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Outbox]:
    made = Outbox(settings(tmp_path / "o.db"), TAG, clock, SCHEMA, frozenset({"main"}))
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def cursor(outbox: Outbox) -> Cursor:
    made = outbox.cursor("main", PACE)
    await made.begin()
    return made


async def given_now(cursor: Cursor) -> list[Outgoing]:
    """Take what the cursor gives until it waits for something to happen."""
    taken: list[Outgoing] = []
    while True:
        asking = asyncio.create_task(cursor.next())
        while not asking.done() and not cursor._news._waiters:
            await asyncio.sleep(0)
        if not asking.done():
            asking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asking
            return taken
        taken.append(asking.result())


def ack(outbox: Outbox, *numbers: int) -> Downlink:
    return Downlink(1, (Ack(outbox.epoch, 0, numbers),))


def numbers(taken: list[Outgoing]) -> list[int]:
    return [each.key[2] for each in taken if each.kind is Up.BLOCK]


async def test_a_session_begins_with_schema_and_books_and_fills_the_window(outbox: Outbox, cursor: Cursor) -> None:
    for number in range(5):
        await outbox.put(draft(number))
    taken = await given_now(cursor)
    assert [each.kind for each in taken] == [Up.SCHEMA, Up.LEDGER, Up.BLOCK, Up.BLOCK, Up.BLOCK]
    assert cursor.in_flight == 3
    await cursor.answer(ack(outbox, 5))
    assert numbers(await given_now(cursor)) == [2]


async def test_silence_narrows_the_window_to_one_and_an_answer_opens_it(
    outbox: Outbox, cursor: Cursor, clock: ManualClock
) -> None:
    for number in range(6):
        await outbox.put(draft(number))
    assert numbers(await given_now(cursor)) == [6, 5, 4]
    clock.pass_s(31)
    assert numbers(await given_now(cursor)) == [6]
    assert cursor.counts.resent == 3
    clock.pass_s(31)
    assert numbers(await given_now(cursor)) == [6]
    await cursor.answer(ack(outbox, 6))
    assert numbers(await given_now(cursor)) == [5, 4, 3]


async def test_a_new_session_tells_everything_again(outbox: Outbox, cursor: Cursor) -> None:
    await outbox.put(draft(1))
    first = await given_now(cursor)
    await cursor.begin()
    assert [each.kind for each in await given_now(cursor)] == [each.kind for each in first]


async def test_blocks_of_an_earlier_schema_are_preceded_by_it(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "o.db"
    for signals in (SCHEMA.signals, SCHEMA.signals[:1]):
        schema = type(SCHEMA).of(signals)
        outbox = Outbox(settings(path), TAG, clock, schema, frozenset({"main"}))
        await outbox.open()
        made = draft(1)
        if len(signals) == 1:
            made = type(made)(schema.id, made.t0_ms, 1000, made.values[:1], made.codes[:1])
        await outbox.put(made)
        cursor = outbox.cursor("main", PACE)
        await cursor.begin()
        taken = await given_now(cursor)
        await outbox.close()
    assert [each.schema for each in taken if each.kind is Up.SCHEMA] == [schema.id, SCHEMA.id]
    assert [each.kind for each in taken if each.schema == SCHEMA.id] == [Up.SCHEMA, Up.BLOCK]


async def test_a_refused_message_does_not_hold_up_the_others_and_comes_again(
    outbox: Outbox, cursor: Cursor, clock: ManualClock
) -> None:
    for number in range(4):
        await outbox.put(draft(number))
    taken = await given_now(cursor)
    bad = next(each for each in taken if each.key[2] == 4)
    cursor.refuse(bad)
    assert numbers(await given_now(cursor)) == [1]
    await cursor.answer(ack(outbox, 1, 2, 3))
    assert not numbers(await given_now(cursor))
    clock.pass_s(61)
    (again,) = [each for each in await given_now(cursor) if each.kind is Up.BLOCK]
    cursor.refuse(again)
    clock.pass_s(61)
    assert not numbers(await given_now(cursor))
    clock.pass_s(60)
    assert numbers(await given_now(cursor)) == [4]
    assert cursor.set_aside == 2


async def test_what_ends_sessions_is_found_and_the_others_go(
    outbox: Outbox, cursor: Cursor, clock: ManualClock
) -> None:
    """Block 2 ends every session it is in; the two beside it are innocent."""
    for number in range(3):
        await outbox.put(draft(number))
    for _ in range(3):
        assert numbers(await given_now(cursor)) == [3, 2, 1]
        await cursor.begin()
    assert numbers(await given_now(cursor)) == [1]
    await cursor.answer(ack(outbox, 1))
    assert numbers(await given_now(cursor)) == [2]
    await outbox.put(draft(4))
    assert not numbers(await given_now(cursor)), "nothing goes beside a suspect"
    await cursor.begin()
    assert numbers(await given_now(cursor)) == [4, 3]
    await cursor.answer(ack(outbox, 4, 3))
    assert not numbers(await given_now(cursor))
    assert cursor.set_aside == 1
    clock.pass_s(61)
    assert numbers(await given_now(cursor)) == [2]
    await cursor.begin()
    clock.pass_s(61)
    assert not numbers(await given_now(cursor))


async def test_a_suspect_is_innocent_when_a_session_ends_without_it(outbox: Outbox, cursor: Cursor) -> None:
    await outbox.put(draft(1))
    for _ in range(3):
        assert numbers(await given_now(cursor)) == [1]
        await cursor.begin()
    await outbox.put(draft(2))
    assert numbers(await given_now(cursor)) == [2]
    await cursor.begin()
    assert numbers(await given_now(cursor)) == [2, 1]


async def test_what_the_broker_has_taken_is_not_suspected(outbox: Outbox, cursor: Cursor) -> None:
    for number in range(3):
        await outbox.put(draft(number))
    for _ in range(4):
        taken = await given_now(cursor)
        assert numbers(taken) == [3, 2, 1]
        for message in taken:
            cursor.sent(message)
        await cursor.begin()


async def test_suspects_go_although_something_is_always_unanswered(outbox: Outbox, cursor: Cursor) -> None:
    """A row a second, and a center that gathers its answers: there is never a moment without anything in flight."""
    for number in range(2):
        await outbox.put(draft(number))
    for _ in range(3):
        assert numbers(await given_now(cursor)) == [2, 1]
        await cursor.begin()
    await outbox.put(draft(3))
    live = await given_now(cursor)
    assert numbers(live) == [3]
    for message in live:
        cursor.sent(message)
    (first,) = await given_now(cursor)
    assert first.key[2] == 1
    assert not await given_now(cursor), "nothing goes beside a suspect"
    cursor.sent(first)
    (second,) = await given_now(cursor)
    assert second.key[2] == 2
    assert cursor.in_flight == 3


async def test_what_did_not_get_through_comes_again_at_once(outbox: Outbox, cursor: Cursor) -> None:
    await outbox.put(draft(1))
    for kind in (Up.SCHEMA, Up.LEDGER, Up.BLOCK):
        for _ in range(2):
            message = await cursor.next()
            assert message.kind is kind
            cursor.back(message)
        cursor.sent(await cursor.next())


async def test_a_gap_that_was_told_changes_no_more(outbox: Outbox, cursor: Cursor) -> None:
    for number in range(6):
        await outbox.put(draft(number, rows=25_000, noise=40))
    taken = await given_now(cursor)
    assert taken[2].kind is Up.GAP
    first = taken[2].key[2]
    held = {each.key[2] for each in taken[3:]}
    for number in range(6, 9):
        await outbox.put(draft(number, rows=25_000, noise=40))
    await cursor.answer(Downlink(1, (Ack(outbox.epoch, 0, (), (first,)),)))
    assert outbox.tally.gaps_queued >= 1
    lost = sum(outbox.tally.dropped.values()) // 50_000
    assert lost + outbox.tally.blocks_queued == 9
    assert held


async def test_the_last_statement_is_the_one_that_is_waited_for(outbox: Outbox, cursor: Cursor) -> None:
    await outbox.put(draft(1))
    await given_now(cursor)
    await outbox.put(draft(2))
    waiting = asyncio.create_task(cursor.state_books())
    taken = [await cursor.next() for _ in range(2)]
    statement = next(each for each in taken if each.kind is Up.LEDGER)
    assert not waiting.done()
    cursor.sent(statement)
    await asyncio.wait_for(waiting, PATIENCE_S)
    assert decode_ledger(statement.data).entries[0].produced == 20


async def test_settled_epochs_are_stated_once_a_session(tmp_path: Path, clock: ManualClock) -> None:
    for _ in range(2):
        outbox = Outbox(settings(tmp_path / "o.db"), TAG, clock, SCHEMA, frozenset({"main"}))
        await outbox.open()
        cursor = outbox.cursor("main", PACE)
        await cursor.begin()
        await outbox.put(draft(1))
        first = await given_now(cursor)
        await cursor.answer(ack(outbox, 1))
        clock.pass_s(601)
        second = await given_now(cursor)
        clock.pass_s(601)
        third = await given_now(cursor)
        await outbox.close()
    stated = [
        len(decode_ledger(each.data).entries)
        for taken in (first, second, third)
        for each in taken
        if each.kind is Up.LEDGER
    ]
    assert stated == [2, 1, 1]


async def test_settled_epochs_are_stated_again_when_the_center_was_away_and_every_hour(
    tmp_path: Path, clock: ManualClock
) -> None:
    for _ in range(2):
        outbox = Outbox(settings(tmp_path / "o.db"), TAG, clock, SCHEMA, frozenset({"main"}))
        await outbox.open()
        cursor = outbox.cursor("main", PACE)
        await cursor.begin()
        await outbox.put(draft(1))
        await given_now(cursor)
        if not outbox.epoch > 1_700_000_000_000:
            await cursor.answer(ack(outbox, 1))
            await outbox.close()
    stated = []
    clock.pass_s(601)
    for seconds in (601, 601, 3601):
        await given_now(cursor)
        await cursor.answer(ack(outbox, 1))
        clock.pass_s(seconds)
        taken = await given_now(cursor)
        stated += [len(decode_ledger(each.data).entries) for each in taken if each.kind is Up.LEDGER]
    assert stated == [2, 1, 2]
    await outbox.close()


async def test_an_answer_with_anything_in_it_changes_nothing_it_should_not(outbox: Outbox, cursor: Cursor) -> None:
    await outbox.put(draft(1))
    await given_now(cursor)
    await cursor.answer(
        Downlink(
            1,
            (Ack(-1, 2**70, (-5, 2**64), (2**80,)), Ack(outbox.epoch, 0, (), (1,))),
            ("", "zz" * 8, "00" * 8, "é" * 16, "0 " * 8),
            {"": "", "1/2": "", "a/b/c": "", f"{2**64}/0/1": "", "٣/٣/٣": ""},
        )
    )
    assert outbox.tally.queued == 10
    assert cursor.in_flight == 1


async def test_a_sparing_link_sends_alarms_and_receipts_and_leaves_the_rest_queued(
    outbox: Outbox, cursor: Cursor, clock: ManualClock
) -> None:
    for number in range(5):
        await outbox.put(draft(number))
    is_spent = False
    cursor.spare(lambda: is_spent)
    assert numbers([await cursor.next() for _ in range(3)]) == [5], "two more are picked and not given yet"
    is_spent = True
    assert not numbers(await given_now(cursor))
    await cursor.answer(ack(outbox, 5))
    await outbox.put(draft(5), Lane.ALARM)
    await outbox.put(draft(6), Lane.SNAPSHOT)
    await outbox.put(draft(7), Lane.RECEIPT)
    clock.pass_s(61)
    await outbox._call(outbox._store.tend)
    assert numbers(await given_now(cursor)) == [6, 8]
    await cursor.answer(ack(outbox, 6, 8))
    assert not await given_now(cursor)
    assert outbox.tally.blocks_queued == 5
    is_spent = False
    cursor.wake()
    assert numbers(await given_now(cursor)) == [7, 1, 2]


async def test_a_sparing_link_states_the_books_once_an_hour_and_keeps_gap_records(
    outbox: Outbox, cursor: Cursor, clock: ManualClock
) -> None:
    cursor.spare(lambda: True)
    await outbox.put(draft(0))
    assert [each.kind for each in await given_now(cursor)] == [Up.SCHEMA, Up.LEDGER]
    clock.pass_s(3599)
    await outbox._call(outbox._store.tend)
    assert not await given_now(cursor)
    clock.pass_s(2)
    await outbox._call(outbox._store.tend)
    assert outbox.tally.dropped == {"expired": 10}, "age ends what stays away too long"
    assert [each.kind for each in await given_now(cursor)] == [Up.LEDGER]
    cursor.spare(lambda: False)
    assert [each.kind for each in await given_now(cursor)] == [Up.GAP]


async def test_a_sparing_link_in_order_lets_no_alarm_overtake(outbox: Outbox) -> None:
    await outbox.put(draft(0))
    await outbox.put(draft(1), Lane.ALARM)
    target = outbox.cursor("target", Pace(1, 30.0, 600.0, newest_first=False, in_order=True))
    await target.begin()
    target.spare(lambda: True)
    assert not numbers(await given_now(target))
    target.spare(lambda: False)
    assert numbers(await given_now(target)) == [1]
