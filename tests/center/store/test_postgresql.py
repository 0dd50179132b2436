"""This file tests the address of a PostgreSQL catalogue; it guards that no password is told or sent unprotected."""

import gc
import logging
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from isolane.center.store.database import open_catalogue
from isolane.center.store.postgresql import server_url
from isolane.center.store.settings import StoreSettings
from isolane.config.values import Secret
from isolane.core.failures import IsolaneError
from support.postgres import Postgres


def test_a_password_is_joined_from_its_reference(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p@ss/word\n", encoding="utf-8")
    url = server_url("postgresql://isolane@localhost/isolane", Secret("file:password", tmp_path))
    assert url.password == "p@ss/word"
    assert "p@ss" not in url.render_as_string(hide_password=True)
    with pytest.raises(IsolaneError, match=r"catalogue_password: .*absent"):
        server_url("postgresql://isolane@localhost/isolane", Secret("file:absent", tmp_path))


@pytest.mark.parametrize("host", ["db.example", "10.0.0.7"])
def test_over_a_network_the_server_is_verified(host: str) -> None:
    url = server_url(f"postgresql://isolane@{host}/isolane", None)
    assert (url.query["sslmode"], url.query["sslrootcert"]) == ("verify-full", "system")
    own = server_url(f"postgresql://isolane@{host}/isolane?sslmode=verify-ca&sslrootcert=ca.pem", None)
    assert (own.query["sslmode"], own.query["sslrootcert"]) == ("verify-ca", "ca.pem")
    with pytest.raises(IsolaneError, match="does not verify"):
        server_url(f"postgresql://isolane@{host}/isolane?sslmode=require", None)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", ""])
def test_on_this_machine_it_need_not_be(host: str) -> None:
    assert "sslmode" not in server_url(f"postgresql://isolane@{host}/isolane", None).query


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("mysql://isolane@localhost/isolane", "no PostgreSQL database"),
        ("postgresql://isolane@localhost", "no PostgreSQL database"),
        ("somewhere", "no address"),
        ("postgresql://isolane:secret@localhost/isolane", "holds a password"),
        ("postgresql://isolane@localhost/isolane?password=secret", "holds a password"),
    ],
)
def test_what_cannot_be_is_told(address: str, told: str) -> None:
    with pytest.raises(IsolaneError, match=told) as error:
        server_url(address, None)
    assert "secret" not in str(error.value)


@pytest.mark.filterwarnings("ignore:.*was deleted while still open", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_connection_that_breaks_while_it_is_put_away_is_one_line(
    postgres: Postgres, in_postgres: StoreSettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The inbox reads with a cursor of the server, and a cursor of a server that was killed cannot be closed."""
    engine = open_catalogue(in_postgres, tmp_path)
    with suppress(SQLAlchemyError), engine.connect() as connection:
        found = connection.execution_options(yield_per=2).execute(text("SELECT generate_series(1, 100000)"))
        assert found.fetchone() == (1,)
        postgres.end_sessions()
        found.close()
    engine.dispose()
    del found, connection
    gc.collect()  # The driver complains of what it could not close, in this test and not in the next.
    (line,) = [record for record in caplog.records if record.name.startswith("sqlalchemy.pool")]
    assert line.exc_info is None
    assert line.levelno == logging.WARNING
    assert line.getMessage().startswith("database-connection-lost what='Error closing cursor' error=")
    assert "\n" not in line.getMessage()


def test_a_newer_release_is_told_apart(postgres: Postgres, in_postgres: StoreSettings, tmp_path: Path) -> None:
    open_catalogue(in_postgres, tmp_path).dispose()
    assert in_postgres.catalogue is not None
    with postgres.connect(in_postgres.catalogue.rpartition("/")[2]) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(IsolaneError, match="of a newer release"):
        open_catalogue(in_postgres, tmp_path)


def test_a_wrong_password_is_told_without_it(in_postgres: StoreSettings, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("quite-wrong", encoding="utf-8")
    settings = StoreSettings(catalogue=in_postgres.catalogue, catalogue_password=Secret("file:wrong", tmp_path))
    with pytest.raises(IsolaneError, match="cannot open the catalogue") as error:
        open_catalogue(settings, tmp_path)
    assert "quite-wrong" not in str(error.value)
