"""This file checks that guessing is bounded and shuts out nobody but the one who guesses."""

import pytest

from isolane.value.access.attempts import Attempts


class Clock:
    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


def guess(attempts: Attempts, peer: str, charger: str, times: int) -> int:
    """Fail as often as one is let; give how often that was."""
    looked_at = 0
    for _ in range(times):
        if attempts.may_try(peer, charger):
            attempts.begin(peer, charger)
            looked_at += 1
    return looked_at


def test_five_guesses_a_minute_at_one_identity(clock: Clock) -> None:
    attempts = Attempts(5, clock)
    assert guess(attempts, "10.0.0.66", "CP1", 10_000) == 5
    clock.ns += 59_000_000_000
    assert guess(attempts, "10.0.0.66", "CP1", 10_000) == 0
    clock.ns += 1_000_000_000
    assert guess(attempts, "10.0.0.66", "CP1", 10_000) == 5


def test_five_guesses_a_minute_at_all_identities(clock: Clock) -> None:
    attempts = Attempts(5, clock)
    assert sum(guess(attempts, "10.0.0.66", f"CP{number}", 1) for number in range(10_000)) == 5


def test_the_real_charger_is_not_shut_out_from_its_own_address(clock: Clock) -> None:
    attempts = Attempts(5, clock)
    guess(attempts, "10.0.0.66", "CP1", 100)
    assert attempts.may_try("10.0.0.7", "CP1")


def test_a_known_charger_is_not_shut_out_by_guesses_at_others_behind_its_address(clock: Clock) -> None:
    attempts = Attempts(5, clock)
    attempts.begin("10.0.0.1", "CP1")
    attempts.succeeded("10.0.0.1", "CP1")
    assert guess(attempts, "10.0.0.1", "CP2", 100) == 5
    assert attempts.may_try("10.0.0.1", "CP1")
    assert not attempts.may_try("10.0.0.1", "CP3")


def test_success_costs_nothing_and_takes_back_only_itself(clock: Clock) -> None:
    attempts = Attempts(5, clock)
    for number in range(100):
        assert attempts.may_try("10.0.0.1", f"CP{number}")
        attempts.begin("10.0.0.1", f"CP{number}")
        attempts.succeeded("10.0.0.1", f"CP{number}")
    assert guess(attempts, "10.0.0.1", "X", 3) == 3
    attempts.begin("10.0.0.1", "CP0")
    attempts.succeeded("10.0.0.1", "CP0")
    assert guess(attempts, "10.0.0.1", "X", 100) == 2


def test_addresses_of_one_ipv6_host_are_one_source(clock: Clock) -> None:
    attempts = Attempts(5, clock)
    assert sum(guess(attempts, f"2001:db8::{number:x}", "CP1", 1) for number in range(1000)) == 5


def test_memory_is_bounded(clock: Clock) -> None:
    attempts = Attempts(5, clock)
    for number in range(20_000):
        guess(attempts, f"10.{number // 65_536}.{number // 256 % 256}.{number % 256}", "CP1", 1)
    assert len(attempts._failed) == 16_384


def test_a_source_is_shut_out_only_while_no_charger_is_known_there(clock: Clock) -> None:
    attempts = Attempts(3, clock)
    for _ in range(3):
        assert not attempts.shuts_out("10.0.0.66")
        attempts.begin("10.0.0.66", "")
    assert attempts.shuts_out("10.0.0.66")
    assert not attempts.shuts_out("10.0.0.7")
    attempts.know("10.0.0.66", "CP1")
    assert not attempts.shuts_out("10.0.0.66")
    assert attempts.is_known("10.0.0.66", "CP1")
    assert attempts.may_try("10.0.0.66", "CP1")
    assert not attempts.may_try("10.0.0.66", "CP2")
    clock.ns += 60_000_000_000
    assert attempts.may_try("10.0.0.66", "CP2")


def test_whoever_is_forgotten_is_known_no_more(clock: Clock) -> None:
    attempts = Attempts(1, clock)
    attempts.know("10.0.0.1", "CP1")
    attempts.begin("10.0.0.1", "")
    for number in range(16_384):
        attempts.know("10.0.0.2", f"CP{number}")
    assert not attempts.is_known("10.0.0.1", "CP1")
    assert attempts.shuts_out("10.0.0.1")
    assert len(attempts._homes) == 1
