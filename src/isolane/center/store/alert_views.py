"""This file defines what is seen of alerts; it guards that a state follows from facts and is never set by itself.

All times are UTC in ms. A *subject* is what an alert is about: ``center``, ``site/<site>``,
``gateway/<site>/<gateway>``, ``charger/<site>/<identity>``, ``signal/<site>/<device>/<key>``,
``part/<site>/<identity>/<place>/<component>/<measure>`` or ``certificate/<name>``.
Texts that a device chose (an identity, a signal's key) are text everywhere: whoever shows them escapes them.
"""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class Level(IntEnum):
    """How much it matters; docs/reference/alerts.md says what each asks for."""

    L0 = 0
    """Info: a daily look is enough."""
    L1 = 1
    """Watch: a drift within limits."""
    L2 = 2
    """Plan: for the next planned visit."""
    L3 = 3
    """Dispatch: a work order now."""
    L4 = 4
    """Safety: the device must already have protected itself."""


class AlertState(StrEnum):
    """Where an alert stands; the later of two that both hold wins, up to closed."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    SILENCED = "silenced"
    CLOSED = "closed"


def state_of(*, closed: bool, silenced: bool, assigned: bool, acknowledged: bool) -> AlertState:
    """Tell the state from the facts."""
    facts = (
        (closed, AlertState.CLOSED),
        (silenced, AlertState.SILENCED),
        (assigned, AlertState.ASSIGNED),
        (acknowledged, AlertState.ACKNOWLEDGED),
    )
    return next((state for holds, state in facts if holds), AlertState.OPEN)


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    Attributes:
        number: Counts up; newer alerts have greater numbers.
        rule: Rule that opened it.
        subject: See the top of this file.
        site: Site, "" for what has none.
        device: Charger identity or ``gateway:<name>``, "" for neither.
        signal: Signal key, "" for none.
        level: 0 to 4, as `Level`.
        state: As `AlertState`.
        opened_ms: When it was decided.
        closed_ms: When it was closed, None while it is not.
        closed_by: Who closed it, "" for its rule; None while it is not closed.
        held: Closed by a person while its condition held: it opens again only after the condition has ended.
        acknowledged_ms: When somebody said that he has seen it.
        acknowledged_by: Who.
        assignee: Who works on it.
        escalated_ms: When it was told again because nobody had acknowledged it.
        flapping: It comes and goes, and is kept open until it has been quiet for a while.
        told: Whether the ways out were told that it opened.
        grouped: Subjects that need nobody of their own while this is open, because it explains them.
        title: One line.
        seen: What was seen, with values and units.
        why: Why it matters.
        action: What to do.
        part: Which part to bring, "" for none.
    """

    number: int
    rule: str
    subject: str
    site: str
    device: str
    signal: str
    level: int
    state: str
    opened_ms: int
    closed_ms: int | None
    closed_by: str | None
    held: bool
    acknowledged_ms: int | None
    acknowledged_by: str | None
    assignee: str | None
    escalated_ms: int | None
    flapping: bool
    told: bool
    grouped: list[str]
    title: str
    seen: str
    why: str
    action: str
    part: str


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One line of history.

    Attributes:
        at_ms: When.
        kind: opened, acknowledged, comment, assigned, silenced, woken, escalated, flapping, delivered, undeliverable or
            closed.
        who: "" for the center itself.
        text: What was said.
    """

    at_ms: int
    kind: str
    who: str
    text: str


@dataclass(frozen=True, slots=True)
class AlertHistory:
    """An alert with all that happened to it, oldest first."""

    alert: Alert
    events: list[AlertEvent]


@dataclass(frozen=True, slots=True)
class AlertPage:
    """Some alerts, newest first; `before` asks for the next page, None at the end."""

    alerts: list[Alert]
    before: int | None


@dataclass(frozen=True, slots=True)
class AlertQuery:
    """Which alerts; None takes all.

    Attributes:
        sites: Only of these sites.
        site: Only of this site.
        device: Only of this charger or gateway.
        rule: Only of this rule.
        level_min: Only of this level or above.
        states: Only in these states.
        before: Only with a number below.
        limit: At most so many.
        opened_since_ms: Only opened then or later.
        closed_since_ms: Only closed, and that then or later.
    """

    sites: frozenset[str] | None = None
    site: str | None = None
    device: str | None = None
    rule: str | None = None
    level_min: int = 0
    states: tuple[str, ...] = ()
    before: int | None = None
    limit: int = 50
    opened_since_ms: int | None = None
    closed_since_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts that match are kept from the ways out until it ends; an empty matcher takes everything.

    Attributes:
        number: 0 before it is kept.
        rule: Rule id.
        site: Site name.
        device: Charger identity or ``gateway:<name>``.
        subject: Exactly one subject.
        reason: Why, for those who read it later.
        who: Who silenced.
        from_ms: Since when.
        until_ms: It ends then.
    """

    number: int
    rule: str
    site: str
    device: str
    subject: str
    reason: str
    who: str
    from_ms: int
    until_ms: int

    def takes(self, rule: str, site: str, device: str, subject: str) -> bool:
        """Tell whether an alert is silenced by it, its time apart."""
        pairs = ((self.rule, rule), (self.site, site), (self.device, device), (self.subject, subject))
        return all(wanted in {"", own} for wanted, own in pairs)


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """What a way out is to say, as it was when it was decided.

    Attributes:
        number: Of the delivery; the same at every attempt.
        event: "opened", "escalated" or "resolved".
        at_ms: When it was decided.
        attempts: How often it was tried before.
        alert: As it was then.
    """

    number: int
    event: str
    at_ms: int
    attempts: int
    alert: Alert


@dataclass(frozen=True, slots=True)
class AlertCounts:
    """Alerts that are not closed, by level 0 to 4, and how many of them nobody has acknowledged, taken or silenced."""

    by_level: list[int] = field(default_factory=lambda: [0] * len(Level))
    waiting: int = 0
