"""This file tests the bounds of log-ins; it guards that who guesses shuts out strangers only."""

import pytest

from isolane.center.people.attempts import OF_ACCOUNT_MAX, OF_ADDRESS_MAX, OF_DEVICE_MAX, Attempts, network
from isolane.center.store.people_port import RefusedError


class Clock:
    """Stands still unless told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def fail(attempts: Attempts, address: str = "192.0.2.1", account: str = "night", device: str = "") -> bool:
    """Fail to log in; tells whether the attempt was looked at."""
    try:
        with attempts.one(address, account, device):
            return True
    except RefusedError:
        return False


def test_an_account_is_guessed_at_a_few_times_from_everywhere_together() -> None:
    attempts = Attempts(Clock())
    looked_at = [fail(attempts, f"192.0.2.{number}") for number in range(100)]
    assert looked_at.count(True) == OF_ACCOUNT_MAX


def test_an_address_guesses_a_few_times_at_everybody_together() -> None:
    attempts = Attempts(Clock())
    assert [fail(attempts, account=f"user-{number}") for number in range(100)].count(True) == OF_ADDRESS_MAX
    assert not fail(attempts, "192.0.2.1", "another")
    assert fail(attempts, "192.0.2.2", "another")


def test_the_owner_of_an_account_gets_in_while_others_guess_at_it() -> None:
    attempts = Attempts(Clock())
    while fail(attempts):
        pass
    with attempts.one("192.0.2.1", "night", "known-browser") as succeeded:
        succeeded()
    assert [fail(attempts, device="known-browser") for _ in range(100)].count(True) == OF_DEVICE_MAX
    assert fail(attempts, account="day", device="known-browser")


def test_time_heals_and_success_does_not_count() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(100):
        with attempts.one("192.0.2.1", "night", "") as succeeded:
            succeeded()
    while fail(attempts):
        pass
    clock.now = 899
    assert not fail(attempts)
    clock.now = 900
    assert fail(attempts)


def test_attempts_that_are_under_way_count() -> None:
    attempts = Attempts(Clock())
    open_ones = [attempts.one("192.0.2.1", "night", "") for _ in range(OF_ACCOUNT_MAX)]
    for one in open_ones:
        one.__enter__()
    assert not fail(attempts)
    for one in open_ones:
        one.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("no address", "no address"),
    ],
)
def test_an_attacker_has_a_whole_network(address: str, expected: str) -> None:
    assert network(address) == expected
