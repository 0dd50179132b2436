"""This file holds the harness of `make attack` to its promise: what it does not know is an error, never a pass."""

from pathlib import Path

import pytest
from bench.attack.cases import FAMILIES, Book, Case, read_book, read_reasons, select
from bench.attack.expect import compare
from bench.attack.fill import UnknownError, each, fill, unescape
from bench.attack.run import run_case

CASES = """\
version: 1
limits: {handshake_s: 5}
cases:
- {id: HS-01, title: one, driver: http_raw, do: [{no.such.step: {}}], expect: {}, observe: [ALIVE]}
- {id: CX-01, title: another family, driver: browser, do: [], expect: {}, observe: []}
"""


def _book(folder: Path) -> Book:
    (folder / "cases.yaml").write_text(CASES, encoding="utf-8")
    return read_book(folder / "cases.yaml")


def test_variables_are_written_out_and_unknown_ones_are_errors() -> None:
    names = {"cp": "CP1", "lim": {"x": 5}, "order": ["good"], "good": "Zm9v"}
    assert fill("GET /${cp}/${rep:A:3}", names) == "GET /CP1/AAA"
    assert fill("${lim.x}", names) == 5
    assert fill("Authorization: ${order.0}", names) == "Authorization: Zm9v"
    assert fill("${pct:cp}", {"cp": "a b"}) == "a%20b"
    with pytest.raises(UnknownError):
        fill("${nobody}", names)


def test_values_that_look_like_variables_are_left_to_attack() -> None:
    assert list(each({"for_each": {"s": ["${jndi:x}"]}}, {})) == [{"s": "${jndi:x}"}]
    assert unescape(r"X-A: a\x00b\r\n") == "X-A: a\0b\r\n"


def test_measures_are_compared_by_what_the_name_says() -> None:
    assert not compare("closed_within_s", 5, 4.9)
    assert compare("closed_within_s", 5, 5.1)
    assert compare("second_socket", 1, 2)
    assert compare("refused", True, "let in") == "let in"
    with pytest.raises(UnknownError):
        compare("policy", "some sentence", 3)


def test_families_and_ids_select(tmp_path: Path) -> None:
    book = _book(tmp_path)
    assert [case.id for case in select(book, set(FAMILIES), set())] == ["HS-01"]
    assert [case.id for case in select(book, set(), {"CX-01"})] == ["CX-01"]


async def test_an_observable_that_nobody_knows_is_an_error() -> None:
    case = Case("HS-99", "no such observable", "http_raw", [], {}, ["NO_SUCH"])
    verdict = await run_case(case, {"max_message": 1024}, read_reasons(), quick=True)
    assert (verdict.outcome, verdict.why) == ("error", ["not known: observable NO_SUCH"])
