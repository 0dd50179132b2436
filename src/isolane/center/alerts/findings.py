"""This file defines what the watches hand to the engine; it guards that what cannot be told now is told apart."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from isolane.center.alerts.rules import Rule
from isolane.center.alerts.subjects import Place

Key = tuple[str, str]
"""Rule and subject."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A condition that holds, or is about to.

    Attributes:
        rule: Whose.
        place: Where.
        facts: Words for the rule's templates.
        explained_by: Subject that explains it by its own silence; "" for none.
        action: What to do before what the rule says; "" for nothing.
        part: Which part to bring instead of what the rule says; "" for that.
    """

    rule: Rule
    place: Place
    facts: Mapping[str, str]
    explained_by: str = ""
    action: str = ""
    part: str = ""

    @property
    def key(self) -> Key:
        """What it is told apart by."""
        return (self.rule.id, self.place.subject)


@dataclass(slots=True)
class Findings:
    """All of one pass.

    Attributes:
        holding: Conditions that hold.
        pending: Conditions that have begun to hold and not for long enough.
        unknown: Conditions of which nothing can be told now: what stands, stands.
        ended: What is known of some conditions that do not hold, for the sentence that closes their alerts.
    """

    holding: dict[Key, Finding] = field(default_factory=dict)
    pending: dict[Key, Finding] = field(default_factory=dict)
    unknown: set[Key] = field(default_factory=set)
    ended: dict[Key, str] = field(default_factory=dict)

    def hold(self, finding: Finding) -> None:
        """Add a condition that holds."""
        self.holding[finding.key] = finding

    def expect(self, finding: Finding) -> None:
        """Add a condition that has begun."""
        self.pending[finding.key] = finding
