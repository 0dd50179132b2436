"""This file lets the gateway watch its own certificates; it guards that a center learns of their end from the gateway.

A broker does not pass a gateway's certificate on, so what has an end there is seen by nobody else.
"""

from pathlib import Path

import msgspec

from isolane.health.settings import HealthSettings
from isolane.health.sources.host.settings import HostSettings


def with_certificates(settings: HealthSettings) -> HealthSettings:
    """Name the links' certificates in the host source's table, unless it names others."""
    found = [getattr(link, "certificate", None) for link in settings.links]  # not every kind of link has one
    files = tuple(file for file in found if isinstance(file, Path))
    tables = tuple(
        msgspec.structs.replace(table, certificates=files)
        if isinstance(table, HostSettings) and table.certificates is None
        else table
        for table in settings.sources
    )
    return msgspec.structs.replace(settings, sources=tables)
