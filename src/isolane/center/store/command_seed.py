"""This file takes keys from files that a person has put there; it guards that a bad file changes nothing."""

import asyncio
import logging
from pathlib import Path
from typing import Final

from isolane.center.store.command_book import SqlCommands
from isolane.center.store.command_settings import CommandSettings
from isolane.center.store.command_views import CommandError
from isolane.center.store.port import UnavailableError
from isolane.core.failures import IsolaneError
from isolane.core.ids import check_name

_LOG = logging.getLogger(__name__)
EVERY_S: Final = 60.0
_BYTES_MAX: Final = 64 << 10
_WHO: Final = "settings"


class CommandSeed:
    """Key manifest and gateways' keys, as the settings name them.

    Args:
        settings: See there.
        commands: Takes them.
    """

    def __init__(self, settings: CommandSettings, commands: SqlCommands) -> None:
        self._settings, self._commands = settings, commands
        self._taken: dict[Path, bytes] = {}

    async def run(self) -> None:
        """Look for ever; cancelled to stop."""
        while True:
            try:
                await self.look()
            except UnavailableError as error:
                _LOG.warning("command-keys-away error=%s", error)
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Take what is new.

        Raises:
            UnavailableError: The database is away.
        """
        for path, data in (await asyncio.to_thread(self._read)).items():
            if self._taken.get(path) == data:
                continue
            try:
                if path == self._settings.manifest:
                    await self._commands.take_manifest(data, _WHO)
                else:
                    await self._commands.enrol(check_name("gateway", path.stem), data, _WHO)
            except (CommandError, IsolaneError) as error:
                _LOG.warning("command-keys-refused file=%s why=%s", path.name, error)
            self._taken[path] = data

    def _read(self) -> dict[Path, bytes]:
        files = [] if self._settings.manifest is None else [self._settings.manifest]
        if self._settings.gateway_keys is not None:
            files += sorted(self._settings.gateway_keys.glob("*.pem"))
        found = {}
        for path in files:
            try:
                if path.stat().st_size <= _BYTES_MAX:
                    found[path] = path.read_bytes()
            except OSError as error:
                _LOG.warning("command-keys-unreadable file=%s why=%s", path.name, error.strerror)
        return found
