"""This file defines the [site] table, the one table that several rooms read.

It guards that both names are valid everywhere.
"""

from pathlib import Path
from typing import Annotated

import msgspec

from isolane.core.ids import check_name


class Site(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who this box is and where its processes meet."""

    name: Annotated[str, msgspec.Meta(description="Name of the site; stands in MQTT topics")]
    gateway: Annotated[
        str, msgspec.Meta(description="Name of this gateway, unique at the center; the CN of its client certificate")
    ]
    run_dir: Annotated[
        Path,
        msgspec.Meta(
            description="Folder of the sockets between the processes; mode 0700, or root's with a folder for each"
            " process: value, tap, health"
        ),
    ]

    def __post_init__(self) -> None:
        """Check both names."""
        check_name("site", self.name)
        check_name("gateway", self.gateway)

    def folder_of(self, process: str) -> Path:
        """Give where a process has its sockets: a folder that it alone may change, where there is one.

        Args:
            process: "value", "tap" or "health".
        """
        own = self.run_dir / process
        return own if own.is_dir() else self.run_dir

    @property
    def tap_socket(self) -> Path:
        """Where the tap listens for the relay's copies (SEQPACKET)."""
        return self.folder_of("tap") / "tap.sock"

    @property
    def event_socket(self) -> Path:
        """Where the health process listens for the tap's events (SEQPACKET)."""
        return self.folder_of("health") / "events.sock"

    @property
    def own_calls_socket(self) -> Path:
        """Where the relay listens for callers of its own calls, when these are enabled (stream)."""
        return self.folder_of("value") / "own-calls.sock"
