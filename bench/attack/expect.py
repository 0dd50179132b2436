"""This file holds expectations to what a case has shown; it guards that one nobody can judge is an error.

Numbers and truths are compared with the measure of the same name (`..._max`, `..._within_s`: at most). Sentences are
judged by a function registered for exactly that sentence, in judges/.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bench.attack.cases import Case
from bench.attack.fill import UnknownError
from bench.attack.ground import Ground
from bench.attack.proof import Proof

Judge = Callable[["Court"], str]
"""Says what is wrong, "" for nothing."""
_JUDGES: dict[tuple[str, str], Judge] = {}
_ANY = "*"


class Court:
    """What a judge may look at."""

    def __init__(self, case: Case, ground: Ground, proof: Proof, value: Any, key: str = "") -> None:  # noqa: ANN401 - YAML
        self.case, self.ground, self.proof, self.value, self.key = case, ground, proof, value, key

    def measured(self) -> Any:  # noqa: ANN401 - a number, a truth or a sentence
        """Give what the steps have seen for this expectation.

        Raises:
            UnknownError: They have seen nothing.
        """
        if self.key not in self.proof.measures:
            raise UnknownError(f"expectation {self.key}: no step has measured it")
        return self.proof.measures[self.key]


def judge(key: str, *sentences: str) -> Callable[[Judge], Judge]:
    """Register a judge for sentences of an expectation; without sentences for all its values."""

    def register(function: Judge) -> Judge:
        for sentence in sentences or (_ANY,):
            _JUDGES[key, sentence] = function
        return function

    return register


def verdict(key: str, court: Court) -> str:
    """Hold one expectation to the proof; give what is wrong, "" for nothing.

    Raises:
        UnknownError: Nobody can judge it.
    """
    value, court.key = court.value, key
    found = _JUDGES.get((key, str(value))) or _JUDGES.get((key, _ANY))
    if found is not None:
        return found(court)
    measures = court.proof.measures
    if key not in measures:
        raise UnknownError(f"expectation {key}: {value!r} ({'no judge' if isinstance(value, str) else 'no measure'})")
    return compare(key, value, measures[key])


def compare(key: str, value: Any, measure: Any) -> str:  # noqa: ANN401 - YAML
    """Compare a measure with what was expected.

    Raises:
        UnknownError: They cannot be compared.
    """
    if isinstance(measure, str):
        return measure
    if isinstance(value, bool) and isinstance(measure, bool):
        return "" if measure is value else f"{key} is {measure}"
    if isinstance(value, bool) or isinstance(measure, bool):
        raise UnknownError(f"expectation {key}: {value!r}")
    if isinstance(value, int | float) and isinstance(measure, int | float):
        most = "max" in key.split("_") or "within" in key or "above" in key
        fine = measure <= value if most else measure == value
        return "" if fine else f"{key}: {measure:.4g}, expected {'at most ' if most else ''}{value:g}"
    if isinstance(value, Mapping | list) and isinstance(measure, Mapping | list):
        return "" if measure == value else f"{key}: {measure!r}, expected {value!r}"
    raise UnknownError(f"expectation {key}: {value!r}")
