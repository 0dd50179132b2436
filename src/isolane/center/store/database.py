"""This file opens the catalogue's database; it guards that nobody meets tables of another release."""

import logging
import sqlite3
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from isolane.core.failures import IsolaneError

_BUSY_S = 10.0


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
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _on_connect(connection: sqlite3.Connection, _record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event signature
    # The driver would begin transactions late and leave table changes outside; SQLAlchemy begins them instead.
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event signature
    connection.exec_driver_sql("BEGIN")
