"""This file knows which step is whose; it guards that a step nobody knows stops its case as an error."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.attack.cases import Case
from bench.attack.fill import UnknownError, each, fill
from bench.attack.ground import Ground
from bench.attack.proof import Proof
from bench.attack.suspects import OF_STEP


@dataclass
class Turn:
    """One step, or one turn of its `for_each`.

    Attributes:
        name: Of the step.
        raw: Its argument as the YAML has it.
        extra: What stands beside it.
        loop: The turn's variables.
        names: All variables.
        label: For people.
    """

    case: Case
    ground: Ground
    proof: Proof
    name: str
    raw: Any
    extra: dict[str, Any]
    loop: dict[str, Any]
    names: dict[str, Any]
    label: str

    def arg(self, **more: Any) -> Any:  # noqa: ANN401 - YAML
        """Give the argument with its variables written out."""
        return fill(self.raw, {**self.names, **more})

    def args(self, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - YAML
        """Give the argument, which must be a mapping.

        Raises:
            UnknownError: It is none.
        """
        got = self.arg(**more)
        if not isinstance(got, dict):
            raise UnknownError(f"{self.name}: {got!r}")
        return got

    def only(self, given: Mapping[str, Any], *known: str) -> None:
        """See that nothing is asked for that would be passed over.

        Raises:
            UnknownError: A key is not known.
        """
        strange = set(given) - set(known)
        if strange:
            raise UnknownError(f"{self.name}: {', '.join(sorted(strange))}")

    def shorter(self, seconds: float, most: float) -> float:
        """Give a time as asked for, or with --quick at most `most`, and say so."""
        if not self.ground.quick or seconds <= most:
            return seconds
        self.proof.notes.append(f"--quick: {seconds:g} s became {most:g} s")
        return most

    def fewer(self, number: int, most: int) -> int:
        """Give a number as asked for, or with --quick at most `most`, and say so."""
        if not self.ground.quick or number <= most:
            return number
        self.proof.notes.append(f"--quick: {number} became {most}")
        return most


Step = Callable[[Turn], Awaitable[None]]
STEPS: dict[str, Step] = {}


def step(*names: str) -> Callable[[Step], Step]:
    """Register a step under its names in the YAML."""

    def register(function: Step) -> Step:
        for name in names:
            STEPS[name] = function
        return function

    return register


def known_steps(case: Case) -> None:
    """See that every step of a case is known, before anything is done.

    Raises:
        UnknownError: One is not.
    """
    for item in case.do:
        if not any(key in STEPS for key in item):
            raise UnknownError(f"step {' / '.join(key for key in item if key != 'for_each')}")


async def run_steps(case: Case, ground: Ground, proof: Proof, names: dict[str, Any]) -> None:
    """Do everything that the case asks for; its steps are known."""
    for number, item in enumerate(case.do):
        name = next(key for key in item if key in STEPS)
        extra = {key: value for key, value in item.items() if key not in {name, "for_each"}}
        for turn, loop in enumerate(each(item, names)):
            label = f"{number}.{turn}" + "".join(f" {key}={value!r:.60}" for key, value in loop.items())
            proof.suspects |= OF_STEP.get(name, frozenset())
            await STEPS[name](Turn(case, ground, proof, name, item[name], extra, loop, {**names, **loop}, label))
