"""This file holds the court of the attacks on packages and box to its promise: what nobody measured is an error."""

from typing import Any

import pytest
from bench.attack.bare.court import Deed, judge_case, sentence, step
from bench.attack.cases import Case, read_reasons
from bench.attack.fill import UnknownError
from bench.attack.run import run_case


@step("XX", "look")
async def _look(deed: Deed) -> None:
    deed.wants("here")
    deed.measures |= {"number": 3, "holds": "", "NOENTRY": "", "PII": "a name"}


sentence("holds", "as written")


def _case(do: list[dict[str, Any]], expect: dict[str, Any], observe: list[str], family: str = "XX") -> Case:
    return Case(f"{family}-01", "a case", "host", do, expect, observe)


async def test_what_holds_passes_and_what_does_not_is_said() -> None:
    found, _ = await judge_case(
        _case([{"look": "here"}], {"number": 3, "holds": "as written"}, ["NOENTRY"]), read_reasons()
    )
    assert found == []
    found, _ = await judge_case(_case([{"look": "here"}], {"number": 4}, ["PII"]), read_reasons())
    assert found == ["number: number: 3, expected 4", "PII: a name"]


@pytest.mark.parametrize(
    ("do", "expect", "observe"),
    [
        ([{"leap": "here"}], {"number": 3}, []),
        ([{"look": "there"}], {"number": 3}, []),
        ([{"look": "here", "twice": True}], {"number": 3}, []),
        ([{"look": "here"}], {"holds": "as spoken"}, []),
        ([{"look": "here"}], {"nobody": 3}, []),
        ([{"look": "here"}], {"number": 3}, ["NO_SUCH"]),
        ([{"look": "here"}], {}, ["number"]),
        ([{"look": "here"}], {}, []),
        ([], {"number": 3}, []),
    ],
)
async def test_what_nobody_knows_or_measures_is_an_error(
    do: list[dict[str, Any]], expect: dict[str, Any], observe: list[str]
) -> None:
    with pytest.raises(UnknownError):
        await judge_case(_case(do, expect, observe), read_reasons())


async def test_the_families_come_to_this_court() -> None:
    verdict = await run_case(_case([{"leap": 1}], {}, ["PII"], "SC"), {}, read_reasons(), quick=True)
    assert (verdict.outcome, verdict.why) == ("error", ["not known: step leap"])
