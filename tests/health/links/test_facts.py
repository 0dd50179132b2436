"""This file tests what becomes a log line; it guards that nothing is told twice and nothing is left out."""

import numpy as np

from isolane.health.links.facts import Changes, of_gap, of_statement
from isolane.health.links.rows import Rows
from isolane.wire.block import BlockKey
from isolane.wire.uplink import Gap, LedgerEntry, LedgerStatement
from support.target_rows import BAD, SIGNALS


def rows(states: list[int], codes: list[int] | None = None, t0_ms: int = 0) -> Rows:
    count = len(states)
    values = np.stack([np.arange(count), np.arange(count), np.arange(count), np.array(states)])
    all_codes = np.zeros((4, count), np.uint8)
    all_codes[3] = codes or [0] * count
    return Rows(BlockKey(1, 0, 1), SIGNALS, t0_ms + 1000 * np.arange(count), 1000, values, all_codes)


def test_states_are_told_when_they_change_and_measurements_never() -> None:
    changes = Changes()
    facts = changes.find(rows([0, 0, 2, 2, 5]))
    assert [(fact.t_ms, fact.name, fact.fields.get("from"), fact.fields["to"]) for fact in facts] == [
        (0, "state", None, 0),
        (2000, "state", 0, 2),
        (4000, "state", 2, 5),
    ]
    changes.keep()
    assert not changes.find(rows([5, 5], t0_ms=5000))


def test_what_was_not_delivered_is_told_again() -> None:
    changes = Changes()
    assert len(changes.find(rows([1]))) == len(changes.find(rows([1]))) == 1


def test_rows_that_come_late_leave_what_is_current_alone() -> None:
    changes = Changes()
    changes.find(rows([7], t0_ms=10_000))
    changes.keep()
    late = changes.find(rows([1, 1, 2], t0_ms=1000))
    assert [(fact.fields.get("from"), fact.fields["to"]) for fact in late] == [(None, 1), (1, 2)]
    changes.keep()
    assert not changes.find(rows([7, 7], t0_ms=11_000))


def test_quality_is_told_with_its_reason_and_a_lost_value_is_no_state() -> None:
    changes = Changes()
    facts = changes.find(rows([3, 0, 0, 3], [0, BAD, BAD, 0]))
    assert [(fact.name, fact.is_warning, fact.fields["to"]) for fact in facts] == [
        ("state", False, 3),
        ("quality", True, "BAD"),
        ("quality", False, "GOOD"),
    ]
    assert facts[1].fields == {"signal": SIGNALS[3].key, "from": "GOOD", "to": "BAD", "reason": "TIMEOUT"}
    assert facts[1].charger == "CP-1"


def test_a_reason_alone_is_told_where_there_is_no_value() -> None:
    refused, held_timeout, held = 4 * 4 + 2, 4 * 2 + 1, 1
    facts = Changes().find(rows([3, 3, 3, 3], [held, held_timeout, BAD, refused]))
    told = [(fact.fields["to"], fact.fields.get("reason")) for fact in facts if fact.name == "quality"]
    assert told == [("STALE", None), ("BAD", "TIMEOUT"), ("BAD", "REFUSED")]


def test_gaps_and_books_are_facts() -> None:
    gap = of_gap(Gap(1, 5, 0, 7, 9, 300, "outbox-full", 1000, 4000))
    assert (gap.t_ms, gap.name, gap.is_warning, gap.fields["samples"]) == (4000, "gap", True, 300)
    good = LedgerEntry(5, 0, 9, 100, 60, 30, 0, {"expired": 10})
    bad = LedgerEntry(5, 1, 9, 100, 60, 30, 0, {})
    told = of_statement(LedgerStatement(1, 77, (good, bad)))
    assert [(fact.t_ms, fact.is_warning, fact.fields["dropped"]) for fact in told] == [(77, False, 10), (77, True, 0)]
