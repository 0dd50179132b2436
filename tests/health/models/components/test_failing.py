"""This file holds the share of sessions that fail: slow and fast ramps, steps, good health, and what it remembers."""

import msgspec
import numpy as np
import pytest

from isolane.health.models.components.failing import Failing, begun
from isolane.health.models.window import Floats

_HEALTHY, _SICK = 0.01, 0.34


def _ramp(sessions: int) -> Floats:
    return np.concatenate((np.full(150, _HEALTHY), np.linspace(_HEALTHY, _SICK, sessions)))


def _drawn(truth: Floats, seed: int) -> list[bool]:
    found: list[bool] = (np.random.default_rng(seed).random(len(truth)) < truth).tolist()
    return found


def _followed(failed: list[bool]) -> list[float]:
    share, found = begun(_HEALTHY), []
    for each in failed:
        share.take(failed=each)
        found.append(share.told()[0])
    return found


def _off(truth: Floats, estimates: list[float]) -> float:
    return float(np.abs(np.array(estimates) - truth)[150:].mean())


@pytest.mark.parametrize(("sessions", "part"), [(800, 0.9), (270, 0.9)])
def test_a_ramp_is_followed_closer_than_the_newest_forty_tell_it(sessions: int, part: float) -> None:
    truth, own, newest = _ramp(sessions), [], []
    for seed in range(8):
        failed = _drawn(truth, seed)
        own.append(_off(truth, _followed(failed)))
        newest.append(_off(truth, [float(np.mean(failed[max(0, at - 39) : at + 1])) for at in range(len(failed))]))
    assert np.mean(own) < part * np.mean(newest)


def test_a_step_is_found_within_two_hundred_sessions() -> None:
    truth = np.concatenate((np.full(300, _HEALTHY), np.full(200, _SICK)))
    assert all(max(_followed(_drawn(truth, seed))[300:]) > 0.25 for seed in range(12))


@pytest.mark.parametrize("share", [0.0, _HEALTHY])
def test_good_health_stays_below_half_of_the_limit(share: float) -> None:
    truth = np.full(1000, share)
    assert all(max(_followed(_drawn(truth, seed))) < 0.15 for seed in range(6))


@pytest.mark.parametrize(("usual", "failed"), [(0.0, False), (0.0, True), (1.0, False), (1.0, True)])
def test_nothing_but_the_same_stays_a_share(usual: float, failed: bool) -> None:  # noqa: FBT001 - a table's column
    share = begun(usual)
    for _ in range(500):
        share.take(failed=failed)
        value, sd = share.told()
        assert 0 <= value <= 1
        assert 0 < sd < 1
    assert value == pytest.approx(float(failed), abs=0.02)


def test_what_is_written_down_goes_on_as_if_nothing_had_been() -> None:
    failed = _drawn(_ramp(200), 3)
    share = begun(_HEALTHY)
    for each in failed[:200]:
        share.take(failed=each)
    again = msgspec.convert(msgspec.to_builtins(share), Failing)
    for each in failed[200:]:
        share.take(failed=each)
        again.take(failed=each)
    assert again.told() == share.told()
