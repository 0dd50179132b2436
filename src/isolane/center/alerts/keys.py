"""This file watches the end of the key manifest; it guards that people hear of it while it can still be followed.

A gateway follows nobody once its manifest has expired, and the next one needs root keys that lie in a safe.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, Protocol

from isolane.center.alerts.findings import Finding, Findings
from isolane.center.alerts.rules import KeysRule
from isolane.center.alerts.subjects import Place
from isolane.center.alerts.wording import duration
from isolane.security.key_manifest import Trusted

_MS: Final = 1000
_DAY_S: Final = 86_400
_LOOK_MS: Final = 60_000


class Manifests(Protocol):
    """Where the key manifest in force is."""

    async def manifest(self) -> Trusted | None:
        """Give it, None before the first.

        Raises:
            OSError: The store is away.
        """
        ...


class KeysWatch:
    """Looks at the manifest's end, at most once a minute.

    Args:
        rules: Rules on keys.
        manifests: Port of the store; None where nobody commands gateways.
    """

    def __init__(self, rules: Iterable[KeysRule], manifests: Manifests | None) -> None:
        self._rules, self._manifests = tuple(rules), manifests
        self._read_ms = -_LOOK_MS
        self._newest: Trusted | None = None

    async def look(self, now_ms: int, findings: Findings) -> None:
        """Add the manifest for each rule by which it ends soon.

        Raises:
            OSError: The store cannot be read now.
        """
        if self._manifests is None or not self._rules:
            return
        if now_ms - self._read_ms >= _LOOK_MS:
            self._newest = await self._manifests.manifest()
            self._read_ms = now_ms
        if self._newest is None:
            return
        manifest = self._newest.manifest
        left_s = manifest.expires - now_ms / _MS
        for rule in self._rules:
            if left_s < rule.days * _DAY_S:
                facts = {
                    "rule": rule.id,
                    "device": f"key manifest {manifest.version}",
                    "value": f"in {duration(left_s)}" if left_s > 0 else f"{duration(-left_s)} ago",
                    "limit": f"{rule.days:g} d",
                    "evidence": f"It expires at {datetime.fromtimestamp(manifest.expires, UTC):%Y-%m-%d %H:%M} UTC.",
                }
                findings.hold(Finding(rule, Place("keys/manifest"), facts))
