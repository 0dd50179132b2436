"""This file finds holes in books and certificates that end; it guards that each is one alert, however many lines."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from isolane.center.alerts.findings import Finding, Findings
from isolane.center.alerts.rules import CertificateRule, LedgerRule
from isolane.center.alerts.scene import Scene
from isolane.center.alerts.subjects import GATEWAY_PREFIX, Place, gateway_subject, takes_device
from isolane.center.alerts.wording import duration

_MS = 1000
_DAY_S = 86_400
_FILE_BYTES_MAX = 1 << 20


class LedgerWatch:
    """Looks for holes.

    Args:
        rules: Ledger rules.
    """

    def __init__(self, rules: Iterable[LedgerRule]) -> None:
        self._rules = tuple(rules)
        self._since_ms: dict[tuple[str, str], int] = {}

    @property
    def has_rules(self) -> bool:
        """Whether the books are needed at all."""
        return bool(self._rules)

    def look(self, scene: Scene, standing: frozenset[tuple[str, str]], findings: Findings) -> None:
        """Add every gateway whose books have a hole."""
        holes: dict[tuple[str, str], int] = {}
        for line in scene.holes:
            missing = sum(hole.last - hole.first + 1 for hole in line.holes)
            who = (line.site, line.gateway)
            holes[who] = holes.get(who, 0) + missing
        self._since_ms = {who: self._since_ms.get(who, scene.now_ms) for who in holes}
        for (site, gateway), missing in holes.items():
            device = f"{GATEWAY_PREFIX}{gateway}"
            place = Place(gateway_subject(site, gateway), site, gateway, device)
            lasted_ms = scene.now_ms - self._since_ms[site, gateway]
            for rule in self._rules:
                if not takes_device(rule, site, device):
                    continue
                facts = {
                    "rule": rule.id,
                    "site": site,
                    "gateway": gateway,
                    "device": gateway,
                    "value": f"{missing} blocks" if missing else "sample counts that differ",
                    "count": str(missing),
                    "duration": duration(lasted_ms / _MS),
                    "limit": duration(rule.for_s),
                }
                finding = Finding(rule, place, facts)
                if lasted_ms >= rule.for_s * _MS or finding.key in standing:
                    findings.hold(finding)
                else:
                    findings.expect(finding)


class CertificateWatch:
    """Looks at certificates' ends, at most once a minute.

    Args:
        rules: Certificate rules.
        files: PEM files; each certificate in them is looked at. A folder stands for its ``*.pem``.
    """

    def __init__(self, rules: Iterable[CertificateRule], files: Iterable[Path]) -> None:
        self._rules = tuple(rules)
        self._files = tuple(files)
        self._read_ms = -60_000
        self._ends: dict[str, datetime] = {}

    def look(self, now_ms: int, findings: Findings) -> None:
        """Add every certificate that ends soon. A file that cannot be read now is left as it was."""
        if not self._rules:
            return
        if now_ms - self._read_ms >= 60 * _MS:
            self._read_ms = now_ms
            self._ends = read_ends(self._files)
        now = datetime.fromtimestamp(now_ms / _MS, UTC)
        for name, end in self._ends.items():
            left_s = (end - now).total_seconds()
            for rule in self._rules:
                if left_s < rule.days * _DAY_S:
                    lasts = f"in {duration(left_s)}" if left_s > 0 else f"{duration(-left_s)} ago"
                    facts = {"rule": rule.id, "device": name, "value": lasts, "limit": f"{rule.days:g} d"}
                    findings.hold(Finding(rule, Place(f"certificate/{name}"[:256]), facts))


def read_ends(files: Iterable[Path]) -> dict[str, datetime]:
    """Give when each certificate ends, by file name, common name and the end of its serial number."""
    out = {}
    for file in files:
        for each in sorted(file.glob("*.pem")) if file.is_dir() else [file]:
            for certificate in _certificates(each):
                names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
                name = str(names[0].value) if names else "without a name"
                serial = f"{certificate.serial_number:x}"[-8:]
                out[f"{each.name}: {name} ({serial})"] = certificate.not_valid_after_utc
    return out


def _certificates(file: Path) -> list[x509.Certificate]:
    """Read a PEM file; what is no certificate holds none."""
    try:
        if file.stat().st_size > _FILE_BYTES_MAX:
            return []
        return x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError):
        return []
