"""This file opens a PostgreSQL catalogue; it guards that no password goes unprotected over a network or into a log."""

import ipaddress
import logging

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError

from isolane.config.values import Secret
from isolane.core.failures import IsolaneError

DIALECT = "postgresql"
_DRIVER = "postgresql+psycopg"
_SCHEMES = frozenset({"postgresql", "postgres", _DRIVER})
_SECRETS = frozenset({"password", "sslpassword"})
_VERIFIED = frozenset({"verify-ca", "verify-full"})
_MIGRATION_LOCK = 0x69736F6C616E65
"""A number that only this program uses: "isolane" in ASCII."""
_LIMITS = {
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "options": "-c statement_timeout=15s -c lock_timeout=10s -c timezone=UTC",
    "application_name": "isolane-center",
}
"""A server that does not answer is given up within about 15 s; gateways wait 30 s for an acknowledgement."""
_POOL = "sqlalchemy.pool.impl.QueuePool"
_CONNECTIONS = 4
"""A center's writer and readers, and one to spare."""


def server_url(address: str, password: Secret | None) -> URL:
    """Read `[center.store] catalogue` and join its password.

    Over a network the server's certificate must be verified: without an sslmode it is "verify-full" with the
    system's authorities.

    Raises:
        IsolaneError: It is no PostgreSQL address, holds a password, or would send one unprotected.
    """
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise IsolaneError("[center.store] catalogue is no address", _EXAMPLE) from error
    if url.drivername not in _SCHEMES or not url.database:
        raise IsolaneError(f"[center.store] catalogue: {url.render_as_string()} is no PostgreSQL database", _EXAMPLE)
    if url.password is not None or not _SECRETS.isdisjoint(url.query):
        raise IsolaneError(
            "[center.store] catalogue holds a password", 'give it as catalogue_password = "file:PATH" or "env:NAME"'
        )
    url = url.set(drivername=_DRIVER)
    if password is not None:
        try:
            url = url.set(password=password.read().decode())
        except ValueError as error:
            raise IsolaneError(f"[center.store] catalogue_password: {error}", "correct the reference") from error
    return url if _is_local(url) else _protected(url)


_EXAMPLE = 'write "postgresql://isolane@db.example:5432/isolane", or leave it out for SQLite in the data folder'


def _is_local(url: URL) -> bool:
    host = url.host or str(url.query.get("host", ""))
    if not host or host.startswith("/") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _protected(url: URL) -> URL:
    mode = url.query.get("sslmode")
    if mode is None:
        authorities = {} if "sslrootcert" in url.query else {"sslrootcert": "system"}
        return url.update_query_dict({"sslmode": "verify-full", **authorities})
    if mode not in _VERIFIED:
        raise IsolaneError(
            f"[center.store] catalogue: sslmode={mode} does not verify who the server {url.host} is",
            "use sslmode=verify-full with sslrootcert=FILE",
        )
    return url


def server_engine(url: URL) -> Engine:
    """Make an engine whose connections are tried before use, so that a restarted server is met again by itself."""
    logging.getLogger(_POOL).addFilter(_without_traceback)
    return create_engine(
        url, module=psycopg, connect_args=_LIMITS, pool_pre_ping=True, pool_size=_CONNECTIONS, max_overflow=0
    )


def _without_traceback(record: logging.LogRecord) -> bool:
    """Let the pool tell in one line that a connection broke while it was put away: whose use failed tells the rest."""
    if record.exc_info is not None and record.exc_info[1] is not None:
        said = str(record.exc_info[1]).strip().partition("\n")[0]
        record.msg, record.args = f"database-connection-lost what={record.getMessage()!r} error={said}", ()
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


def wait_for_migrators(connection: Connection) -> None:
    """Wait until no other worker changes the tables, and let none begin before this transaction ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MIGRATION_LOCK})
