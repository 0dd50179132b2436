"""This file opens the catalogue's database; it guards that nobody meets tables of another release."""

import logging
import sqlite3
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from isolane.center.store.postgresql import DIALECT as POSTGRESQL
from isolane.center.store.postgresql import server_engine, server_url, wait_for_migrators
from isolane.center.store.settings import StoreSettings
from isolane.core.failures import IsolaneError

CATALOGUE_FILE = "catalogue.sqlite3"
_BUSY_S = 10.0
_CONFLICTS = frozenset({"40001", "40P01", "23505"})
"""Serialisation failure, deadlock, unique violation: another worker was first, and a second attempt sees it."""


def open_catalogue(settings: StoreSettings, data: Path) -> Engine:
    """Open the catalogue that the settings name, SQLite in the data folder by default; make or migrate its tables.

    Raises:
        IsolaneError: It cannot be opened, or is of a newer release.
    """
    if settings.catalogue is None:
        return open_database(data / CATALOGUE_FILE)
    url = server_url(settings.catalogue, settings.catalogue_password)
    shown = settings.catalogue.partition("?")[0]
    engine = server_engine(url)
    try:
        migrate(engine)
    except SQLAlchemyError as error:
        engine.dispose()
        said = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise IsolaneError(f"cannot open the catalogue {shown}: {said}", "check that the server runs") from error
    except CommandError as error:
        engine.dispose()
        hint = "run the newer release, or give another database"
        raise IsolaneError(f"the catalogue {shown} is of a newer release", hint) from error
    return engine


def open_database(file: Path) -> Engine:
    """Open an SQLite database, make or migrate its tables.

    Args:
        file: Is made if it does not exist.

    Raises:
        IsolaneError: It cannot be opened, or is of a newer release.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": _BUSY_S})
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
        try:
            migrate(engine)
            # One to write and one to read, from the start: what is first needed under load is not first opened then.
            with engine.connect(), engine.connect():
                pass
        except BaseException:
            engine.dispose()
            raise
    except (OSError, SQLAlchemyError) as error:
        raise IsolaneError(f"cannot open {file}: {error}", "check that the center may write its data folder") from error
    except CommandError as error:
        hint = "run the newer release, or give another data folder"
        raise IsolaneError(f"{file} is of a newer release", hint) from error
    return engine


def migrate(engine: Engine) -> None:
    """Bring the tables to this release.

    Raises:
        CommandError: The database is of a newer release.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = alembic_config()
    with engine.begin() as connection:
        if engine.dialect.name == POSTGRESQL:
            wait_for_migrators(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def alembic_config() -> Config:
    """Give Alembic's settings: where the migrations are."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def for_reading(engine: Engine) -> Engine:
    """Give an engine whose transactions see one picture, as SQLite's always do."""
    if engine.dialect.name == POSTGRESQL:
        return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return engine


def is_conflict(error: SQLAlchemyError) -> bool:
    """Tell whether a transaction failed because another worker's came first."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) in _CONFLICTS


def is_unavailable(error: SQLAlchemyError) -> bool:
    """Tell whether the database, not the statement, is the trouble: away, full, locked, read-only, timed out.

    That all connections are in use, and none of them comes back in time, is the same trouble.
    """
    return isinstance(error, OperationalError | InterfaceError | InternalError | NoConnectionError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )


def _on_connect(connection: sqlite3.Connection, _record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event signature
    # The driver would begin transactions late and leave table changes outside; SQLAlchemy begins them instead.
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event signature
    connection.exec_driver_sql("BEGIN")
