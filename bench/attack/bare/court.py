"""This file does and judges a case that needs no relay under load; it guards that what nobody measured is an error."""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from bench.attack.cases import Case, Reasons
from bench.attack.expect import compare
from bench.attack.fill import UnknownError

FAMILIES = ("SC", "PH")


@dataclass
class Deed:
    """One step, and what the case's steps have shown so far.

    Attributes:
        family: Of the case.
        arg: The step's argument.
        measures: By name of the expectation or observable: a number, a truth, a list, or a sentence of what is wrong.
        notes: For people.
        kept: What a step leaves for the next.
        stack: Closed when the case is judged.
        limits: Of the file of cases.
        quick: Whether large numbers are to be small.
    """

    family: str
    arg: Any = None
    measures: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)
    stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    limits: dict[str, float] = field(default_factory=dict)
    quick: bool = False

    def wants(self, value: object) -> None:
        """See that the step is asked for exactly this.

        Raises:
            UnknownError: It is asked for something else.
        """
        if self.arg != value:
            raise UnknownError(f"{self.arg!r}, where only {value!r} is known")


Step = Callable[[Deed], Awaitable[None]]
_STEPS: dict[tuple[str, str], Step] = {}
_SENTENCES: set[tuple[str, str]] = set()


def step(family: str, name: str) -> Callable[[Step], Step]:
    """Register a step under its family and its name in the YAML."""

    def register(function: Step) -> Step:
        _STEPS[family, name] = function
        return function

    return register


def sentence(key: str, text: str) -> None:
    """Say that a step measures exactly this sentence of an expectation, as what is wrong or ""."""
    _SENTENCES.add((key, text))


async def judge_case(
    case: Case, reasons: Reasons, limits: dict[str, float] | None = None, *, quick: bool = False
) -> tuple[list[str], list[str]]:
    """Do a case and judge it; give what is wrong and what is to be noted.

    Raises:
        UnknownError: It asks for something that nobody knows.
    """
    asked = (*case.expect, *case.observe)
    judged = [key for key in asked if key not in reasons.parts]
    _known(case, judged)
    notes = [f"not judged: {key}: {reasons.parts[key]}" for key in asked if key in reasons.parts]
    deed = Deed(case.family, notes=notes, limits=limits or {}, quick=quick)
    async with deed.stack:
        for item in case.do:
            name = next(iter(item))
            deed.arg = item[name]
            await _STEPS[case.family, name](deed)
    return [f"{key}: {found}" for key in judged if (found := _found(case, deed, key))], deed.notes


def _found(case: Case, deed: Deed, key: str) -> str:
    if key not in deed.measures:
        raise UnknownError(f"{key}: no step has measured it")
    measure = deed.measures[key]
    if isinstance(measure, str):
        return measure
    if key in case.observe:
        raise UnknownError(f"observable {key}: {measure!r} is no sentence")
    return compare(key, case.expect[key], measure)


def _known(case: Case, judged: list[str]) -> None:
    for item in case.do:
        names = list(item)
        if len(names) != 1 or (case.family, names[0]) not in _STEPS:
            raise UnknownError(f"step {' / '.join(names)}")
    for key in judged:
        value = case.expect.get(key)
        if isinstance(value, str) and (key, value) not in _SENTENCES:
            raise UnknownError(f"expectation {key}: {value!r} (no judge)")
    if not case.do or not judged:
        raise UnknownError("there is nothing that could be judged")
