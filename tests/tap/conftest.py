"""This file holds what the tap's tests share."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

from isolane.tap.facts import Origin
from isolane.tap.pseudonym import Transactions
from isolane.tap.session import Rules
from isolane.tap.stream import Budget
from isolane.wire import tap_event as ev
from support.tap_rules import KEY, make_rules

# A property says what holds, not how fast this machine is today.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture
def origin() -> Origin:
    """Where a message of charger CP1 came from."""
    return Origin("CP1", 9, Transactions(KEY), frozenset({"Listed-1"}))


@pytest.fixture
def rules() -> Rules:
    """What sessions share."""
    return make_rules(Budget(1 << 20))


@pytest.fixture
def pseudonym() -> Callable[[str], str]:
    """Name a transaction of CP1 as the fixtures' key does."""
    return lambda transaction: Transactions(KEY).pseudonym("CP1", transaction)


@pytest.fixture
def events() -> list[ev.AnyEvent]:
    """Where events are gathered: its `append` is the emit."""
    return []
