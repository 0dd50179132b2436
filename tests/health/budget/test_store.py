"""This file kills whoever writes the books and looks what is left: never less than was used."""

from pathlib import Path

import pytest

from isolane.health.budget.month import Books
from isolane.health.budget.store import Store


def test_what_is_on_disk_is_ahead_by_a_lease_at_most(tmp_path: Path) -> None:
    path, books = tmp_path / "month", Books(month="2026-11")
    store = Store(path, 300_000_000)
    for _ in range(10_000):
        books.used += 100
        if store.is_due(books):
            store.save(books)
        on_disk = Store(path, None).load().used  # as if killed now
        assert books.used <= on_disk <= books.used + 300_000
    assert store.writes == 4
    store.save(books, is_last=True)
    assert Store(path, None).load() == books


def test_a_month_that_changes_is_written(tmp_path: Path) -> None:
    store, books = Store(tmp_path / "month", None), Books(month="2026-11", used=5)
    store.save(books)
    assert not store.is_due(books)
    books.month = "2026-12"
    assert store.is_due(books)


@pytest.mark.parametrize("content", [b"", b"{", b'{"month":7}', b'{"other":1}', b"\xff\x00"])
def test_what_cannot_be_read_is_said_and_begun_anew(
    content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "month"
    path.write_bytes(content)
    assert Store(path, None).load() == Books()
    assert "month-books-lost" in caplog.text


def test_a_disk_that_refuses_is_told_of_once_and_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = Store(tmp_path / "no" / "such" / "folder", None)
    store.save(Books())
    store.save(Books())
    assert caplog.text.count("month-books-not-written") == 1
    assert store.is_due(Books(used=1))
