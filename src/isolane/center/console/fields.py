"""This file reads a form's fields; it guards that what is refused is said beside its field, with what to write instead.

What somebody wrote is kept beside the sentence, so that the page can show both again.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs

_MOMENT: Final = "%Y-%m-%d %H:%M"
_INSTANT_MS_MAX: Final = 253_402_300_800_000
_SHOWN_MAX: Final = 6


def form_of(body: bytes) -> dict[str, str]:
    """Read a form's body; of a field that comes twice, the last."""
    return {key: values[-1] for key, values in parse_qs(body.decode("utf-8", "replace")).items()}


def moment_text(t_ms: int) -> str:
    """Write a UTC time as such a field holds it."""
    return datetime.fromtimestamp(t_ms / 1000, UTC).strftime(_MOMENT)


@dataclass(slots=True)
class Fields:
    """The fields of one form as they were written.

    Attributes:
        values: By name.
        errors: By name, the sentence that says why a value cannot be and what can.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def text(self, name: str, chars_max: int, *, empty: str = "") -> str:
        """Give a text without the blanks around it.

        Args:
            name: Of the field.
            chars_max: Longest.
            empty: What to write, if something must be written; "" if not.
        """
        value = self.values.get(name, "").strip()
        if not value and empty:
            self.errors[name] = empty
        elif len(value) > chars_max:
            self.errors[name] = f"This has {len(value)} characters; at most {chars_max} fit. Shorten it."
        elif "\0" in value or not value.isprintable():
            self.errors[name] = "This holds a sign that nobody can read. Write it in one line, of letters and signs."
        return value

    def one_of(self, name: str, known: Collection[str], what: str) -> str:
        """Give a value of some that are known; `what` names their kind."""
        value = self.values.get(name, "").strip()
        if value not in known:
            some = ", ".join(sorted(known)[:_SHOWN_MAX])
            more = ", ..." if len(known) > _SHOWN_MAX else ""
            advice = f"Known: {some}{more}." if known else f"No {what} is known."
            self.errors[name] = f"There is no such {what}. {advice}"
        return value

    def number(self, name: str, least: float, most: float, *, is_whole: bool = True) -> float:
        """Give a number, 0 for an empty field."""
        value = self.values.get(name, "").strip()
        try:
            number = float(value or 0)
        except ValueError:
            number = float("nan")
        if not least <= number <= most or (is_whole and not number.is_integer()):
            self.errors[name] = f"Write a {'whole ' if is_whole else ''}number from {least:g} to {most:g}."
            return 0
        return number

    def moment_ms(self, name: str) -> int:
        """Give a UTC time, ms."""
        value = self.values.get(name, "").strip()
        try:
            moment = datetime.strptime(value.replace("T", " "), _MOMENT).replace(tzinfo=UTC)
        except ValueError:
            self.errors[name] = "Write a day and a time in UTC, as 2026-10-31 13:05."
            return 0
        t_ms = int(moment.timestamp()) * 1000
        if not 0 <= t_ms <= _INSTANT_MS_MAX:
            self.errors[name] = "That is before 1970. Write a later day."
        return t_ms
