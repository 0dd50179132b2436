"""This file finds out what was revoked since a backup was made; it guards that who cannot know does not restore."""

import sqlite3
from contextlib import closing
from pathlib import Path

from isolane.center.store.revocations import REVOCATIONS_FILE, Fact, LogMark, facts_since
from isolane.core.failures import IsolaneError

_OF_PEOPLE = ("person", "machine_token", "site_tenant")


def facts_of_today(mark: LogMark | None, catalogue: Path, given: Path | None, own: Path) -> list[Fact]:
    """Give what is to be done again after a backup is restored.

    Args:
        mark: Of the backup.
        catalogue: The one in the backup.
        given: Log that a person has named.
        own: Where the settings have theirs.

    Raises:
        IsolaneError: There is no log, or not the right one, and there is somebody whom that could concern.
    """
    if given is not None and own.exists() and not own.samefile(given):
        raise IsolaneError(f"there is {own} besides {given}", "move away what is not the newest log")
    if given is not None or own.exists():
        return facts_since(mark, given or own)
    if _has_people(catalogue):
        raise IsolaneError(
            "nobody knows what was revoked since this backup was made",
            f"give --revocations FILE, the {REVOCATIONS_FILE} of the center that made it; if it is lost, --revoke-all",
        )
    return []


def _has_people(catalogue: Path) -> bool:
    with closing(sqlite3.connect(f"file:{catalogue}?mode=ro&immutable=1", uri=True)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        asked = [name for name in _OF_PEOPLE if name in tables]
        return any(database.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone() for name in asked)  # noqa: S608 - our words
