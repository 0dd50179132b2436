"""This file does and judges one case against the operations center; it guards that what nobody knows is an error."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bench.attack.cases import Case, Reasons
from bench.attack.expect import compare
from bench.attack.fill import UnknownError, each, fill
from bench.attack.operations.ground import Center, operations
from bench.attack.operations.observed import OBSERVED, warm_up
from bench.attack.watchers import watchers

_FAMILY = "OC"
_ALSO = frozenset({("SN", "http_api")})
"""Families and drivers of cases that attack the center alone."""


@dataclass
class Move:
    """One step, or one turn of its `for_each`."""

    case: Case
    center: Center
    arg: Any
    extra: dict[str, Any]

    def shorter(self, seconds: float, most: float) -> float:
        """Give a time as asked for, or with --quick at most `most`, and say so."""
        if not self.center.quick or seconds <= most:
            return seconds
        self.center.notes.append(f"--quick: {seconds:g} s became {most:g} s")
        return most


Step = Callable[[Move], Awaitable[None]]
_STEPS: dict[str, Step] = {}
_SENTENCES: set[tuple[str, str]] = set()


def step(name: str) -> Callable[[Step], Step]:
    """Register a step under its name in the YAML."""

    def register(function: Step) -> Step:
        _STEPS[name] = function
        return function

    return register


def is_ours(case: Case) -> bool:
    """Tell whether a case attacks the operations center alone."""
    return case.family == _FAMILY or (case.family, case.driver) in _ALSO


def sentence(key: str, text: str) -> None:
    """Say that a step measures exactly this sentence of an expectation."""
    _SENTENCES.add((key, text))


async def judge_case(case: Case, reasons: Reasons, *, quick: bool) -> tuple[list[str], list[str]]:
    """Do a case and judge it; give what is wrong and what is to be noted.

    Raises:
        UnknownError: It asks for something that nobody knows.
    """
    judged = [key for key in (*case.expect, *case.observe) if key in OBSERVED or key not in reasons.parts]
    notes = [f"not judged: {key}: {reasons.parts[key]}" for key in (*case.expect, *case.observe) if key not in judged]
    _known(case, judged)
    wrong = []
    async with operations() as center:
        center.quick = quick
        async with _watched(center, wanted="RES" in judged):
            for item in case.do:
                name = next(key for key in item if key in _STEPS)
                extra = {key: value for key, value in item.items() if key not in {name, "for_each"}}
                for loop in each(item, {}):
                    await _STEPS[name](Move(case, center, fill(item[name], loop, lenient=True), extra))
        for key in judged:
            if key in OBSERVED:
                found = await OBSERVED[key](center)
            elif key not in center.measures:
                raise UnknownError(f"expectation {key}: no step has measured it")
            else:
                found = compare(key, case.expect[key], center.measures[key])
            wrong += [f"{key}: {found}"] if found else []
        return wrong, notes + center.notes


@contextlib.asynccontextmanager
async def _watched(center: Center, *, wanted: bool) -> AsyncIterator[None]:
    """Note what the center holds before the steps, and see from another process how late its loop is during them."""
    if not wanted:
        yield
        return
    await warm_up(center)
    center.watched_pid = center.process.pid
    async with watchers(0, 0, center.port, 0, center.watched_pid) as process:
        await process.say("begin")
        yield
        await process.say("end")
        center.watch = await process.hear()


def _known(case: Case, judged: list[str]) -> None:
    for item in case.do:
        if not any(key in _STEPS for key in item):
            raise UnknownError(f"step {' / '.join(key for key in item if key != 'for_each')}")
    for key in judged:
        if key in case.observe and key not in OBSERVED:
            raise UnknownError(f"observable {key} of the operations center")
        value = case.expect.get(key)
        if isinstance(value, str) and (key, value) not in _SENTENCES:
            raise UnknownError(f"expectation {key}: {value!r} (no judge)")
    if not case.do or not judged:
        raise UnknownError("there is nothing that could be judged")
