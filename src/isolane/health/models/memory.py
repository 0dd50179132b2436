"""This file writes down what models remember; it guards that a power cut leaves the old memory or the new one.

A memory that cannot be read is set aside, and the models learn anew: a gateway starts whatever its flash did.
"""

import contextlib
import logging
from pathlib import Path

import msgspec

from isolane.core.durable import replace_file
from isolane.health.models.place import Remembered

_LOG = logging.getLogger(__name__)
VERSION = 1

Places = dict[str, dict[str, Remembered]]
"""By ``charger place``, then by the model's id."""


class _File(msgspec.Struct, frozen=True):
    version: int
    places: Places


def write(path: Path, places: Places) -> int:
    """Write a memory; give its size, bytes.

    Raises:
        OSError: The disk refuses it; the old one is as it was.
    """
    data = msgspec.msgpack.encode(_File(VERSION, places))
    replace_file(path, data)
    return len(data)


def read(path: Path) -> Places:
    """Read a memory; empty if there is none, or none that can be read."""
    try:
        file = msgspec.msgpack.decode(path.read_bytes(), type=_File)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        aside = path.with_name(path.name + ".damaged")
        with contextlib.suppress(OSError):
            path.replace(aside)
        _LOG.warning("models-forgotten path=%s aside=%s error=%s", path, aside, error)
        return {}
    if file.version != VERSION:
        _LOG.warning("models-forgotten path=%s error=version-%d", path, file.version)
        return {}
    return file.places
