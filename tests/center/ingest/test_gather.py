"""This file tests how acknowledgements are gathered; it guards that only they wait."""

import pytest

from isolane.center.ingest.gather import BLOCKS_MAX, Gathering
from isolane.wire.uplink import VERSION, Ack, Downlink

ONE, OTHER = ("north", "gw-1"), ("north", "gw-2")


def block(number: int) -> Downlink:
    return Downlink(VERSION, (Ack(1, 0, (number,)),))


def test_the_first_goes_at_once_and_those_that_follow_together() -> None:
    gathering = Gathering(4.0)
    gathering.add(ONE, block(1))
    assert gathering.take(100.0) == {ONE: [block(1)]}
    for number in range(2, 5):
        gathering.add(ONE, block(number))
        assert not gathering.take(100.0 + number / 2)
    assert gathering.wait_s(101.0) == 3.0
    assert gathering.take(104.0) == {ONE: [block(2), block(3), block(4)]}
    assert gathering.wait_s(104.0) is None


def test_gateways_do_not_wait_for_each_other() -> None:
    gathering = Gathering(4.0)
    gathering.add(ONE, block(1))
    gathering.take(0.0)
    gathering.add(ONE, block(2))
    gathering.add(OTHER, block(1))
    assert gathering.take(1.0) == {OTHER: [block(1)]}


@pytest.mark.parametrize(
    "answer",
    [
        Downlink(VERSION, want=("00" * 8,)),
        Downlink(VERSION, poison={"1/0/2": "crc"}),
        Downlink(VERSION, (Ack(1, 0, (), (3,)),)),
        Downlink(VERSION, (Ack(1, 0, tuple(range(BLOCKS_MAX))),)),
    ],
)
def test_what_a_gateway_needs_goes_at_once(answer: Downlink) -> None:
    gathering = Gathering(4.0)
    gathering.add(ONE, block(1))
    gathering.take(0.0)
    gathering.add(ONE, block(2))
    gathering.add(ONE, answer)
    assert gathering.take(0.1) == {ONE: [block(2), answer]}


def test_with_no_pause_nothing_is_gathered() -> None:
    gathering = Gathering(0.0)
    for number in range(3):
        gathering.add(ONE, block(number))
        assert gathering.take(5.0) == {ONE: [block(number)]}


def test_what_is_cleared_is_not_answered() -> None:
    gathering = Gathering(4.0)
    gathering.add(ONE, block(1))
    gathering.clear()
    assert not gathering.take(9.0)
