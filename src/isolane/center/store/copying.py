"""This file copies a catalogue from one database into another; it guards that the copy is of one moment.

SQLite is copied by its own online backup, another database row by row inside one transaction. So moving from one kind
of database to the other is a backup and a restore.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, func, insert, select, text

from isolane.center.store.database import CATALOGUE_FILE, alembic_config, for_reading, migrate
from isolane.center.store.postgresql import DIALECT as POSTGRESQL
from isolane.center.store.postgresql import server_engine, server_url
from isolane.center.store.settings import StoreSettings
from isolane.center.store.tables import Table
from isolane.core.failures import IsolaneError

_ROWS_AT_ONCE = 1000
_BUSY_S = 10.0


def existing_catalogue(settings: StoreSettings, data: Path) -> Engine:
    """Give an engine for the catalogue as it is; nothing is made or migrated.

    Raises:
        IsolaneError: The address cannot be, or there is no such file.
    """
    if settings.catalogue is not None:
        return server_engine(server_url(settings.catalogue, settings.catalogue_password))
    file = data / CATALOGUE_FILE
    if not file.is_file():
        raise IsolaneError(f"there is no catalogue {file}", "give the settings file of a center that has run")
    return create_engine(f"sqlite:///{file}", connect_args={"timeout": _BUSY_S})


def revisions(engine: Engine) -> tuple[str | None, str]:
    """Give the revision of a database's tables, None if it has none, and that of this release."""
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision(), str(head)


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy an SQLite file that may be in use, as of one moment; the copy is one file.

    Raises:
        sqlite3.Error: One of them cannot be read or written.
    """
    with (
        closing(sqlite3.connect(f"file:{source}?mode=rw", uri=True, timeout=_BUSY_S)) as original,
        closing(sqlite3.connect(target)) as copy,
    ):
        original.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")


def save_catalogue(settings: StoreSettings, data: Path, target: Path) -> None:
    """Copy the catalogue into a new SQLite file.

    Raises:
        IsolaneError: Its tables are not of this release.
        sqlite3.Error: A file cannot be read or written.
        SQLAlchemyError: The server cannot be read.
    """
    engine = existing_catalogue(settings, data)
    try:
        here, head = revisions(engine)
        if here != head:
            raise IsolaneError(
                f"the catalogue's tables are of revision {here}, this release has {head}",
                "start the center of this release once, or use the release that runs",
            )
        if settings.catalogue is None:
            copy_sqlite(data / CATALOGUE_FILE, target)
            return
        made = create_engine(f"sqlite:///{target}")
        migrate(made)
        with for_reading(engine).connect() as source, made.begin() as copy:
            _copy_rows(source, copy)
        made.dispose()
    finally:
        engine.dispose()


def load_catalogue(source: Path, engine: Engine) -> None:
    """Copy a saved catalogue into a server's database that holds nothing yet; all of it or nothing.

    Raises:
        IsolaneError: There are rows already.
        SQLAlchemyError: The server does not take them.
    """
    saved = create_engine(f"sqlite:///{source}")
    try:
        migrate(saved)
        migrate(engine)
        with saved.connect() as original, engine.begin() as connection:
            for table in Table.metadata.sorted_tables:
                if connection.scalar(select(func.count()).select_from(table)):
                    raise IsolaneError(f"the table {table.name} is not empty", "restore into a new database")
            _copy_rows(original, connection)
            if engine.dialect.name == POSTGRESQL:
                _count_on(connection)
    finally:
        saved.dispose()


def _copy_rows(source: Connection, target: Connection) -> None:
    """Copy all rows, tables first that others point to."""
    for table in Table.metadata.sorted_tables:
        rows = source.execute(select(table)).mappings()
        while part := rows.fetchmany(_ROWS_AT_ONCE):
            target.execute(insert(table), [dict(row) for row in part])


def _count_on(connection: Connection) -> None:
    """Let numbers that the database gives go on behind those that were copied."""
    for table in Table.metadata.sorted_tables:
        column = table.autoincrement_column
        if column is None:
            continue
        sequence = connection.scalar(
            text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": f'"{table.name}"', "column": column.name}
        )
        newest = connection.scalar(select(func.max(column)))
        if sequence is not None and newest is not None:
            connection.execute(text("SELECT setval(:sequence, :newest)"), {"sequence": sequence, "newest": newest})
