"""This file defines the host source's table; it guards that it needs nothing: an empty one is a good one."""

from pathlib import Path
from typing import Annotated

import msgspec

from isolane.health.sources.rapid import RapidPeriod, RapidWhen


class HostSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="host"):
    """The gateway's own condition. There is one host, so there is at most one such source."""

    name: Annotated[
        str, msgspec.Meta(description="Unique name; stands in metrics and logs", min_length=1, max_length=64)
    ] = "host"
    period_s: Annotated[float, msgspec.Meta(description="How often it is read, s, 0.1 to 3600", ge=0.1, le=3600)] = 5.0
    rapid: Annotated[
        tuple[str, ...], msgspec.Meta(description="Keys of signals, as 0.0/Controller/xCpu, to read every `rapid_s`")
    ] = ()
    rapid_s: RapidPeriod = 0.1
    rapid_when: RapidWhen = "always"
    disk: Annotated[
        Path | None, msgspec.Meta(description="A folder on the file system to watch; the root file system if absent")
    ] = None
    certificates: Annotated[
        tuple[Path, ...] | None,
        msgspec.Meta(description="PEM certificates whose first end is told; those of the links if absent"),
    ] = None
