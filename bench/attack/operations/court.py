"""This file does and judges one case against the operations center; it guards that what nobody knows is an error."""

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bench.attack.cases import Case, Reasons
from bench.attack.expect import compare
from bench.attack.fill import UnknownError, each, fill
from bench.attack.operations.ground import SECRETS, Center, operations

FAMILY = "OC"
_LINES_PER_MIN = 10
_CRASHES = ("Traceback", "never retrieved", "never awaited", " CRITICAL ", " ERROR ")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass
class Move:
    """One step, or one turn of its `for_each`."""

    case: Case
    center: Center
    arg: Any
    extra: dict[str, Any]


Step = Callable[[Move], Awaitable[None]]
_STEPS: dict[str, Step] = {}
_SENTENCES: set[tuple[str, str]] = set()


def step(name: str) -> Callable[[Step], Step]:
    """Register a step under its name in the YAML."""

    def register(function: Step) -> Step:
        _STEPS[name] = function
        return function

    return register


def sentence(key: str, text: str) -> None:
    """Say that a step measures exactly this sentence of an expectation."""
    _SENTENCES.add((key, text))


async def judge_case(case: Case, reasons: Reasons) -> tuple[list[str], list[str]]:
    """Do a case and judge it; give what is wrong and what is to be noted.

    Raises:
        UnknownError: It asks for something that nobody knows.
    """
    judged = [key for key in (*case.expect, *case.observe) if key not in reasons.parts]
    notes = [f"not judged: {key}: {reasons.parts[key]}" for key in (*case.expect, *case.observe) if key not in judged]
    _known(case, judged)
    wrong = []
    async with operations() as center:
        for item in case.do:
            name = next(key for key in item if key in _STEPS)
            extra = {key: value for key, value in item.items() if key not in {name, "for_each"}}
            for loop in each(item, {}):
                await _STEPS[name](Move(case, center, fill(item[name], loop, lenient=True), extra))
        for key in judged:
            if key in _OBSERVED:
                found = await _OBSERVED[key](center)
            elif key not in center.measures:
                raise UnknownError(f"expectation {key}: no step has measured it")
            else:
                found = compare(key, case.expect[key], center.measures[key])
            wrong += [f"{key}: {found}"] if found else []
        return wrong, notes + center.notes


def _known(case: Case, judged: list[str]) -> None:
    for item in case.do:
        if not any(key in _STEPS for key in item):
            raise UnknownError(f"step {' / '.join(key for key in item if key != 'for_each')}")
    for key in judged:
        if key in case.observe and key not in _OBSERVED:
            raise UnknownError(f"observable {key} of the operations center")
        value = case.expect.get(key)
        if isinstance(value, str) and (key, value) not in _SENTENCES:
            raise UnknownError(f"expectation {key}: {value!r} (no judge)")
    if not case.do or not judged:
        raise UnknownError("there is nothing that could be judged")


async def noentry(center: Center) -> str:
    """Tenant A has heard nothing of B that it had not said itself, and nobody a secret."""
    if not center.heard:
        return "nobody has asked anything"
    wrong = [f"{center.foreign_bytes} bytes of tenant B"] if center.foreign_bytes else []
    told = [word for reply in center.heard for word in SECRETS if word in reply.raw]
    return "; ".join(wrong + [f"the attacker was told a secret: {word!r}" for word in told[:1]])


async def alive(center: Center) -> str:
    """The same process answers, and nothing has crashed inside."""
    if not center.process.is_alive or center.process.pid != center.pid:
        return "the center is gone"
    text = center.process.text()
    return "; ".join(f"the center logged {sign.strip()}" for sign in _CRASHES if sign in text)


async def logsafe(center: Center) -> str:
    """One line a record, no control characters, no secret, no flood."""
    lines = [line for line in center.process.text().split("\n") if line]
    wrong = [f"control character in {line[:60]!r}" for line in lines if _CONTROL.search(line)][:1]
    wrong += [f"a line without a time: {line[:60]!r}" for line in lines if not re.match(r"^\d{4}-", line)][:1]
    wrong += ["a secret in the log"] if any(word.decode() in line for line in lines for word in SECRETS) else []
    loud = [line for line in lines if " INFO " not in line]
    most = _LINES_PER_MIN * (int((time.monotonic() - center.began) // 60) + 1)
    return "; ".join(wrong + ([f"{len(loud)} lines, as {loud[-1][:90]!r}"] if len(loud) > most else []))


_OBSERVED: dict[str, Callable[[Center], Awaitable[str]]] = {"NOENTRY": noentry, "ALIVE": alive, "LOGSAFE": logsafe}
