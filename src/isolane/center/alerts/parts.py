"""This file watches parts by their level; it guards that a part is one alert, and none of it ends by silence.

A gateway's models decide on a level (docs/reference/health-scores.md); here it is only said to people. Of the rules
that take a part the one with the highest level that it has reached speaks, so that a part never has two alerts. While
its gateway is silent nobody knows of it: what stands, stands, and nothing new opens.

Telemetry tells the lowest score of each component as a signal too. Where a gateway tells of the part itself and a rule
takes it, rules on that signal say nothing: the same would be said twice.
"""

from collections.abc import Iterable

from isolane.center.alerts.findings import Finding, Findings
from isolane.center.alerts.rules import HealthRule, PartRule
from isolane.center.alerts.scene import Scene
from isolane.center.alerts.subjects import Place, part_subject, takes_device, takes_part
from isolane.center.alerts.wording import quantity
from isolane.center.store.health_port import StandingParts
from isolane.center.store.health_views import PartHealth
from isolane.wire.health_paper import RemedyNote, ScoreNote

_MS = 1000
SCORE = "xSoH"
"""The variable that tells a component's score as telemetry."""


class PartWatch:
    """Looks at levels of parts.

    Args:
        rules: Part rules.
        parts: Port of the store; None where nobody files papers.
        silent_s: From when on a gateway counts as silent.
    """

    def __init__(self, rules: Iterable[PartRule], parts: StandingParts | None, silent_s: float) -> None:
        self._rules = sorted(rules, key=lambda rule: -rule.level_number)
        self._parts = parts
        self._silent_ms = silent_s * _MS

    async def look(self, scene: Scene, findings: Findings) -> None:
        """Add every part whose level a rule speaks of, and take away what a signal says of the same parts.

        Raises:
            UnavailableError: The store cannot be read now.
        """
        if self._parts is None or not self._rules:
            return
        for part in await self._parts.standing(self._rules[-1].level_number):
            rule = next((rule for rule in self._rules if rule.level_number <= part.level and takes(rule, part)), None)
            if rule is None:
                continue
            finding = _finding(rule, part)
            heard_ms = scene.gateways.get((part.site, part.gateway))
            if heard_ms is None or scene.now_ms - heard_ms >= self._silent_ms:
                findings.unknown.add(finding.key)
            else:
                findings.hold(finding)
        await self._speak_once(self._parts, findings)

    async def _speak_once(self, parts: StandingParts, findings: Findings) -> None:
        scored: dict[tuple[str, str], frozenset[str]] = {}
        for found in (findings.holding, findings.pending):
            for key, finding in list(found.items()):
                component, _, variable = finding.place.signal.rpartition("/")
                if not isinstance(finding.rule, HealthRule) or variable != SCORE:
                    continue
                device = (finding.place.site, finding.place.device)
                if not any(takes_device(rule, *device) for rule in self._rules):
                    continue
                if device not in scored:
                    scored[device] = await parts.scored(*device)
                if component in scored[device]:
                    del found[key]


def takes(rule: PartRule, part: PartHealth) -> bool:
    """Tell whether a rule looks at a part, whatever its level."""
    return takes_device(rule, part.site, part.charger) and takes_part(
        rule, f"{part.place}/{part.component}/{part.measure}"
    )


def _finding(rule: PartRule, part: PartHealth) -> Finding:
    subject = part_subject(part.site, part.charger, part.place, part.component, part.measure)
    place = Place(subject, part.site, part.gateway, part.charger, component=f"{part.place}/{part.component}")
    remedy = _remedy(part)
    facts = {
        "rule": rule.id,
        "site": part.site,
        "gateway": part.gateway,
        "device": part.charger,
        "place": part.place,
        "component": part.component,
        "measure": part.measure,
        "codes": _codes(remedy) or "none",
        **(_of_score(part.score) if part.score is not None else _of_finding(part)),
    }
    return Finding(rule, place, facts, action=remedy.text, part=remedy.part)


def _remedy(part: PartHealth) -> RemedyNote:
    """Give what to do: as it was said with the newest change, else with the score."""
    if part.change is not None:
        return part.change.remedy
    score = part.score
    return RemedyNote("") if score is None or score.remedy is None else score.remedy


def _codes(remedy: RemedyNote) -> str:
    named = (("MREC", remedy.mrec), ("CharIN", remedy.unified))
    return ", ".join(f"{who} {code}" for who, code in named if code)


def _of_score(score: ScoreNote) -> dict[str, str]:
    theta, limit = quantity(score.theta, score.unit), quantity(score.theta_end, score.unit)
    known = "not known yet" if score.value is None else f"{score.value:.0f}"
    spread = "" if score.value is None or score.sd is None else f" \u00b1 {score.sd:.0f}"
    rests = f"{score.basis}, {score.n_obs} features, trust {score.trust}"
    return {
        "value": f"{known}{spread}",
        "sd": "" if score.sd is None else f"{score.sd:.0f}",
        "theta": theta,
        "limit": limit,
        "basis": score.basis,
        "count": str(score.n_obs),
        "evidence": f"state of health {known}{spread} of 100; {theta} against {limit} at its end of life ({rests})",
    }


def _of_finding(part: PartHealth) -> dict[str, str]:
    note = part.change
    if note is None:
        return {"evidence": "its gateway told no more than the level"}
    value, limit = quantity(note.value, note.unit), quantity(note.limit, note.unit)
    return {"value": value, "theta": value, "limit": limit, "evidence": f"{value}, held against {limit}"}
