"""This file watches what gateways say of commands; it guards that a bent audit or a stranger's receipt is one alert.

What is suspicious the store finds when it files statements and receipts; here it is only said to people, as long as the
newest of it is young. It does not end by silence: whoever bends an audit may also be silent afterwards.
"""

from collections.abc import Iterable
from typing import Final

from isolane.center.alerts.findings import Finding, Findings
from isolane.center.alerts.rules import CommandRule
from isolane.center.alerts.scene import Scene
from isolane.center.alerts.subjects import GATEWAY_PREFIX, Place, gateway_subject, takes_device
from isolane.center.store.command_port import Suspicious
from isolane.center.store.command_views import CommandSuspicion

_HOUR_MS: Final = 3_600_000


class CommandWatch:
    """Looks at suspicions.

    Args:
        rules: Command rules.
        suspicious: Port of the store; None where nobody files what gateways say of commands.
    """

    def __init__(self, rules: Iterable[CommandRule], suspicious: Suspicious | None) -> None:
        self._rules, self._suspicious = tuple(rules), suspicious

    async def look(self, scene: Scene, findings: Findings) -> None:
        """Add every gateway of which something suspicious was found lately.

        Raises:
            OSError: The store cannot be read now.
        """
        if self._suspicious is None or not self._rules:
            return
        by_gateway: dict[tuple[str, str], list[CommandSuspicion]] = {}
        for each in await self._suspicious.suspicions():
            by_gateway.setdefault((each.site, each.gateway), []).append(each)
        for (site, gateway), found in by_gateway.items():
            device = f"{GATEWAY_PREFIX}{gateway}"
            place = Place(gateway_subject(site, gateway), site, gateway, device)
            for rule in self._rules:
                young = [each for each in found if scene.now_ms - each.last_ms < rule.hours * _HOUR_MS]
                if young and takes_device(rule, site, device):
                    findings.hold(Finding(rule, place, _facts(rule, young)))


def _facts(rule: CommandRule, found: list[CommandSuspicion]) -> dict[str, str]:
    newest = max(found, key=lambda each: each.last_ms)
    return {
        "rule": rule.id,
        "site": newest.site,
        "gateway": newest.gateway,
        "device": newest.gateway,
        "value": ", ".join(sorted(each.kind for each in found)),
        "count": str(sum(each.count for each in found)),
        "evidence": newest.detail,
    }
