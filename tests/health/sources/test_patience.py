"""This file tests the pauses after failures; it guards that they double, end at their limit, and begin anew."""

from isolane.core.clock import NS_PER_S, SystemClock
from isolane.health.sources.patience import Patience


class SetClock(SystemClock):
    now_s = 100.0

    def mono_ns(self) -> int:
        return round(self.now_s * NS_PER_S)


def test_pauses_double_to_a_limit_and_begin_anew() -> None:
    clock = SetClock()
    patience = Patience(3.0, clock)
    pauses = []
    for _ in range(5):
        patience.failed()
        pauses.append(patience.left_s)
    assert pauses == [0.0, 0.5, 1.0, 2.0, 3.0]
    clock.now_s += 3
    assert patience.left_s == 0
    patience.succeeded()
    patience.failed()
    assert patience.left_s == 0
