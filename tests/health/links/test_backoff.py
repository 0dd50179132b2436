"""This file tests pauses between attempts; it guards their bound and that gateways do not come back in step."""

from isolane.health.links.backoff import Backoff


def test_pauses_double_to_their_bound_and_begin_small_again() -> None:
    backoff = Backoff(60.0)
    pauses = [backoff.pause_s() for _ in range(10)]
    for pause, ceiling in zip(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60], strict=True):
        assert ceiling / 2 <= pause <= ceiling
    backoff.reset()
    assert backoff.pause_s() <= 1


def test_a_bound_below_the_first_pause_holds() -> None:
    assert all(Backoff(0.1).pause_s() <= 0.1 for _ in range(5))


def test_two_gateways_draw_differently() -> None:
    assert len({Backoff(60.0).pause_s() for _ in range(20)}) > 15
