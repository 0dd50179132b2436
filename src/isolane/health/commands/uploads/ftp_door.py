"""This file is a door by FTP, or FTP with TLS from the first byte on; it guards that nothing can be read there.

Behind it is no file system: a root, the slot's folder, and in it whatever name the charger stores under. An upload that
is broken off is dropped; FTP cannot tell one whose data connection ended early from a whole one, so the log may be cut.
"""

import asyncio
import contextlib
import io
import logging
import ssl
import stat
import sys
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from os import stat_result
from pathlib import Path
from typing import Any, Final, cast

import aioftp
from aioftp.pathio import AbstractPathIO, universal_exception

from isolane.health.commands.uploads.quarantine import Intake, Slot, UploadError

logging.getLogger("aioftp").setLevel(logging.CRITICAL)
# It would log each line that comes, and passwords are among them.

_CONNECTIONS_MAX: Final = 4
_QUIET_S: Final = 60.0
_GOODBYE_S: Final = 2.0
_BLOCK_BYTES: Final = 65_536
_ROOT: Final = Path("/")


@asynccontextmanager
async def ftp_door(
    slot: Slot, host: str, port: int, context: ssl.SSLContext | None, data_ports: Sequence[int] = ()
) -> AsyncIterator[int]:
    """Listen for a slot until the block ends; gives the port.

    Raises:
        OSError: The address cannot be listened at.
    """
    user = aioftp.User(slot.user, slot.password, base_path=_ROOT, maximum_connections=_CONNECTIONS_MAX)

    class Room(_Room):
        own = slot

    server = _Server(
        _Users([user], slot),
        block_size=_BLOCK_BYTES,
        socket_timeout=_QUIET_S,
        idle_timeout=_QUIET_S,
        path_io_factory=Room,
        maximum_connections=_CONNECTIONS_MAX,
        data_ports=data_ports or None,
        ssl=context,
        welcome_message="upload",
    )
    await server.start(host, port)
    try:
        yield server.server_port
    finally:
        await _linger(slot, server)
        await server.close()


async def _linger(slot: Slot, server: aioftp.Server) -> None:
    """Let a charger whose log has come hear that it has, and say goodbye."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GOODBYE_S):
            while slot.arrived.done() and server.connections:  # noqa: ASYNC110 - the library tells nobody
                await asyncio.sleep(_GOODBYE_S / 100)


class _Server(aioftp.Server):
    """The library's, but that a charger which goes away in the middle is nothing to write tracebacks about."""

    async def dispatcher(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError):  # the task of a connection ends here, when the door is shut
            await super().dispatcher(reader, writer)

    async def parse_command(self, stream: aioftp.StreamIO, censor_commands: tuple[str] = ("pass",)) -> tuple[str, str]:
        try:
            return await super().parse_command(stream, censor_commands)
        except (OSError, ValueError):
            return "quit", ""

    async def response_writer(self, stream: aioftp.StreamIO, response_queue: "asyncio.Queue[Any]") -> None:
        try:
            await super().response_writer(stream, response_queue)
        except OSError:
            while True:  # who waits for the queue to be empty is not to wait for ever
                await response_queue.get()
                response_queue.task_done()


class _Users(aioftp.server.MemoryUserManager):
    """The slot's one user."""

    def __init__(self, users: Sequence[aioftp.User], slot: Slot) -> None:
        super().__init__(users)
        self._slot = slot

    async def authenticate(self, user: aioftp.User, password: str) -> bool:
        return self._slot.admits(user.login or "", password)


class _Room(AbstractPathIO[Path]):
    """A root with one folder that takes one file; everything else is not there, or not allowed."""

    own: Slot

    async def exists(self, path: Path) -> bool:
        return await self.is_dir(path)

    async def is_dir(self, path: Path) -> bool:
        return path == _ROOT or (path.parent == _ROOT and self.own.is_own(path.name))

    async def is_file(self, path: Path) -> bool:
        del path
        return False

    def list(self, path: Path) -> AsyncIterable[Path]:
        del path
        return _nothing()

    @universal_exception
    async def stat(self, path: Path) -> stat_result:
        del path
        return stat_result((stat.S_IFDIR | 0o300, 0, 0, 1, 0, 0, 0, 0, 0, 0))

    @universal_exception
    async def _open(self, path: Path, mode: str = "rb") -> io.BytesIO:
        # The library hands it back and looks at nothing of it. Refused here, the data connection would stay open.
        if mode != "wb" or path.parent == _ROOT or not await self.is_dir(path.parent):
            return cast("io.BytesIO", None)
        try:
            return cast("io.BytesIO", self.own.begin(path.name))
        except UploadError:
            return cast("io.BytesIO", None)

    @universal_exception
    async def write(self, file: io.BytesIO, data: bytes) -> int:
        intake = cast("Intake | None", file)
        if intake is None:
            raise PermissionError("nothing but one new file")
        await intake.write(bytes(data))
        return len(data)

    @universal_exception
    async def close(self, file: io.BytesIO) -> None:
        intake = cast("Intake | None", file)
        if intake is None:
            return
        # The library closes at the end of a good upload, and on the way out of a broken one.
        if sys.exc_info()[0] is None:
            intake.done()
        else:
            intake.drop("the charger broke it off")

    @universal_exception
    async def mkdir(self, path: Path, *, parents: bool = False, exist_ok: bool = False) -> None:
        raise PermissionError(path, parents, exist_ok)

    @universal_exception
    async def rmdir(self, path: Path) -> None:
        raise PermissionError(path)

    @universal_exception
    async def unlink(self, path: Path) -> None:
        raise PermissionError(path)

    @universal_exception
    async def rename(self, source: Path, destination: Path) -> Path:
        raise PermissionError(source, destination)

    @universal_exception
    async def seek(self, file: io.BytesIO, offset: int, whence: int = io.SEEK_SET) -> int:
        raise PermissionError(file, offset, whence)

    @universal_exception
    async def read(self, file: io.BytesIO, block_size: int) -> bytes:
        raise PermissionError(file, block_size)


async def _nothing() -> AsyncIterator[Path]:
    nothing: tuple[Path, ...] = ()
    for path in nothing:
        yield path
