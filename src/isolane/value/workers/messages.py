"""This file defines what supervisor and workers tell each other.

It guards that an answer says which question it answers.

Constraints: both ends are the same program, started one by the other; there is no version. Order is kept.
Layout: one JSON object a line on a stream socket; `type` names the message.
Operation: the supervisor says Hello; the worker answers Ready when it serves. A `ticket` is a newcomer of one worker,
from Admit to Leave; a `question` is answered by the message with the same number.
"""

from enum import StrEnum
from typing import Literal

import msgspec


class Decision(StrEnum):
    """What became of a newcomer.

    ASK never leaves the supervisor: whoever holds the identity must be asked first.
    """

    GRANTED = "granted"
    FULL = "full"
    DUPLICATE = "duplicate"
    ASK = "ask"


class Family(msgspec.Struct, frozen=True):
    """One metric of a page; `samples` are name, labels, value."""

    name: str
    kind: str
    text: str
    samples: list[tuple[str, dict[str, str], float]]


class Told(msgspec.Struct, frozen=True, tag=True):
    """Something that is told."""


class Asked(msgspec.Struct, frozen=True, tag=True):
    """Something that wants an answer."""

    question: int


class Answer(msgspec.Struct, frozen=True, tag=True):
    """An answer."""

    question: int


class Hello(Told, frozen=True):
    """To a worker, first: its number from 1, how many there are, the port of each listener."""

    worker: int
    workers: int
    ports: list[int]


class Ready(Told, frozen=True):
    """From a worker: it serves."""


class Reload(Told, frozen=True):
    """To a worker: read again what can be read again."""


class Guess(Told, frozen=True):
    """Both ways: a method of `Attempts` was called at another worker."""

    what: Literal["begin", "succeeded"]
    peer: str
    charger: str


class Learned(Told, frozen=True):
    """Both ways: a password was put in the place of a charger's stored one; salt and key as in its file, in hex."""

    charger: str
    salt: str
    key: str


class Admit(Asked, frozen=True):
    """From a worker: may this newcomer ask the CSMS? Policy and limits are those of the worker's settings."""

    ticket: int
    charger: str
    policy: str
    probe_s: float
    connections: int


class Claim(Asked, frozen=True):
    """From a worker: the CSMS has accepted this newcomer; does it get the identity?"""

    ticket: int


class Verdict(Answer, frozen=True):
    """To a worker: the answer to Admit and Claim."""

    decision: Decision


class Release(Told, frozen=True):
    """From a worker: this one has begun to end and holds no identity any more."""

    ticket: int


class Leave(Told, frozen=True):
    """From a worker: this one is gone."""

    ticket: int


class Probe(Asked, frozen=True):
    """To a worker: is this charger there?"""

    ticket: int
    wait_s: float


class Yield(Asked, frozen=True):
    """To a worker: end this connection for a newcomer if it is still silent, or with `force` in any case."""

    ticket: int
    force: bool


class Heard(Answer, frozen=True):
    """From a worker: the answer to Probe (it is there) and Yield (it gave way)."""

    yes: bool


class Collect(Asked, frozen=True):
    """To a worker: give your metrics page."""


class Page(Answer, frozen=True):
    """From a worker: the answer to Collect."""

    families: list[Family]


Message = (
    Hello
    | Ready
    | Reload
    | Guess
    | Learned
    | Admit
    | Claim
    | Verdict
    | Release
    | Leave
    | Probe
    | Yield
    | Heard
    | Collect
    | Page
)
