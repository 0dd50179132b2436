"""This file runs a real PostgreSQL beside a test; it guards that it is stopped by its id and its folder is removed.

PostgreSQL refuses to run as root: there it runs as the user postgres, in a folder that this user owns, because root's
test folders are closed to others. A crash is asked of it by SIGQUIT: it ends without writing anything down, and
recovers from its log at the next start.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from isolane.config.values import Secret
from support.server_process import ServerProcess

USER = "isolane"
_PASSWORD = "not-a-secret-of-anybody"
_OWNER = "postgres"


def program(name: str) -> Path:
    """Find a program of the newest PostgreSQL installed.

    Raises:
        AssertionError: There is none.
    """
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    assert found, f"{name} is not installed: apt-get install postgresql"
    return found[-1]


class Postgres(ServerProcess):
    """A server with one user and any number of databases.

    Args:
        folder: For its password and log; its data are beside the system's temporary files.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._home = Path(tempfile.mkdtemp(prefix="isolane-postgres-"))
        self._databases = 0
        self._password_file = folder / "password"
        self._password_file.write_text(_PASSWORD + "\n", encoding="utf-8")
        self.password = Secret(f"file:{self._password_file}", folder)
        if os.getuid() == 0:
            shutil.chown(self._home, _OWNER, _OWNER)
        try:
            self._initialise()
        except BaseException:
            shutil.rmtree(self._home)
            raise

    def _initialise(self) -> None:
        options = [f"--pgdata={self._home / 'data'}", f"--username={USER}", "--auth=scram-sha-256", "--encoding=UTF8"]
        # The owner may not open the test's folder.
        password = self._home / "password"
        password.write_text(_PASSWORD, encoding="utf-8")
        if os.getuid() == 0:
            shutil.chown(password, _OWNER, _OWNER)
        options += ["--locale=C.UTF-8", "--no-sync", f"--pwfile={password}"]
        command = [*_as_owner(), str(program("initdb")), *options]
        done = subprocess.run(command, capture_output=True, check=False, timeout=60, cwd=self._home)
        assert done.returncode == 0, done.stderr.decode()
        password.unlink()

    def command(self) -> list[str]:
        """See `ServerProcess.command`."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": "60",
            "shared_buffers": "16MB",
        }
        words = [f"-c{name}={value}" for name, value in settings.items()]
        return [*_as_owner(), str(program("postgres")), "-D", str(self._home / "data"), *words]

    def ask(self) -> None:
        """See `ServerProcess.ask`."""
        try:
            self.connect("postgres").close()
        except psycopg.OperationalError as error:
            raise OSError(str(error)) from error

    def connect(self, database: str) -> psycopg.Connection:
        """Open a connection of the test's own."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=USER,
            password=_PASSWORD,
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )

    def new_database(self) -> str:
        """Make an empty database and give its address, as a settings file has it."""
        self._databases += 1
        name = f"catalogue_{self._databases}"
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"

    def end_sessions(self) -> int:
        """End every other session, as an administrator may; gives how many there were."""
        query = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        with self.connect("postgres") as connection:
            row = connection.execute(f"{query} AND backend_type = 'client backend'").fetchone()
        assert row is not None
        return int(row[0])

    def stop(self) -> None:
        """End sessions and stop it."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """Let it end at once; what is not committed is lost."""
        self._end(signal.SIGQUIT)

    def _end(self, number: int) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(20)
        self._process = None

    def remove(self) -> None:
        """Stop it and remove its data."""
        self.stop()
        shutil.rmtree(self._home)


@contextmanager
def running_postgres(folder: Path) -> Iterator[Postgres]:
    """Run a server for as long as the block."""
    server = Postgres(folder)
    try:
        server.start()
        yield server
    finally:
        server.remove()


def _as_owner() -> list[str]:
    """Give what stands before a command, so that it does not run as root."""
    if os.getuid() != 0:
        return []
    return ["setpriv", f"--reuid={_OWNER}", f"--regid={_OWNER}", "--init-groups", "--"]
