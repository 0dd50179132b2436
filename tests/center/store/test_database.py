"""This file tests the catalogue's database; it guards that migrations make exactly the tables in use."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import TimeoutError as NoConnectionError

from isolane.center.store.database import is_unavailable, open_database
from isolane.center.store.tables import Table
from isolane.core.failures import IsolaneError


def test_migrations_make_the_tables(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "deep" / "catalogue.sqlite3")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []
    engine.dispose()


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.sqlite3"
    open_database(file).dispose()
    engine = open_database(file)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    engine.dispose()


def test_a_newer_release_is_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.sqlite3"
    open_database(file).dispose()
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(IsolaneError, match="of a newer release"):
        open_database(file)


def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.sqlite3"
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(IsolaneError, match="cannot open"):
        open_database(file)


def test_what_reads_beside_a_writer_is_open_from_the_start(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.sqlite3"
    engine = open_database(file)
    before = _opened(file)
    with engine.begin() as writing, engine.begin() as reading:
        writing.exec_driver_sql("CREATE TABLE probe (number INTEGER)")
        reading.exec_driver_sql("SELECT name FROM site").all()
        assert before
        assert _opened(file) == before
    engine.dispose()


def _opened(file: Path) -> list[str]:
    """Give the files of a database that this process has open, each as often as it has."""
    found = []
    for each in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(each.readlink()))
    return sorted(name for name in found if name.startswith(str(file)))


def test_that_no_connection_is_left_is_the_databases_trouble() -> None:
    """Nothing is wrong with who asked: it asks again."""
    assert is_unavailable(NoConnectionError("QueuePool limit of size 4 overflow 0 reached"))
