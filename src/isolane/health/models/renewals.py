"""This file takes word that a part was replaced or mended; it guards that no word is lost over a power cut.

A word is a file in a folder beside the memory, written whole by `isolane soh renew`. It is
removed after what it says has been done; done twice it is the same.
"""

import logging
import secrets
from collections.abc import Iterator
from pathlib import Path

import msgspec

from isolane.core.durable import replace_file

_LOG = logging.getLogger(__name__)
_BYTES_MAX = 4096


class Renewal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part that is as new: its charger, place (``1.1``), kind of model, and why."""

    charger: str
    place: str
    kind: str
    reason: str = ""


def folder_of(memory: Path) -> Path:
    """Give the folder of words for a memory."""
    return memory.with_name(memory.name + ".renewals")


def leave(folder: Path, renewal: Renewal) -> None:
    """Leave word.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    replace_file(folder / f"{secrets.token_hex(8)}.json", msgspec.json.encode(renewal))


def take(folder: Path) -> Iterator[tuple[Path, Renewal]]:
    """Give the words there are; remove each when it is done. What is no word is removed, and logged."""
    if not folder.is_dir():
        return
    for path in sorted(folder.glob("*.json")):
        try:
            with path.open("rb") as file:
                yield path, msgspec.json.decode(file.read(_BYTES_MAX), type=Renewal)
        except (OSError, ValueError, RecursionError) as error:
            _LOG.warning("renewal-unreadable path=%s error=%s", path, error)
            path.unlink(missing_ok=True)
