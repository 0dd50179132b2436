"""This file decides what needs a person; it guards that every decision is durable before it is acted on.

A pass: one picture of who is there (`scene`), all watches add what holds (`findings`), causes take their consequences
(`causes`), the difference to what stands is one transaction. A pass that cannot be written is repeated by the next; a
restart begins with what stands, so that nothing opens twice and nothing that ended meanwhile stays open.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from isolane.center.alerts.absences import AbsenceWatch
from isolane.center.alerts.causes import explained, grouped
from isolane.center.alerts.commands import CommandWatch
from isolane.center.alerts.drifts import DriftWatch
from isolane.center.alerts.findings import Finding, Findings, Key
from isolane.center.alerts.flaps import FlapDamper
from isolane.center.alerts.keys import KeysWatch
from isolane.center.alerts.parts import PartWatch
from isolane.center.alerts.records import CertificateWatch, LedgerWatch
from isolane.center.alerts.rules import (
    AbsenceRule,
    CertificateRule,
    CommandRule,
    CusumRule,
    HealthRule,
    KeysRule,
    LedgerRule,
    PartRule,
    RateRule,
    Rule,
    ThresholdRule,
)
from isolane.center.alerts.samples import Looked, SampleWatch
from isolane.center.alerts.scene import Scene, read_scene
from isolane.center.alerts.settings import AlertsSettings
from isolane.center.alerts.wording import printable, words
from isolane.center.store.alert_port import Decisions, Opening, Standing, WayOut
from isolane.center.store.alert_views import Alert, AlertState
from isolane.center.store.command_port import Suspicious
from isolane.center.store.health_port import StandingParts
from isolane.center.store.port import Catalogue, Telemetry, UnavailableError

_log = logging.getLogger(__name__)

GROUPED_MAX = 500
"""Subjects that an alert lists as explained by it."""
OPENINGS_MAX = 200
"""Alerts that one pass opens, the highest level first; the next goes on."""
_FORGET_AT_ONCE = 200
_SILENT_S = 300.0
"""From when on a gateway counts as silent where no rule says it."""
_MS = 1000
_DAY_MS = 86_400_000


@dataclass(slots=True)
class Passed:
    """What the engine tells about its passes."""

    passes: int = 0
    failures: int = 0
    opened: int = 0
    closed: int = 0
    withheld: int = 0
    seconds: float = 0.0
    looked: Looked = field(default_factory=Looked)


class AlertEngine:
    """Runs the rules.

    Args:
        alerts: Port of the store.
        catalogue: Port of the store.
        telemetry: Port of the store.
        rules: See `load_rules`.
        settings: See there.
        parts: Port of the store; without it no rule on parts says anything.
        suspicious: Port of the store; without it no rule on commands or their keys says anything.
        ways: Who is told what.
        certificates: Files and folders that are watched.
        started_ms: When the center began to listen.
    """

    def __init__(
        self,
        alerts: Standing,
        catalogue: Catalogue,
        telemetry: Telemetry,
        rules: Iterable[Rule],
        settings: AlertsSettings,
        *,
        parts: StandingParts | None = None,
        suspicious: Suspicious | None = None,
        ways: tuple[WayOut, ...] = (),
        certificates: Iterable[Path] = (),
        started_ms: int,
    ) -> None:
        self._alerts = alerts
        self._catalogue = catalogue
        self._telemetry = telemetry
        self._rules = {rule.id: rule for rule in rules}
        self._settings = settings
        self._ways = ways
        every = self._rules.values()
        silences = [rule for rule in every if isinstance(rule, AbsenceRule)]
        self._absences = AbsenceWatch(silences, started_ms)
        self._samples = SampleWatch(
            [rule for rule in every if isinstance(rule, ThresholdRule | RateRule | HealthRule)]
            + [rule for rule in silences if rule.of == "signal"],
            telemetry,
            started_ms,
            devices_max=settings.devices_max,
            late_s=settings.late_s,
        )
        self._drifts = DriftWatch([rule for rule in every if isinstance(rule, CusumRule)], telemetry)
        self._books = LedgerWatch([rule for rule in every if isinstance(rule, LedgerRule)])
        self._certificates = CertificateWatch(
            [rule for rule in every if isinstance(rule, CertificateRule)], certificates
        )
        upper = (rule.after_s for rule in silences if rule.of in {"site", "gateway"})
        self._parts = PartWatch(
            [rule for rule in every if isinstance(rule, PartRule)], parts, min(upper, default=_SILENT_S)
        )
        self._commands = CommandWatch([rule for rule in every if isinstance(rule, CommandRule)], suspicious)
        self._keys = KeysWatch([rule for rule in every if isinstance(rule, KeysRule)], suspicious)
        self._flaps = FlapDamper(settings.flap_count, int(settings.flap_quiet_s * _MS))
        self._recalled = False
        self._forgot_ms = 0
        self.passed = Passed()

    async def run(self) -> None:
        """Pass for ever, each so long after the end of the one before; cancel it to stop."""
        while True:
            await self.look(time.time_ns() // 1_000_000)
            await asyncio.sleep(self._settings.interval_s)

    async def look(self, now_ms: int) -> None:
        """Pass once."""
        began = time.monotonic()
        try:
            await self._pass(now_ms)
        except (UnavailableError, OSError) as error:
            self.passed.failures += 1
            _log.error("alert-pass-failed error=%s", error)
        self.passed.passes += 1
        self.passed.seconds = time.monotonic() - began

    async def _pass(self, now_ms: int) -> None:
        standing = await self._alerts.standing()
        if not self._recalled:
            memories = await self._alerts.memories()
            self._samples.recall([_key(alert) for alert in standing], memories)
            self._drifts.recall(memories)
            self._recalled = True
        scene = await read_scene(self._catalogue, self._telemetry, now_ms, with_books=self._books.has_rules)
        findings = await self._find(scene, standing)
        decisions = await self._decide(findings, standing, now_ms)
        await self._alerts.decide(decisions, self._ways, now_ms)
        self._drifts.kept()
        self.passed.opened += len(decisions.openings)
        self.passed.closed += len(decisions.closings)
        self._tell(decisions)
        if now_ms - self._forgot_ms > _DAY_MS / 24:
            self._forgot_ms = now_ms
            await self._alerts.forget(now_ms - int(self._settings.keep_days * _DAY_MS), _FORGET_AT_ONCE)

    async def _find(self, scene: Scene, standing: list[Alert]) -> Findings:
        """Let every watch look."""
        findings = Findings()
        keys = frozenset(_key(alert) for alert in standing)
        self._absences.look(scene, keys, findings)
        self._books.look(scene, keys, findings)
        self._certificates.look(scene.now_ms, findings)
        self.passed.looked = await self._samples.look(scene)
        self._samples.tell(scene, findings)
        self._drifts.reset(_key(alert) for alert in standing if alert.held)
        self.passed.looked.failed += await self._drifts.look(scene)
        self._drifts.tell(findings)
        await self._parts.look(scene, findings)
        await self._commands.look(scene, findings)
        await self._keys.look(scene.now_ms, findings)
        return findings

    async def _decide(self, findings: Findings, standing: list[Alert], now_ms: int) -> Decisions:
        """Compare what holds with what stands."""
        out = Decisions()
        why = explained(findings)
        by_key = {_key(alert): alert for alert in standing}
        withheld = {key for key in why if key not in by_key}
        self.passed.withheld = len(withheld)
        wanted = [each for key, each in findings.holding.items() if key not in by_key and key not in withheld]
        wanted.sort(key=lambda finding: (-finding.rule.level_number, finding.key))
        out.openings = [opening_of(finding) for finding in wanted[:OPENINGS_MAX]]
        openings = await self._alerts.openings(now_ms - int(self._settings.flap_window_s * _MS)) if standing else {}
        for key, alert in by_key.items():
            holds = key in findings.holding or key in findings.unknown
            if alert.held:
                out.released += [] if holds else [alert.number]
            elif holds:
                self._flaps.holds(key)
                self._attend(alert, flaps=self._flaps.flaps(key, openings), now_ms=now_ms, out=out)
            elif alert.rule not in self._rules:
                out.closings[alert.number] = "its rule is no longer there"
            elif self._flaps.may_close(key, now_ms, flapping=alert.flapping):
                out.closings[alert.number] = "the condition has ended"
        self._group(grouped(why, withheld, GROUPED_MAX), standing, out)
        out.memories = {**self._samples.memories(), **self._drifts.memories()}
        return out

    def _attend(self, alert: Alert, *, flaps: bool, now_ms: int, out: Decisions) -> None:
        """See whether an alert that goes on flaps, or waits too long for somebody."""
        if flaps and not alert.flapping:
            out.flapping.append(alert.number)
        limit_s = next(
            (limit for level, limit in self._settings.escalate_s.items() if level == f"L{alert.level}"), None
        )
        waits = alert.state == AlertState.OPEN and alert.escalated_ms is None
        if waits and limit_s is not None and now_ms - alert.opened_ms >= limit_s * _MS:
            out.escalations.append(alert.number)

    @staticmethod
    def _group(groups: Mapping[str, list[str]], standing: list[Alert], out: Decisions) -> None:
        """Note under each cause what it explains, once it stands; what it no longer explains is taken away."""
        for alert in standing:
            subjects = groups.get(alert.subject, [])
            if not alert.held and alert.grouped != subjects and (subjects or alert.grouped):
                out.grouped[alert.number] = subjects

    def _tell(self, decisions: Decisions) -> None:
        for opening in decisions.openings:
            _log.warning("alert-opened rule=%s level=L%d subject=%r", opening.rule, opening.level, opening.subject)
        for number, why in decisions.closings.items():
            _log.info("alert-closed number=%d why=%r", number, why)


def _key(alert: Alert) -> Key:
    return (alert.rule, alert.subject)


def opening_of(finding: Finding) -> Opening:
    """Word an alert."""
    rule, place = finding.rule, finding.place
    return Opening(
        rule.id,
        place.subject,
        place.site,
        place.device,
        place.signal,
        rule.level_number,
        words(rule.title, finding.facts),
        words(rule.seen, finding.facts),
        rule.why,
        f"{printable(finding.action)} {rule.action}".strip(),
        printable(finding.part) or rule.part,
    )
