"""This file tests how many messages go in one POST, and which; it guards that none is lost between cursor and link."""

import asyncio

import pytest

from isolane.health.links.https.bundles import Bundles
from isolane.health.links.https.pick import Pick
from isolane.wire.uplink import Up
from support.couriers import Errands, Letter
from support.outboxes import until


def letters(*sizes: int) -> list[Letter]:
    return [Letter(Up.BLOCK, bytes([number]) * size) for number, size in enumerate(sizes)]


def test_a_center_that_has_not_told_gets_one_at_a_time() -> None:
    bundles = Bundles(32)
    assert bundles.messages_max == 1
    for told, taken in ((256, 32), (10, 10), (0, 1), (1, 1)):
        bundles.tell(told)
        assert bundles.messages_max == taken


def test_a_bundle_that_fails_is_halved_down_to_one_and_grows_again_after_some_were_taken() -> None:
    bundles = Bundles(32)
    bundles.tell(256)
    sizes = []
    for _ in range(7):
        sizes.append(bundles.messages_max)
        bundles.failed(bundles.messages_max)
    assert sizes == [32, 16, 8, 4, 2, 1, 1]
    for _ in range(7):
        bundles.taken()
    assert bundles.messages_max == 1
    bundles.taken()
    assert bundles.messages_max == 2
    for _ in range(100):
        bundles.taken()
    assert bundles.messages_max == 32


def test_a_single_message_that_fails_halves_nothing() -> None:
    bundles = Bundles(32)
    bundles.tell(256)
    bundles.failed(1)
    assert bundles.messages_max == 32


@pytest.mark.parametrize(
    ("sizes", "most", "picked"),
    [
        ((10, 10, 10), 32, [3]),
        ((10, 10, 10), 1, [1, 1, 1]),
        ((10, 10, 10), 2, [2, 1]),
        ((5000, 3000, 300, 10), 32, [2, 2]),
        ((10, 9000, 10), 32, [1, 1, 1]),
        ((9000, 10, 10), 32, [1, 2]),
    ],
)
async def test_what_is_due_goes_together_as_far_as_it_fits(
    sizes: tuple[int, ...], most: int, picked: list[int]
) -> None:
    all_letters = letters(*sizes)
    errands = Errands(list(all_letters))
    pick = Pick(errands)
    found = []
    for number in picked:
        messages = await pick.pick(most)
        assert len(messages) == number
        found += messages
        pick.answered()
    assert found == all_letters
    assert not errands.back_letters


async def test_what_was_picked_and_what_did_not_fit_goes_back() -> None:
    errands = Errands(letters(10, 10, 9000, 10))
    pick = Pick(errands)
    assert len(await pick.pick(32)) == 2
    pick.back()
    assert [len(letter.data) for letter in errands.back_letters] == [10, 10, 9000]
    pick.back()
    assert len(errands.back_letters) == 3


async def test_stopped_while_it_picks_it_hands_everything_back() -> None:
    errands = Errands(letters(10, 10))
    pick = Pick(errands)
    task = asyncio.create_task(pick.pick(32))
    await until(lambda: len(pick.messages) == 2)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    pick.back()
    assert len(errands.back_letters) == 2
