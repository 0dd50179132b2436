"""This file makes what the tap's sessions share, for tests that build sessions themselves."""

from isolane.core.clock import NS_PER_S
from isolane.tap.pseudonym import Transactions
from isolane.tap.security_events import SecurityEvents
from isolane.tap.session import Rules
from isolane.tap.settings import TapSettings
from isolane.tap.stream import Budget
from isolane.tap.tally import Tally
from isolane.tap.watch import SiteWatch

KEY = b"0123456789abcdef"
UTC_NS = 1_767_225_600 * NS_PER_S
"""2026-01-01T00:00:00Z."""


class StillClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_ns = 0

    def mono_ns(self) -> int:
        """See `core.clock.Clock`."""
        return self.now_ns

    def utc_ns(self) -> int:
        """See `core.clock.Clock`."""
        return UTC_NS + self.now_ns


def make_rules(budget: Budget, settings: TapSettings | None = None) -> Rules:
    """Give what sessions share."""
    transactions = Transactions(KEY)
    watch = SiteWatch(settings or TapSettings(), SecurityEvents(StillClock()), transactions)
    return Rules(transactions, frozenset(), budget, Tally(), 1 << 16, 8, watch)
