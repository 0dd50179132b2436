"""This file names what alerts are about and says who may explain whom; it guards that both are read one way only."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from isolane.center.alerts.rules import Rule
from isolane.center.store.alert_tables import SUBJECT_CHARS_MAX

GATEWAY_PREFIX = "gateway:"
CENTER = "center"


def site_subject(site: str) -> str:
    """Name a site."""
    return f"site/{site}"


def gateway_subject(site: str, gateway: str) -> str:
    """Name a gateway."""
    return f"gateway/{site}/{gateway}"


def charger_subject(site: str, charger: str) -> str:
    """Name a charger; an identity has no slash."""
    return _plain(f"charger/{site}/{charger}")


def signal_subject(site: str, device: str, key: str) -> str:
    """Name a signal; one that would be too long for the books ends with a hash instead."""
    return _short(_plain(f"signal/{site}/{device}/{key}"))


def part_subject(site: str, charger: str, place: str, component: str, measure: str) -> str:
    """Name what is measured of a part, in the same way."""
    return _short(_plain(f"part/{site}/{charger}/{place}/{component}/{measure}"))


def _short(subject: str) -> str:
    if len(subject) <= SUBJECT_CHARS_MAX:
        return subject
    mark = hashlib.sha256(subject.encode()).hexdigest()[:16]
    return f"{subject[: SUBJECT_CHARS_MAX - 17]}~{mark}"


def _plain(subject: str) -> str:
    """Take out what a database would not keep as it is: a subject must be read back as it was written."""
    return subject.replace("\0", "\ufffd").encode(errors="replace").decode()


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is: as much of site, gateway, device, signal, component (``<place>/<component>``) as it has."""

    subject: str
    site: str = ""
    gateway: str = ""
    device: str = ""
    signal: str = ""
    component: str = ""

    def within(self, other: "Place") -> bool:
        """Tell whether this is the other or part of it."""
        if other.subject in {self.subject, CENTER}:
            return True
        if other.component:
            is_part = other.component in {self.component, self.signal.rpartition("/")[0]}
            return is_part and (self.site, self.device) == (other.site, other.device)
        if other.signal:
            return False
        if other.device:
            return (self.site, self.device) == (other.site, other.device) or (
                other.device == f"{GATEWAY_PREFIX}{other.gateway}"
                and (self.site, self.gateway) == (other.site, other.gateway)
            )
        if other.gateway:
            return (self.site, self.gateway) == (other.site, other.gateway)
        return bool(other.site) and self.site == other.site


def takes_site(rule: Rule, site: str) -> bool:
    """Tell whether a rule looks at a site."""
    return _takes(rule.where.sites, site)


def takes_device(rule: Rule, site: str, device: str) -> bool:
    """Tell whether a rule looks at a charger or gateway."""
    return _takes(rule.where.sites, site) and _takes(rule.where.chargers, device)


def takes_signal(rule: Rule, key: str) -> bool:
    """Tell whether a rule looks at a signal."""
    return _takes(rule.where.signals, key)


def takes_part(rule: Rule, name: str) -> bool:
    """Tell whether a rule looks at a part, ``<place>/<component>/<measure>``."""
    return _takes(rule.where.signals, name)


def _takes(patterns: Sequence[str], text: str) -> bool:
    return any(pattern == "*" or _compiled(pattern).fullmatch(text) is not None for pattern in patterns)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile("[^/]*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
