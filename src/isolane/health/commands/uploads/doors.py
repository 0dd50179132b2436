"""This file opens a gateway's doors; it guards that each listens only while a log is waited for, and for one alone."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from isolane.core.failures import IsolaneError
from isolane.health.commands.uploads.ftp_door import ftp_door
from isolane.health.commands.uploads.http_door import http_door
from isolane.health.commands.uploads.quarantine import Slot, Upload, prepare
from isolane.health.commands.verb import VerbError
from isolane.health.commands.verbs.settings import UploadDoor, UploadSettings
from isolane.security.tls import server_context


@dataclass(frozen=True, slots=True)
class Expected:
    """A log that is waited for.

    Attributes:
        url: Where it is to go, with credentials; for the charger alone.
        slot: Where it comes.
    """

    url: str
    slot: Slot


class Doors:
    """The doors of a gateway.

    Args:
        settings: Which.
        folder: The quarantine.

    Raises:
        IsolaneError: The folder cannot be made, or a certificate cannot be used.
    """

    def __init__(self, settings: UploadSettings, folder: Path) -> None:
        self._settings, self._folder = settings, folder
        self._doors = {door.way: door for door in settings.doors}
        for door in settings.doors:
            _context(door)
        try:
            prepare(folder)
        except OSError as error:
            raise IsolaneError(f"cannot make {folder}: {error.strerror}", "see whose the folder above is") from error

    @asynccontextmanager
    async def expect(self, way: str | None) -> AsyncIterator[Expected]:
        """Open a door until the block ends; what came and was not taken over meanwhile is removed then.

        Args:
            way: By which protocol; None: the first.

        Raises:
            VerbError: There is no such door, or it cannot be opened.
        """
        door = self._doors.get(way) if way else self._settings.doors[0]  # type: ignore[call-overload]
        if door is None:
            raise VerbError(f"the settings have no door by {way}")
        slot = Slot(self._folder, self._settings.size_bytes_max)
        host, port = door.address.host, door.address.port
        async with AsyncExitStack() as stack:
            stack.callback(slot.close)
            try:
                context = await asyncio.to_thread(_context, door)
                if door.way in {"http", "https"}:
                    await stack.enter_async_context(http_door(slot, host, port, context))
                else:
                    await stack.enter_async_context(ftp_door(slot, host, port, context, door.data_ports))
            except (OSError, IsolaneError) as error:
                raise VerbError(f"cannot listen at {door.address}: {error}"[:300]) from error
            yield Expected(_url(door, slot), slot)

    async def arrived(self, expected: Expected) -> Upload:
        """Wait for the log.

        Raises:
            VerbError: It has not come in time.
        """
        done, _ = await asyncio.wait([expected.slot.arrived], timeout=self._settings.wait_s)
        if not done:
            last = f"; its last attempt failed: {expected.slot.why}" if expected.slot.why else ""
            raise VerbError(f"the charger has uploaded nothing whole within {self._settings.wait_s:g} s{last}")
        return expected.slot.arrived.result()


def doors_of(settings: UploadSettings) -> Sequence[str]:
    """Give the base URLs that the relay has to allow, as [value.own_calls] upload_to."""
    return [f"{door.way}://{_host(door)}:{door.address.port}/" for door in settings.doors]


def _url(door: UploadDoor, slot: Slot) -> str:
    return f"{door.way}://{slot.user}:{slot.password}@{_host(door)}:{door.address.port}/{slot.token}/"


def _host(door: UploadDoor) -> str:
    host = door.host or door.address.host
    return f"[{host}]" if ":" in host else host


def _context(door: UploadDoor) -> ssl.SSLContext | None:
    if door.certificate is None or door.key is None:
        return None
    return server_context(door.certificate, door.key)
