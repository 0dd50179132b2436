"""This file holds the harness of `make attack` to its promise: what it does not know is an error, never a pass."""

from pathlib import Path

import pytest
from bench.attack.cases import FAMILIES, Book, Case, read_book, read_reasons, select
from bench.attack.expect import compare
from bench.attack.fill import UnknownError, each, fill, unescape
from bench.attack.operations.fuzz import read
from bench.attack.operations.ground import Actor
from bench.attack.operations.matrix import allowed
from bench.attack.operations.request import Reply
from bench.attack.run import run_case
from bench.attack.suspects import of_request

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


@pytest.mark.parametrize(
    ("key", "value", "measure", "fine"),
    [
        ("closed_within_s", 5, 4.9, True),
        ("closed_within_s", 5, 5.1, False),
        ("tap_ms_max", 10, 10, True),
        ("tap_ms_max", 10, 10.1, False),
        ("close_or_throttle_above_hz", 20, 21, False),
        ("second_socket", 1, 2, False),
        ("second_socket", 1, 0, False),
        ("relayed", True, True, True),
        ("relayed", True, False, False),
        ("locked_out", False, True, False),
        ("relayed", True, "not every call", False),
        ("accepted", [], ["SSL 3.0"], False),
        ("accepted", [], [], True),
    ],
)
def test_measures_are_compared_by_what_the_name_says(key: str, value: object, measure: object, *, fine: bool) -> None:
    assert (compare(key, value, measure) == "") is fine


@pytest.mark.parametrize(
    ("value", "measure"), [("some sentence", 3), ("some sentence", True), (True, 1), (1, True), ([1], 1), (None, 0)]
)
def test_what_cannot_be_compared_is_an_error(value: object, measure: object) -> None:
    with pytest.raises(UnknownError):
        compare("policy", value, measure)


def test_a_reason_belongs_to_what_a_case_does_and_not_to_its_name() -> None:
    reasons = read_reasons()
    assert reasons.against(Case("NB-08", "another", "fault", [{"request": {}}], {}, [])) is None
    assert reasons.against(Case("AX-01", "a soak", "fault", [{"soak": {"days": 7}}], {}, []))


@pytest.mark.parametrize(
    ("wire", "good", "kind"),
    [
        (b"GET /ocpp/CP1 HTTP/1.1\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n", True, "smuggling"),
        (b"GET /ocpp/CP1 HTTP/1.1\r\nOrigin: https://evil\r\n\r\n", True, "foreign-origin"),
        (b"GET /ocpp/CP1 HTTP/1.1\r\n\r\n", False, "authentication"),
        (b"GET /ocpp/CP%0d%0a HTTP/1.1\r\n\r\n", True, "bad-identity"),
        (b"GET http://evil/CP1 HTTP/1.0\r\n\r\n", True, "malformed-request"),
    ],
)
def test_the_event_that_a_request_may_cause(wire: bytes, *, good: bool, kind: str) -> None:
    assert kind in of_request(wire, good=good)


def test_families_and_ids_select(tmp_path: Path) -> None:
    book = _book(tmp_path)
    assert [case.id for case in select(book, set(FAMILIES), set())] == ["HS-01"]
    assert [case.id for case in select(book, set(), {"CX-01"})] == ["CX-01"]


async def test_an_observable_that_nobody_knows_is_an_error() -> None:
    case = Case("HS-99", "no such observable", "http_raw", [], {}, ["NO_SUCH"])
    verdict = await run_case(case, {"max_message": 1024}, read_reasons(), quick=True)
    assert (verdict.outcome, verdict.why) == ("error", ["not known: observable NO_SUCH"])


@pytest.mark.parametrize(
    ("do", "expect", "observe", "why"),
    [
        ([{"no.such.step": {}}], {}, ["NOENTRY"], "step no.such.step"),
        ([{"session": []}], {"rule": "a sentence"}, [], "expectation rule: 'a sentence' (no judge)"),
        ([{"session": []}], {}, ["NO_SUCH"], "observable NO_SUCH of the operations center"),
        ([], {}, ["NOENTRY"], "there is nothing that could be judged"),
    ],
)
async def test_at_the_operations_center_too_what_is_not_known_is_an_error(
    do: list[dict[str, object]], expect: dict[str, object], observe: list[str], why: str
) -> None:
    verdict = await run_case(Case("OC-99", "x", "http_api", do, expect, observe), {}, read_reasons(), quick=True)
    assert (verdict.outcome, verdict.why) == ("error", [f"not known: {why}"])


def test_what_the_written_table_of_rights_does_not_name_nobody_may() -> None:
    table = {"viewer": {"routes": ["GET /a"]}, "admin": {"routes": ["GET /b"]}, "admin_of_all": {"routes": ["GET /c"]}}
    admin = Actor("x", "admin", "A")
    assert [allowed(table, admin, f"GET /{name}") for name in "abcd"] == [True, True, False, False]
    assert allowed(table, Actor("x", "admin", "*"), "GET /c")
    assert not allowed(table, Actor("x", "viewer", "*"), "GET /c")
    assert not allowed(table, Actor("x", "gateway", "A"), "GET /a")


@pytest.mark.parametrize(
    ("raw", "denied"),
    [
        (b"HTTP/1.1 401 Unauthorized\r\n\r\nlog in first", True),
        (b"HTTP/1.1 403 Forbidden\r\n\r\nyou have no right to this", True),
        (b"HTTP/1.1 303 See Other\r\nlocation: /login?next=%2F\r\n\r\n", True),
        (b"HTTP/1.1 401 Unauthorized\r\n\r\nthe password is another", False),
        (b"HTTP/1.1 200 OK\r\n\r\nlog in first", False),
        (b"", False),
    ],
)
def test_a_refusal_is_told_from_an_answer(raw: bytes, *, denied: bool) -> None:
    assert Reply(b"", raw).is_denied is denied


SAID = """\
=================================== FAILURES ===================================
______________________________ GET /api/v1/series ______________________________
1. Test Case ID: 9EcQjU

- ST103 Undocumented HTTP status code
_____________________________ TRACE /api/v1/users ______________________________
1. Test Case ID: EgxmLa

- ST204 Wrong response to undeclared method
- ST101 Server error

Test cases:
  1962 generated, 3 found 3 unique failures, 59 skipped
"""


def test_what_schemathesis_has_found_is_counted_with_its_place() -> None:
    failures, requests = read(SAID)
    assert [code for code, _ in failures] == ["ST103", "ST204", "ST101"]
    assert failures[0][1].startswith("GET /api/v1/series: ")
    assert failures[2][1].startswith("TRACE /api/v1/users: ")
    assert requests == 1962
    assert read("") == ([], 0)
