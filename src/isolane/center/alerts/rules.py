"""This file defines what a rule may say; it guards that nothing written in a rules file is silently ignored.

A rules file is TOML, a table ``[[rule]]`` each. Numbers are in the signal's own unit (V, A, W, Celsius, s ...).
"""

import difflib
import math
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from isolane.center.alerts.wording import check_template
from isolane.core.failures import IsolaneError

RULES_MAX = 500
DEFAULT_RULES = Path(__file__).parent / "default_rules.toml"

_DAY_S = 86_400
Pattern = Annotated[str, msgspec.Meta(min_length=1, max_length=160)]
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=30 * _DAY_S)]
Span = Annotated[float, msgspec.Meta(ge=1, le=30 * _DAY_S)]


class Where(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which sites, chargers (or ``gateway:<name>``) and signals; ``*`` in a name stands for any text without it.

    A signal is written ``<evse>.<connector>/<Component>[<instance>]/<Variable>[<instance>]`` with OCPP's names;
    brackets are plain characters.
    """

    sites: tuple[Pattern, ...] = ("*",)
    chargers: tuple[Pattern, ...] = ("*",)
    signals: tuple[Pattern, ...] = ("*",)


class _Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every rule has. `seen` and `title` may name {value} and what `wording` lists."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$")]
    level: Literal["L0", "L1", "L2", "L3", "L4"]
    title: Line
    seen: Text
    why: Text
    action: Text
    part: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    where: Where = Where()
    consequence_of: tuple[str, ...] = ()

    @property
    def level_number(self) -> int:
        """The level as a number, 0 to 4."""
        return int(self.level[1])


class _Sampled(_Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule that looks at samples, with hysteresis and durations."""

    for_s: Seconds = 0.0
    clear_for_s: Seconds = 0.0
    gap_s: Span = 120.0


class ThresholdRule(_Sampled, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="threshold"):
    """A value beyond a limit for a while; it ends beyond `clear`, on the other side."""

    above: float | None = None
    below: float | None = None
    clear: float | None = None


class RateRule(_Sampled, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="rate"):
    """A value that changes faster than a limit, in its unit per second, over a window."""

    window_s: Annotated[float, msgspec.Meta(ge=2, le=3600)]
    above: float | None = None
    below: float | None = None
    clear: float | None = None


class HealthRule(_Sampled, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="health"):
    """A state of health, 100 new to 0 worn out, below a level, surely: value + `sure_sd` x its standard deviation."""

    below: Annotated[float, msgspec.Meta(gt=0, le=100)]
    clear: Annotated[float, msgspec.Meta(gt=0, le=100)] | None = None
    sure_sd: Annotated[float, msgspec.Meta(ge=0, le=5)] = 0.0


class AbsenceRule(_Rule, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="absence"):
    """Nothing is heard of the center's sites, a site, a gateway, a charger, or a signal has no good value."""

    of: Literal["center", "site", "gateway", "charger", "signal"]
    after_s: Annotated[float, msgspec.Meta(ge=10, le=30 * _DAY_S)]


class LedgerRule(_Rule, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="ledger"):
    """A gateway's books have a hole for a while: blocks are missing that no gap record explains."""

    for_s: Seconds = 300.0


class CertificateRule(_Rule, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="certificate"):
    """A certificate that the center uses or watches ends soon, or has ended."""

    days: Annotated[float, msgspec.Meta(ge=0, le=3650)]


class CusumRule(_Rule, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="cusum"):
    """A drift of a signal's mean over steps, by a two-sided CUSUM in standard deviations of its own baseline."""

    every_s: Annotated[float, msgspec.Meta(ge=60, le=_DAY_S)]
    baseline: Annotated[int, msgspec.Meta(ge=5, le=1000)] = 50
    k: Annotated[float, msgspec.Meta(gt=0, le=5)] = 0.5
    h: Annotated[float, msgspec.Meta(gt=0, le=100)] = 8.0
    clear: Annotated[float, msgspec.Meta(ge=0, le=100)] = 4.0
    side: Literal["up", "down", "both"] = "both"
    persist: Annotated[int, msgspec.Meta(ge=1, le=100)] = 2
    winsor: Annotated[float, msgspec.Meta(gt=0, le=100)] = 4.0
    sd_min: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class PartRule(_Rule, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="part"):
    """A part has this rule's level, or a higher one that no other such rule speaks of, by its gateway's models.

    `where.signals` is held against ``<place>/<component>/<measure>``.
    """


class CommandRule(_Rule, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="command"):
    """A gateway's audit was cut, put back or told twice, or it sent a receipt that is not its own, within the hours."""

    hours: Annotated[float, msgspec.Meta(ge=1, le=720)] = 24.0


class KeysRule(_Rule, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="keys"):
    """The key manifest in force ends soon, or has ended."""

    days: Annotated[float, msgspec.Meta(ge=0, le=366)]


Rule = (
    ThresholdRule
    | RateRule
    | HealthRule
    | AbsenceRule
    | LedgerRule
    | CertificateRule
    | CusumRule
    | PartRule
    | CommandRule
    | KeysRule
)
Sampled = ThresholdRule | RateRule | HealthRule

_KINDS: dict[str, type] = {
    "threshold": ThresholdRule,
    "rate": RateRule,
    "health": HealthRule,
    "absence": AbsenceRule,
    "ledger": LedgerRule,
    "certificate": CertificateRule,
    "cusum": CusumRule,
    "part": PartRule,
    "command": CommandRule,
    "keys": KeysRule,
}


def load_rules(file: Path | None = None) -> tuple[Rule, ...]:
    """Read a rules file, the shipped one if None.

    Raises:
        IsolaneError: It cannot be read, or something in it is wrong; the error names the rule and the key.
    """
    file = file or DEFAULT_RULES
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise IsolaneError(f"cannot read {file}: {error.strerror}", "see docs/reference/alerts.md") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise IsolaneError(f"{file} is not valid TOML: {error}", "correct the line it names") from error
    for key in document:
        if key != "rule":
            raise IsolaneError(f"{file}: unknown table {key!r}", "a rules file holds tables [[rule]] only")
    tables = document.get("rule", [])
    if not isinstance(tables, list) or len(tables) > RULES_MAX:
        raise IsolaneError(f"{file}: rules are tables [[rule]], at most {RULES_MAX}", "see docs/reference/alerts.md")
    rules = tuple(_rule(file, number, table) for number, table in enumerate(tables, 1))
    _check_together(file, rules)
    return rules


def _rule(file: Path, number: int, table: Any) -> Rule:  # noqa: ANN401 - what TOML gives
    name = table.get("id", f"number {number}") if isinstance(table, dict) else f"number {number}"
    place = f"{file}: rule {name}"
    kind = table.get("kind") if isinstance(table, dict) else None
    if kind not in _KINDS:
        raise IsolaneError(f"{place}: kind = {kind!r} is no kind of rule", f"choose one of {', '.join(_KINDS)}")
    try:
        rule: Rule = msgspec.convert(table, _KINDS[kind])
    except msgspec.ValidationError as error:
        raise IsolaneError(f"{place}: {error}", _nearest(str(error), _KINDS[kind])) from error
    wrong = _wrong(rule)
    if wrong:
        raise IsolaneError(f"{place}: {wrong}", "see docs/reference/alerts.md")
    return rule


def _nearest(sentence: str, kind: type[msgspec.Struct]) -> str:
    unknown = re.search(r"unknown field `(.*?)`", sentence)
    if unknown is None:
        return "see docs/reference/alerts.md"
    known = Where.__struct_fields__ if "$.where" in sentence else kind.__struct_fields__
    close = difflib.get_close_matches(unknown[1], known, n=1)
    return f"did you mean {close[0]!r}" if close else f"valid here: {', '.join(sorted(known))}"


def _wrong(rule: Rule) -> str:
    """Say what is wrong with a rule that its types allow; "" if nothing is."""
    for name, template in (("title", rule.title), ("seen", rule.seen)):
        wrong = check_template(template)
        if wrong:
            return f"{name}: {wrong}"
    numbers = [value for value in msgspec.structs.astuple(rule) if isinstance(value, float)]
    if not all(math.isfinite(value) for value in numbers):
        return "a number is not finite"
    if isinstance(rule, ThresholdRule | RateRule):
        return _wrong_limits(rule.above, rule.below, rule.clear)
    if isinstance(rule, HealthRule):
        return _wrong_limits(None, rule.below, rule.clear)
    if isinstance(rule, CusumRule) and rule.clear >= rule.h:
        return "clear must be less than h"
    return ""


def _wrong_limits(above: float | None, below: float | None, clear: float | None) -> str:
    if (above is None) == (below is None):
        return "give `above` or `below`, one of them"
    if clear is not None and above is not None and clear > above:
        return "clear must not be greater than above"
    if clear is not None and below is not None and clear < below:
        return "clear must not be less than below"
    return ""


def _check_together(file: Path, rules: tuple[Rule, ...]) -> None:
    ids = [rule.id for rule in rules]
    for rule in rules:
        if ids.count(rule.id) > 1:
            raise IsolaneError(f"{file}: two rules are called {rule.id!r}", "give each its own id")
        for cause in rule.consequence_of:
            if cause not in ids:
                hint = difflib.get_close_matches(cause, ids, n=1)
                raise IsolaneError(
                    f"{file}: rule {rule.id}: consequence_of names {cause!r}, which is no rule here",
                    f"did you mean {hint[0]!r}" if hint else f"rules here: {', '.join(ids)}",
                )
    _check_circles(file, rules)


def _check_circles(file: Path, rules: tuple[Rule, ...]) -> None:
    """Refuse rules that explain each other: neither would ever open."""
    causes = {rule.id: rule.consequence_of for rule in rules}
    for start, first in causes.items():
        seen: set[str] = set()
        around = list(first)
        while around:
            one = around.pop()
            if one == start:
                raise IsolaneError(f"{file}: rule {start} is a consequence of itself", "break the circle")
            if one not in seen:
                seen.add(one)
                around += causes[one]
