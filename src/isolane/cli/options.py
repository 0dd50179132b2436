"""This file holds what several commands share: the settings option and the sentence about a missing extra."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from isolane.core.failures import IsolaneError


def add_config(parser: argparse.ArgumentParser, default: str = "site.toml") -> None:
    """Add ``-c FILE``."""
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        default=Path(default),
        metavar="FILE",
        help=f"settings file (default: {default} in this folder)",
    )


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Import a room inside this; a package that its extra would have brought is named with the remedy.

    Raises:
        IsolaneError: A package of the extra is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("isolane"):
            raise
        raise IsolaneError(
            f"the package {error.name} is not installed; the base install is Channel A alone",
            f"install the extra: pip install 'isolane[{name}]'",
        ) from error
