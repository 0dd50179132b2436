"""This file reads the cases and the reasons; it guards that none gets lost between the file and the table."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FAMILIES = ("HS", "ID", "TL", "WS", "JS", "BB", "NB", "HC", "MQ", "OC", "SN", "SC", "PH", "CM")
"""What this harness is for: the boundaries of relay and tap, of Channel B to broker and center, and of the center."""
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One case as the YAML has it."""

    id: str
    title: str
    driver: str
    do: list[dict[str, Any]]
    expect: dict[str, Any]
    observe: list[str]
    tier: str = ""

    @property
    def family(self) -> str:
        """Give the letters of its id."""
        return self.id.partition("-")[0]


@dataclass(frozen=True)
class Book:
    """A file of cases."""

    limits: dict[str, float]
    cases: list[Case]


@dataclass(frozen=True)
class Reasons:
    """What does not fit the product, and why.

    Attributes:
        steps: Why a case with this step cannot be run.
        parts: Why an expectation or an observable is not judged.
        judged: How one is judged otherwise than by the letter.
    """

    steps: dict[str, str] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    judged: dict[str, str] = field(default_factory=dict)

    def against(self, case: Case) -> str | None:
        """Give the reason for not running a case at all, None for none."""
        return next((self.steps[key] for item in case.do for key in item if key in self.steps), None)


def read_book(path: Path) -> Book:
    """Read a file of cases.

    Raises:
        ValueError: A case lacks what every case has.
    """
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    cases = [_case(entry) for entry in document["cases"]]
    return Book(dict(document["limits"]), cases)


def read_reasons(path: Path = HERE / "reasons.toml") -> Reasons:
    """Read what does not fit."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    return Reasons(document.get("steps", {}), document.get("parts", {}), document.get("judged", {}))


def select(book: Book, families: set[str], ids: set[str]) -> list[Case]:
    """Give the cases that are asked for, in the file's order."""
    chosen = [case for case in book.cases if case.id in ids] if ids else book.cases
    return [case for case in chosen if case.family in families or case.id in ids]


def _case(entry: dict[str, Any]) -> Case:
    try:
        return Case(
            id=str(entry["id"]),
            title=str(entry["title"]),
            driver=str(entry["driver"]),
            do=list(entry["do"]),
            expect={str(key): value for key, value in (entry.get("expect") or {}).items()},
            observe=list(entry.get("observe") or []),
            tier=str(entry.get("tier", "")),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"a case of another form: {entry!r:.200}") from error
