"""This file tests `tap.pairing`."""

from hypothesis import given
from hypothesis import strategies as st

from isolane.tap.pairing import Call, Pairing
from isolane.wire.tap_copy import Direction

CHARGER, CSMS = Direction.FROM_CHARGER, Direction.FROM_CSMS


def test_the_two_ends_may_use_the_same_id_at_the_same_time() -> None:
    pairing = Pairing(8)
    ours, theirs = Call("MeterValues", 1, 0), Call("Reset", 2, 0)
    pairing.ask(CHARGER, b'"1"', ours)
    pairing.ask(CSMS, b'"1"', theirs)
    assert pairing.answer(CHARGER, b'"1"') == theirs
    assert pairing.answer(CSMS, b'"1"') == ours
    assert pairing.answer(CSMS, b'"1"') is None


def test_the_oldest_call_makes_room() -> None:
    pairing = Pairing(2)
    assert [pairing.ask(CHARGER, b"%d" % number, Call("a", number, 0)) for number in range(3)] == [True, True, False]
    assert pairing.answer(CSMS, b"0") is None
    assert pairing.answer(CSMS, b"2") == Call("a", 2, 0)


def test_a_repeated_id_is_the_later_call() -> None:
    pairing = Pairing(2)
    pairing.ask(CHARGER, b"1", Call("a", 1, 0))
    pairing.ask(CHARGER, b"1", Call("b", 2, 0))
    assert pairing.answer(CSMS, b"1") == Call("b", 2, 0)


def test_after_a_loss_nothing_pairs() -> None:
    pairing = Pairing(2)
    pairing.ask(CHARGER, b"1", Call("a", 1, 0))
    pairing.ask(CSMS, b"1", Call("a", 1, 0))
    pairing.forget()
    assert pairing.answer(CSMS, b"1") is None
    assert pairing.answer(CHARGER, b"1") is None


@given(steps=st.lists(st.tuples(st.sampled_from(Direction), st.integers(0, 5), st.booleans()), max_size=60))
def test_it_stays_within_its_bound(steps: list[tuple[Direction, int, bool]]) -> None:
    pairing = Pairing(3)
    for direction, identity, asks in steps:
        if asks:
            pairing.ask(direction, b"%d" % identity, Call("a", 0, 0))
        else:
            pairing.answer(direction, b"%d" % identity)
        assert len(pairing) <= 6
