"""This file tests alerts on the key manifest's end; it guards that it is told in time and until there is a next one."""

import time
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from isolane.center.alerts.findings import Findings
from isolane.center.alerts.keys import KeysWatch
from isolane.center.alerts.rules import KeysRule, load_rules
from isolane.center.alerts.wording import words
from isolane.security.key_manifest import Manifest, Trusted, describe

RULES = [rule for rule in load_rules() if isinstance(rule, KeysRule)]
NOW_MS = int(time.time()) * 1000
DAY_MS = 86_400_000


@dataclass
class Kept:
    """A store with a manifest or without."""

    trusted: Trusted | None = None

    async def manifest(self) -> Trusted | None:
        return self.trusted

    def issue(self, version: int, days: int) -> None:
        root = describe(ed25519.Ed25519PrivateKey.generate().public_key(), "rita", "root")
        now = NOW_MS // 1000
        made = Manifest(v=1, version=version, issued=now, expires=now + days * 86_400, threshold=1, keys=(root,))
        self.trusted = Trusted(made, b"", {}, {})


async def found(watch: KeysWatch, after_days: float) -> dict[str, str]:
    findings = Findings()
    await watch.look(int(NOW_MS + after_days * DAY_MS), findings)
    return {rule: words(each.rule.title, each.facts) for (rule, _), each in findings.holding.items()}


async def test_nobody_is_told_without_a_manifest_or_long_before_its_end() -> None:
    kept = Kept()
    assert await found(KeysWatch(RULES, None), 0) == {}
    assert await found(KeysWatch(RULES, kept), 0) == {}
    kept.issue(1, 180)
    assert await found(KeysWatch(RULES, kept), 149.9) == {}


@pytest.mark.parametrize(
    ("after_days", "titles"),
    [
        (151, {"keys-end-soon": "The key manifest ends in 29 d"}),
        (175, {"keys-end-soon": "The key manifest ends in 5 d", "keys-end": "The key manifest ends in 5 d"}),
        (182, {"keys-end-soon": "The key manifest ends 2 d ago", "keys-end": "The key manifest ends 2 d ago"}),
    ],
)
async def test_its_end_is_told_as_it_comes_nearer_and_after_it(after_days: float, titles: dict[str, str]) -> None:
    kept = Kept()
    kept.issue(1, 180)
    assert await found(KeysWatch(RULES, kept), after_days) == titles


async def test_the_next_manifest_ends_the_alert() -> None:
    kept = Kept()
    kept.issue(1, 180)
    watch = KeysWatch(RULES, kept)
    assert len(await found(watch, 175)) == 2
    kept.issue(2, 360)
    assert await found(watch, 175.1) == {}
