"""This file walks the catalogue's migrations up and down on both databases; it guards that rows survive each step."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    Boolean,
    Column,
    Engine,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    create_engine,
    func,
    select,
)
from sqlalchemy.types import JSON

from isolane.center.store.database import alembic_config
from isolane.center.store.postgresql import server_engine, server_url
from isolane.center.store.settings import StoreSettings
from isolane.center.store.tables import Table as Tables

_SCRIPTS = ScriptDirectory.from_config(alembic_config())
REVISIONS = [script.revision for script in reversed(list(_SCRIPTS.walk_revisions()))]
"""The oldest first."""
_VERSIONS = "alembic_version"


@pytest.fixture
def engine(store_settings: StoreSettings, tmp_path: Path) -> Iterator[Engine]:
    """An empty database of each kind."""
    if store_settings.catalogue is None:
        engine = create_engine(f"sqlite:///{tmp_path / 'catalogue.sqlite3'}")
    else:
        engine = server_engine(server_url(store_settings.catalogue, store_settings.catalogue_password))
    yield engine
    engine.dispose()


def migrate(engine: Engine, revision: str) -> None:
    """Go up or down to a revision."""
    config = alembic_config()
    with engine.begin() as connection:
        at = MigrationContext.configure(connection).get_current_revision()
        config.attributes["connection"] = connection
        places = ["base", *REVISIONS, "head"]
        is_down = at is not None and places.index(revision) < places.index(at)
        (command.downgrade if is_down else command.upgrade)(config, revision)


def tables(engine: Engine) -> list[Table]:
    """Give the tables that are there, those first that others point to."""
    found = MetaData()
    found.reflect(engine)
    return [table for table in found.sorted_tables if table.name != _VERSIONS]


def rows(engine: Engine) -> dict[str, int]:
    """Count each table's rows."""
    with engine.connect() as connection:
        return {table.name: connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables(engine)}


def fill(engine: Engine) -> dict[str, int]:
    """Put a row into each table that has none; gives how many rows each has."""
    empty = {name for name, count in rows(engine).items() if not count}
    with engine.begin() as connection:
        for table in tables(engine):
            if table.name in empty:
                connection.execute(table.insert().values({c.name: _value(c) for c in table.columns if not _counts(c)}))
    return rows(engine)


def _counts(column: Column[Any]) -> bool:
    """Tell a number that the database gives."""
    return column.name == "number" and column.primary_key


def _value(column: Column[Any]) -> object:
    """Make a value that fits; the same in every table, so that what points to a row finds it."""
    if isinstance(column.type, JSON):
        return {}
    if isinstance(column.type, LargeBinary):
        return b"12345678"
    if isinstance(column.type, Boolean):
        return True
    return 1 if isinstance(column.type, Integer | Float) else "x"


def test_there_is_one_head() -> None:
    assert _SCRIPTS.get_heads() == [REVISIONS[-1]]


def test_the_head_has_the_tables_in_use(engine: Engine) -> None:
    migrate(engine, "head")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Tables.metadata) == []


@pytest.mark.parametrize("revision", REVISIONS)
def test_rows_of_a_revision_survive_the_way_up(engine: Engine, revision: str) -> None:
    migrate(engine, revision)
    counts = fill(engine)
    assert set(counts.values()) == {1}
    migrate(engine, "head")
    assert rows(engine).items() >= counts.items()


def test_rows_survive_each_step_down_and_up_again(engine: Engine) -> None:
    """With rows in all tables; a step down takes away what its step up has made, and nothing else."""
    migrate(engine, "head")
    counts = fill(engine)
    for below in reversed(REVISIONS[:-1]):
        migrate(engine, below)
        assert rows(engine).items() <= counts.items()
    migrate(engine, "base")
    assert tables(engine) == []
    migrate(engine, "head")
    assert set(rows(engine)) == set(counts)
