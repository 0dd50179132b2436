"""This file joins what the budget consists of; it guards that all links share one of each."""

from isolane.health.budget.hearing import Hearing
from isolane.health.budget.settings import BudgetSettings
from isolane.health.budget.turnstile import Turnstile
from isolane.health.budget.way_out import WayOut


class Budget:
    """What Channel B may use of the uplink.

    Args:
        settings: The table.
    """

    def __init__(self, settings: BudgetSettings) -> None:
        self.turnstile = Turnstile(settings)
        self.way = WayOut(settings, self.turnstile, self._spend)
        self.hearing = Hearing(self.turnstile)
        self.packet_bytes = 0

    async def run(self) -> None:
        """Count, until cancelled."""
        await self.way.run()

    async def close(self) -> None:
        """Let ended connections come to their end, and cut the rest."""
        await self.way.close()

    def _spend(self, size: int) -> None:
        self.packet_bytes += size
