"""This file does and judges one case about commands; it guards that what nobody knows or measured is an error."""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from bench.attack.cases import Case
from bench.attack.commands.ground import CommandGround
from bench.attack.commands.observed import OBSERVED
from bench.attack.commands.standing import commanded
from bench.attack.expect import compare
from bench.attack.fill import UnknownError, each, fill

FAMILY: Final = "CM"


@dataclass
class Move:
    """One turn of a step, and what the case's steps have shown so far.

    Attributes:
        arg: The step's argument, its variables written out.
        measures: By name of the expectation: a number, a truth, or a sentence of what is wrong, "" for nothing.
        notes: For people.
        kept: What a step leaves for the next; `case` is the case, `stack` is closed before the target ends.
        limits: Of the file of cases.
        quick: Whether large numbers are to be small.
    """

    ground: CommandGround
    arg: Any
    measures: dict[str, Any]
    notes: list[str]
    kept: dict[str, Any]
    limits: dict[str, float]
    quick: bool

    def fewer(self, number: int, most: int) -> int:
        """Give a number as asked for, or with --quick at most `most`, and say so."""
        if not self.quick or number <= most:
            return number
        self.notes.append(f"--quick: {number} became {most}")
        return most


Step = Callable[[Move], Awaitable[None]]
_STEPS: dict[str, Step] = {}
_ENDS: dict[str, list[Step]] = {}
_SENTENCES: set[tuple[str, str]] = set()
_GROUNDS: dict[str, Callable[[], Any]] = {}


def step(name: str, *, ground: Callable[[], Any] | None = None) -> Callable[[Step], Step]:
    """Register a step under its name in the YAML.

    Args:
        name: As there.
        ground: Gives a context manager of more arguments of `commanded`; the step needs what it makes.
    """

    def register(function: Step) -> Step:
        _STEPS[name] = function
        if ground is not None:
            _GROUNDS[name] = ground
        return function

    return register


def ending(name: str) -> Callable[[Step], Step]:
    """Register what comes behind the last step of a case that has this one; what is registered last comes first."""

    def register(function: Step) -> Step:
        _ENDS.setdefault(name, []).insert(0, function)
        return function

    return register


def sentence(key: str, text: str) -> None:
    """Say that a step measures exactly this sentence of an expectation, as what is wrong or ""."""
    _SENTENCES.add((key, text))


async def judge_case(case: Case, limits: dict[str, float], *, quick: bool) -> tuple[list[str], list[str]]:
    """Do a case and judge it; give what is wrong and what is to be noted.

    Raises:
        UnknownError: It asks for something that nobody knows.
    """
    _known(case)
    measures: dict[str, Any] = {}
    notes: list[str] = []
    wrong: list[str] = []
    names = [next(key for key in item if key in _STEPS) for item in case.do]
    maker = next((_GROUNDS[name] for name in names if name in _GROUNDS), None)
    async with contextlib.AsyncExitStack() as stack:
        given = {} if maker is None else await stack.enter_async_context(maker())
        ground = await stack.enter_async_context(commanded(limits, quick=quick, **given))
        deeds = await stack.enter_async_context(contextlib.AsyncExitStack())
        kept: dict[str, Any] = {"case": case, "stack": deeds}
        ground.settle()
        for name, item in zip(names, case.do, strict=True):
            for loop in each(item, {}):
                arg = fill(item[name], loop, lenient=True)
                await _STEPS[name](Move(ground, arg, measures, notes, kept, limits, quick))
        for name in dict.fromkeys(names):
            for end in _ENDS.get(name, ()):
                await end(Move(ground, None, measures, notes, kept, limits, quick))
        for key, value in case.expect.items():
            if key not in measures:
                raise UnknownError(f"expectation {key}: no step has measured it")
            found = compare(key, value, measures[key])
            wrong += [f"{key}: {found}"] if found else []
        for key in case.observe:
            found = await OBSERVED[key](ground, kept)
            wrong += [f"{key}: {found}"] if found else []
    return wrong, notes


def _known(case: Case) -> None:
    for item in case.do:
        names = [key for key in item if key != "for_each"]
        if len(names) != 1 or names[0] not in _STEPS:
            raise UnknownError(f"step {' / '.join(names)}")
    for key, value in case.expect.items():
        if isinstance(value, str) and (key, value) not in _SENTENCES:
            raise UnknownError(f"expectation {key}: {value!r} (no judge)")
    for key in case.observe:
        if key not in OBSERVED:
            raise UnknownError(f"observable {key}")
    if not case.do or not case.expect:
        raise UnknownError("there is nothing that could be judged")
