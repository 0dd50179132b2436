"""This file finds who is silent; it guards that a silence is put down to the uppermost who is silent.

Center, site, gateway, charger: who is above explains who is below. A silence below is held back as soon as somebody
above, for whom there is a rule too, has been silent for half as long as it takes; so a link that goes down is one
alert even where the chargers' rule is the quicker one. A charger is silent when its gateway has no value of it. When
the one above is heard again, those below begin to count anew. The center's own start begins all counts that have no
alert: nobody was silent while nobody listened. One who is the only one of his kind is not spoken of twice: a site with
one gateway, a center with one site.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from isolane.center.alerts.findings import Finding, Findings, Key
from isolane.center.alerts.rules import AbsenceRule
from isolane.center.alerts.scene import Device, Scene
from isolane.center.alerts.subjects import (
    CENTER,
    GATEWAY_PREFIX,
    Place,
    charger_subject,
    gateway_subject,
    site_subject,
    takes_device,
    takes_site,
)
from isolane.center.alerts.wording import duration

_MS = 1000


@dataclass(frozen=True, slots=True)
class _Heard:
    """Somebody who can be silent, when he was heard, who is above him, and how many chargers are behind him."""

    place: Place
    kind: str
    seen_ms: int
    above: tuple[str, ...]
    behind: int


class AbsenceWatch:
    """Looks for silence.

    Args:
        rules: All absence rules; those of signals are not looked at here.
        started_ms: When the center began to listen.
    """

    def __init__(self, rules: Iterable[AbsenceRule], started_ms: int) -> None:
        self._rules = [rule for rule in rules if rule.of != "signal"]
        self._started_ms = started_ms
        self._spoke_ms: dict[Device, int] = {}
        self._heard_again_ms: dict[str, int] = {}
        self._explaining_ms: dict[str, int] = {}

    def look(self, scene: Scene, standing: AbstractSet[Key], findings: Findings) -> None:
        """Add every silence that has lasted long enough.

        Args:
            scene: Who was heard when.
            standing: Keys of alerts that stand: their silences go on from before the center's start.
            findings: Is added to.
        """
        for device, (_, seen_ms) in scene.chargers.items():
            if device not in scene.mute:
                self._spoke_ms[device] = seen_ms
        everybody = {heard.place.subject: heard for heard in _everybody(scene, self._spoke_ms)}
        for subject, seen_ms in self._explaining_ms.items():
            if subject in everybody and everybody[subject].seen_ms > seen_ms:
                self._heard_again_ms[subject] = scene.now_ms
        ruled = {subject: self._ruled(heard) for subject, heard in everybody.items()}
        silent_ms = {subject: scene.now_ms - self._since(heard) for subject, heard in everybody.items()}
        holding = set()
        for subject, heard in everybody.items():
            for rule in ruled[subject]:
                key = (rule.id, subject)
                quiet_ms = scene.now_ms - heard.seen_ms if key in standing else silent_ms[subject]
                if quiet_ms >= rule.after_s * _MS:
                    holding.add(key)
        self._explaining_ms = {}
        for rule_id, subject in sorted(holding):
            heard = everybody[subject]
            rule = next(rule for rule in ruled[subject] if rule.id == rule_id)
            cause = self._cause(heard, rule, silent_ms, {each for each in ruled if ruled[each]}, holding)
            if cause:
                self._explaining_ms[cause] = everybody[cause].seen_ms
            findings.hold(Finding(rule, heard.place, _facts(rule, heard, scene.now_ms), cause))

    def _since(self, heard: _Heard) -> int:
        """Give from when on a silence counts."""
        again = [self._heard_again_ms.get(subject, 0) for subject in heard.above]
        return max(heard.seen_ms, self._started_ms, *again)

    def _ruled(self, heard: _Heard) -> list[AbsenceRule]:
        return [rule for rule in self._rules if rule.of == heard.kind and _takes(rule, heard.place)]

    @staticmethod
    def _cause(
        heard: _Heard,
        rule: AbsenceRule,
        silent_ms: dict[str, int],
        with_rule: AbstractSet[str],
        holding: AbstractSet[Key],
    ) -> str:
        """Name the uppermost who explains a silence; "" for none."""
        open_above = {subject for _, subject in holding}
        for subject in heard.above:
            half = silent_ms.get(subject, 0) >= rule.after_s * _MS / 2
            if subject in with_rule and (half or subject in open_above):
                return subject
        return ""


def _takes(rule: AbsenceRule, place: Place) -> bool:
    if not place.site:
        return True
    return takes_device(rule, place.site, place.device) if place.device else takes_site(rule, place.site)


def _everybody(scene: Scene, spoke_ms: Mapping[Device, int]) -> Iterator[_Heard]:
    """Give everybody who can be silent, each with those above him, the uppermost first."""
    sites = scene.sites
    behind: dict[tuple[str, str], int] = {}
    for (site, _), (gateway, _) in scene.chargers.items():
        behind[site, gateway] = behind.get((site, gateway), 0) + 1
    top: tuple[str, ...] = (CENTER,) if len(sites) > 1 else ()
    if top:
        yield _Heard(Place(CENTER), "center", max(scene.gateways.values()), (), len(scene.chargers))
    for site, gateways in sites.items():
        above = (*top, site_subject(site)) if len(gateways) > 1 else top
        if len(gateways) > 1:
            seen_ms = max(scene.gateways[site, gateway] for gateway in gateways)
            count = sum(behind.get((site, gateway), 0) for gateway in gateways)
            yield _Heard(Place(site_subject(site), site), "site", seen_ms, top, count)
        for gateway in gateways:
            place = Place(gateway_subject(site, gateway), site, gateway, f"{GATEWAY_PREFIX}{gateway}")
            count = behind.get((site, gateway), 0)
            yield _Heard(place, "gateway", scene.gateways[site, gateway], above, count)
    for (site, charger), (gateway, _) in scene.chargers.items():
        seen_ms = spoke_ms.get((site, charger), 0)
        above = (*top, site_subject(site)) if len(sites.get(site, ())) > 1 else top
        place = Place(charger_subject(site, charger), site, gateway, charger)
        yield _Heard(place, "charger", seen_ms, (*above, gateway_subject(site, gateway)), 0)


def _facts(rule: AbsenceRule, heard: _Heard, now_ms: int) -> dict[str, str]:
    place = heard.place
    return {
        "rule": rule.id,
        "site": place.site,
        "gateway": place.gateway,
        "device": place.device.removeprefix(GATEWAY_PREFIX),
        "duration": duration((now_ms - heard.seen_ms) / _MS) if heard.seen_ms else "",
        "limit": duration(rule.after_s),
        "count": str(heard.behind),
    }
