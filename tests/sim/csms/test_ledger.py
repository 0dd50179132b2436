"""This file checks the billing ledger; it guards that what comes twice is billed once, also after a restart."""

from pathlib import Path

import pytest

from isolane.core.failures import IsolaneError
from isolane.sim.csms.ledger import Ledger


def test_a_repeated_start_gets_its_old_number(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    first = ledger.number("A", "1 T 12:00 100", 100)
    assert ledger.number("A", "1 T 12:00 100", 100) == first
    assert ledger.number("B", "1 T 12:00 100", 100) != first
    assert ledger.number("A", "1 T 12:05 100", 100) != first
    assert (len(ledger), ledger.repeats) == (3, 1)
    ledger.close()


def test_the_first_stop_counts(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.start("A", "tx", 100)
    ledger.start("A", "tx", 100)
    ledger.stop("A", "tx", 350)
    ledger.stop("A", "tx", 999)
    ledger.stop("A", "unknown", 5)
    assert [bill.billed_wh for bill in ledger] == [250]
    assert (ledger.repeats, ledger.orphans) == (2, 1)
    ledger.close()


def test_it_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path)
    number = ledger.number("A", "key", 100)
    ledger.stop("A", str(number), 150)
    ledger.close()
    again = Ledger(path)
    assert again.number("A", "key", 100) == number
    assert again.number("A", "other", 150) == number + 1
    assert [bill.billed_wh for bill in again] == [50, None]
    again.close()


def test_a_damaged_file_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text('{"event":"bought"}\n', encoding="utf-8")
    with pytest.raises(IsolaneError, match="line 1"):
        Ledger(path)
