"""This file tries rules over a store; it guards that a rehearsal opens, tells and moves nothing.

A silence is counted from what the store knows, not from the rehearsal's begin. Samples are read as far back as the
rules' durations reach, an hour at most. A drift needs its baseline and is not judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from isolane.center.alerts.engine import AlertEngine
from isolane.center.alerts.findings import Key
from isolane.center.alerts.parts import takes
from isolane.center.alerts.rules import AbsenceRule, CertificateRule, CommandRule, KeysRule, LedgerRule, PartRule, Rule
from isolane.center.alerts.scene import read_scene
from isolane.center.alerts.settings import AlertsSettings
from isolane.center.alerts.subjects import takes_device, takes_signal, takes_site
from isolane.center.store.alert_port import Decisions, Opening, WayOut
from isolane.center.store.alert_views import Alert
from isolane.center.store.health_port import StandingParts
from isolane.center.store.port import Catalogue, Telemetry


class _Nothing:
    """What the engine needs of `Standing` when nothing stands and nothing is kept."""

    def __init__(self) -> None:
        self.openings_made: list[Opening] = []

    async def standing(self) -> list[Alert]:
        """See `Standing.standing`."""
        return []

    async def decide(self, decisions: Decisions, ways: tuple[WayOut, ...], now_ms: int) -> None:
        """See `Standing.decide`."""
        del ways, now_ms
        self.openings_made += decisions.openings

    async def openings(self, since_ms: int) -> dict[Key, int]:
        """See `Standing.openings`."""
        del since_ms
        return {}

    async def memories(self) -> dict[Key, dict[str, Any]]:
        """See `Standing.memories`."""
        return {}

    async def forget(self, before_ms: int, limit: int) -> int:
        """See `Standing.forget`."""
        del before_ms, limit
        return 0


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What rules would do now.

    Attributes:
        selected: How many signals, devices or gateways each rule looks at, by id, with the word for them.
        openings: Alerts that would open, the highest level first.
        withheld: Conditions that another explains.
    """

    selected: dict[str, tuple[int, str]]
    openings: list[Opening]
    withheld: int


async def rehearse(
    rules: Sequence[Rule],
    catalogue: Catalogue,
    telemetry: Telemetry,
    now_ms: int,
    *,
    parts: StandingParts | None = None,
) -> Rehearsed:
    """Try rules over a store, once.

    Raises:
        UnavailableError: The store cannot be read now.
    """
    nothing = _Nothing()
    settings = AlertsSettings(devices_max=100_000)
    engine = AlertEngine(nothing, catalogue, telemetry, rules, settings, parts=parts, started_ms=0)
    await engine.look(now_ms)
    selected = await _selected(rules, catalogue, telemetry, now_ms)
    known = await parts.standing(-1) if parts is not None else []
    for rule in rules:
        if isinstance(rule, PartRule):
            selected[rule.id] = (sum(takes(rule, part) for part in known), "parts")
    return Rehearsed(selected, nothing.openings_made, engine.passed.withheld)


async def _selected(
    rules: Sequence[Rule], catalogue: Catalogue, telemetry: Telemetry, now_ms: int
) -> dict[str, tuple[int, str]]:
    """Count what each rule looks at."""
    scene = await read_scene(catalogue, telemetry, now_ms, with_books=False)
    out = {}
    keys = {device: [one.key for one in await telemetry.signals(*device)] for device in scene.devices()}
    for rule in rules:
        if isinstance(rule, CertificateRule | KeysRule | PartRule):
            continue
        devices = [device for device in keys if takes_device(rule, *device)]
        gateways = [one for one in devices if one not in scene.chargers]
        if isinstance(rule, AbsenceRule) and rule.of in {"center", "site"}:
            out[rule.id] = (sum(takes_site(rule, site) for site in scene.sites), "sites")
        elif isinstance(rule, LedgerRule | CommandRule) or (isinstance(rule, AbsenceRule) and rule.of == "gateway"):
            out[rule.id] = (len(gateways), "gateways")
        elif isinstance(rule, AbsenceRule) and rule.of == "charger":
            out[rule.id] = (len(devices) - len(gateways), "chargers")
        else:
            out[rule.id] = (sum(takes_signal(rule, key) for one in devices for key in keys[one]), "signals")
    return out
