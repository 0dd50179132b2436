"""This file tampers with bills; it guards that the comparison finds every kind of difference and invents none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.sim.billing import Metered, compare, metered
from isolane.sim.chargers.journal import JournalLine
from isolane.sim.csms.ledger import Bill


def sample(count: int = 5) -> tuple[list[Metered], list[Bill]]:
    transactions = [Metered("A", f"ref{n}", 100 * n, 100 * n + 37, f"{n}") for n in range(count)]
    return transactions, [Bill("A", f"{n}", 100 * n, 100 * n + 37) for n in range(count)]


def test_exact_bills_match() -> None:
    transactions, bills = sample()
    found = compare(transactions, bills)
    assert found.exact
    assert len(found.matched) == 5
    assert found.metered_wh == found.billed_wh == 5 * 37


@given(st.integers(0, 4), st.sampled_from(["start_wh", "stop_wh"]), st.integers(-50, 50).filter(bool))
def test_one_tampered_watt_hour_is_found(number: int, field: str, change: int) -> None:
    transactions, bills = sample()
    setattr(bills[number], field, getattr(bills[number], field) + change)
    found = compare(transactions, bills)
    assert not found.exact
    assert [pair.bill for pair in found.differing] == [bills[number]]
    assert len(found.matched) == 4


def test_missing_unclosed_open_and_surplus() -> None:
    transactions, bills = sample()
    del bills[0]
    bills[0].stop_wh = None
    transactions[4].stop_wh = None
    bills.append(Bill("B", "77", 0, 1000))
    found = compare(transactions, bills)
    assert [one.ref for one in found.missing] == ["ref0", "ref1"]
    assert [one.ref for one in found.open] == ["ref4"]
    assert [bill.transaction for bill in found.surplus] == ["77"]
    assert len(found.matched) == 2
    assert not found.exact


def test_bills_of_another_charger_do_not_count() -> None:
    transactions, bills = sample(1)
    bills[0].charger = "B"
    found = compare(transactions, bills)
    assert found.missing
    assert found.surplus


def test_a_transaction_whose_number_never_came_is_missing() -> None:
    found = compare([Metered("A", "ref", 0, 10)], [Bill("A", "1", 0, 10)])
    assert found.missing
    assert found.surplus


def test_journal_lines_become_transactions() -> None:
    lines = [
        JournalLine(event="started", charger="A", ref="r", utc="", wh=5),
        JournalLine(event="dropped", charger="A", ref="m", utc="", detail="MeterValues"),
        JournalLine(event="numbered", charger="A", ref="r", utc="", transaction="9"),
        JournalLine(event="stopped", charger="A", ref="r", utc="", wh=50),
    ]
    assert metered(lines) == [Metered("A", "r", 5, 50, "9")]
    with pytest.raises(ValueError, match="without a start"):
        metered(lines[2:])
