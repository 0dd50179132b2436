"""This file groups by cause; it guards that what another condition explains asks for nobody of its own.

A condition is explained by the silence of who is above it (`absences`), or by a condition of a rule that its own rule
names in `consequence_of`, at the same place or around it. A cause explains from the moment it begins to hold, also
while its own duration still runs, so that a consequence with the shorter duration does not come first. When it ends,
nothing explains any more, and the next pass sees the rest as it is.
"""

from isolane.center.alerts.findings import Finding, Findings, Key


def explained(findings: Findings) -> dict[Key, str]:
    """Give the subject that explains each condition that is explained."""
    out = {}
    causes: dict[str, list[Finding]] = {}
    for cause in (*findings.holding.values(), *findings.pending.values()):
        causes.setdefault(cause.rule.id, []).append(cause)
    for key, finding in findings.holding.items():
        subject = finding.explained_by or _by_rule(finding, causes)
        if subject:
            out[key] = subject
    return out


def _by_rule(finding: Finding, causes: dict[str, list[Finding]]) -> str:
    for rule in finding.rule.consequence_of:
        for cause in causes.get(rule, ()):
            if finding.place.within(cause.place):
                return cause.place.subject
    return ""


def grouped(why: dict[Key, str], withheld: set[Key], at_most: int) -> dict[str, list[str]]:
    """Give the subjects that are withheld under each cause's subject, in order, cut at so many."""
    out: dict[str, set[str]] = {}
    for key in withheld:
        out.setdefault(why[key], set()).add(key[1])
    return {cause: sorted(subjects)[:at_most] for cause, subjects in out.items()}
