"""This file keeps the lowest security profile that each charger may use from now on.

It guards that nobody lowers it from the network.

A charger that the CSMS has accepted at profile n is never let in below n again. One file a charger in a folder, its
name the percent-encoded identity, its content one digit, read and replaced whole by a thread, so that several
relay processes share the folder and a person lowers a profile on this box alone: `isolane identity profile`. A disk
that hangs holds a charger up for `_DISK_S`; then what this process knows has to do. A file that cannot be understood
keeps its charger out until a person has seen to it. Profile 0 is not kept.

A file that holds less than it was seen to hold is a security event, at a reload or when its charger comes: every
lowering that this process could know of leaves a trace.
"""

import asyncio
import contextlib
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

from isolane.core.durable import replace_file
from isolane.core.failures import IsolaneError
from isolane.value.failures import Refused
from isolane.value.security_events import Kind, SecurityEvents

_FILES_MAX = 65_536
"""A CSMS that accepts every name does not fill the disk."""
_DISK_S = 0.5

_log = logging.getLogger(__name__)


def read_profile(folder: Path, charger: str) -> int:
    """Give the lowest profile that a charger may use, 0 where nothing is kept.

    Raises:
        ValueError: The file holds something else.
        OSError: It cannot be read.
    """
    try:
        text = _file(folder, charger).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return 0
    if text not in {"1", "2", "3"}:
        raise ValueError(f"{_file(folder, charger)} holds no profile")
    return int(text)


def write_profile(folder: Path, charger: str, profile: int) -> None:
    """Keep a charger's lowest profile; 0 forgets it.

    Raises:
        OSError: It cannot be written.
    """
    if profile:
        replace_file(_file(folder, charger), f"{profile}\n".encode("ascii"))
    else:
        _file(folder, charger).unlink(missing_ok=True)


class Profiles:
    """The lowest profiles.

    Args:
        folder: Where they are kept; made if absent.
        events: Who is told of a profile that was lowered.

    Raises:
        IsolaneError: The folder cannot be made or read.
    """

    def __init__(self, folder: Path, events: SecurityEvents) -> None:
        self._folder = folder
        self._events = events
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._files = sum(1 for _ in folder.iterdir())
        except OSError as error:
            raise IsolaneError(
                f"cannot use {folder}: {error.strerror}", "set [value.access] state_dir to a folder you may write to"
            ) from error
        self._thread = ThreadPoolExecutor(1, "profiles")
        self._known: dict[str, int] = {}
        self._seen: dict[str, int] = {}
        self._loop = asyncio.get_running_loop()

    async def check(self, charger: str, profile: int) -> None:
        """Let a charger pass at a profile.

        Raises:
            Refused: 403, it has used a higher one; 503, what is kept cannot be understood.
        """
        lowest = self._known.get(charger, 0)
        try:
            async with asyncio.timeout(_DISK_S):
                kept = await self._loop.run_in_executor(self._thread, read_profile, self._folder, charger)
            self._see(charger, kept)
            lowest = max(lowest, kept)
        except OSError as error:  # a TimeoutError too
            _log.warning("profile-not-read charger=%s reason=%s", quote(charger), error.strerror or "the disk hangs")
        except ValueError as error:
            raise Refused(503, "state", detail=str(error)) from error
        if profile < lowest:
            raise Refused(403, "profile", detail=f"profile {profile}, {lowest} is kept")

    def reached(self, charger: str, profile: int) -> None:
        """Note that the CSMS has accepted a charger at a profile, and keep it if it is the highest so far."""
        if profile > self._known.get(charger, 0) and len(self._known) < _FILES_MAX:
            self._known[charger] = profile
            self._thread.submit(self._keep, charger, profile)

    def reload(self) -> None:
        """Trust the files alone again, in any thread: a person may have lowered one."""
        self._known.clear()
        for charger in list(self._seen):
            with contextlib.suppress(OSError, ValueError):  # whoever comes next hears of it
                self._loop.call_soon_threadsafe(self._see, charger, read_profile(self._folder, charger))

    def close(self) -> None:
        """End the thread when what is waiting is written."""
        self._thread.shutdown(wait=False)

    def _see(self, charger: str, kept: int) -> None:
        """Remember what a file holds; tell where it was lowered."""
        before = self._seen.get(charger, 0)
        if kept < before:
            detail = f"lowered on this box from {before} to {kept}"
            self._events.report(Kind.PROFILE, charger=charger, detail=detail)
        if not kept:
            self._seen.pop(charger, None)
        elif before or len(self._seen) < _FILES_MAX:
            self._seen[charger] = kept

    def _keep(self, charger: str, profile: int) -> None:
        try:
            kept = read_profile(self._folder, charger)
            if profile > kept and (kept or self._files < _FILES_MAX):
                self._files += kept == 0
                write_profile(self._folder, charger, profile)
                self._loop.call_soon_threadsafe(self._see, charger, profile)
                _log.info("profile-raised charger=%s profile=%d", quote(charger), profile)
        except (OSError, ValueError) as error:
            _log.error("profile-not-kept charger=%s reason=%s", quote(charger), error)


def _file(folder: Path, charger: str) -> Path:
    return folder / quote(charger, safe="")
