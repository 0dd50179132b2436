"""This file holds what a case has shown; it guards that drivers only record and never judge."""

from dataclasses import dataclass, field
from typing import Any

from bench.attack.charger import Charger


@dataclass
class Answer:
    """What one hostile socket got.

    Attributes:
        label: Which turn of the case.
        status: HTTP status, None for none.
        closed_s: From opening to its end, None while it is open.
        raw: Every byte it got.
        elapsed_s: From the last byte sent to the answer.
        sent_bytes: What it could send before it was answered.
        charger: Identity that was asked for, "" for none.
    """

    label: str
    status: int | None = None
    closed_s: float | None = None
    raw: bytes = b""
    elapsed_s: float = 0.0
    sent_bytes: int = 0
    charger: str = ""


@dataclass
class Shot:
    """What one hostile WebSocket did and got.

    Attributes:
        label: Which turn of the case.
        names: The turn's variables.
        charger: Its end.
        message: What was sent, b"" for no message.
        closed_s: From the shot to the socket's end, None while it lives.
        hostile: Whether none of it may arrive.
    """

    label: str
    names: dict[str, Any]
    charger: Charger
    message: bytes = b""
    closed_s: float | None = None
    hostile: bool = False

    @property
    def code(self) -> int | None:
        """Give the close code that the charger got."""
        return self.charger.link.closed_with if self.charger.link else None


@dataclass
class Proof:
    """Everything a case has shown.

    Attributes:
        measures: By expectation's name: a number, a truth, or a sentence that says what is wrong.
        suspects: Types of security event that what was done may cause; any other is a wrong one.
    """

    answers: list[Answer] = field(default_factory=list)
    shots: list[Shot] = field(default_factory=list)
    measures: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    suspects: set[str] = field(default_factory=set)
    seconds: float = 0.0
