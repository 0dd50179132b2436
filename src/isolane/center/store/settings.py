"""This file defines [center.store]; it guards that what the store may take of disk and memory is bounded by numbers."""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from isolane.config.values import Secret
from isolane.core.failures import IsolaneError


class VictoriaSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """VictoriaMetrics as the store of full-rate samples."""

    url: Annotated[
        str,
        msgspec.Meta(
            description="Where /api/v1/write is: http://127.0.0.1:8428, or vminsert's "
            "https://HOST/insert/0/prometheus; over a network https only"
        ),
    ]
    read_url: Annotated[
        str | None,
        msgspec.Meta(
            description="Where /api/v1/export is, such as vmselect's https://HOST/select/0/prometheus; `url` if absent"
        ),
    ] = None
    ca: Annotated[
        Path | None, msgspec.Meta(description="PEM certificates that may sign the server's; the system's if absent")
    ] = None
    token: Annotated[Secret | None, msgspec.Meta(description="Bearer token, file:PATH or env:NAME")] = None
    send_interval_s: Annotated[float, msgspec.Meta(description="How often new blocks are sent, s", ge=0.1, le=3600)] = (
        2.0
    )
    settle_s: Annotated[
        float,
        msgspec.Meta(
            description="How long after it was taken a block is asked back and may then leave this machine, s; "
            "several times what VictoriaMetrics keeps in memory only (5 s)",
            ge=1,
            le=86_400,
        ),
    ] = 60.0
    timeout_s: Annotated[float, msgspec.Meta(description="How long an answer may take, s", ge=0.1, le=600)] = 30.0

    def __post_init__(self) -> None:
        """Refuse addresses that would send telemetry unprotected."""
        for address in filter(None, (self.url, self.read_url)):
            parts = urlsplit(address)
            if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username:
                raise IsolaneError(
                    "[center.store.telemetry]: an address is http(s)://HOST[:PORT][/PATH], without names or passwords",
                    'for example url = "http://127.0.0.1:8428"; a token is given as token = "file:PATH"',
                )
            if parts.scheme == "http" and not _is_loopback(parts.hostname):
                raise IsolaneError(
                    f"[center.store.telemetry]: {address} sends telemetry in the clear", "use https over a network"
                )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where things are kept, how long and how much."""

    catalogue: Annotated[
        str | None,
        msgspec.Meta(
            description="Database of sites, chargers and the books: postgresql://USER@HOST:PORT/NAME, without a "
            "password; SQLite in the data folder if absent"
        ),
    ] = None
    catalogue_password: Annotated[
        Secret | None, msgspec.Meta(description="Password of `catalogue`'s user, file:PATH or env:NAME")
    ] = None
    revocations: Annotated[
        Path | None,
        msgspec.Meta(
            description="File that remembers what was revoked, so that no restored backup gives it back; best on "
            "another disk than backups and data. `revocations.log` in the data folder if absent"
        ),
    ] = None
    telemetry: Annotated[
        Literal["embedded"] | VictoriaSettings,
        msgspec.Meta(
            description='Where full-rate samples go when they are no longer hot: "embedded", Parquet files in '
            "the data folder, or the table [center.store.telemetry] of a VictoriaMetrics"
        ),
    ] = "embedded"
    hot_minutes: Annotated[
        int,
        msgspec.Meta(
            description="How long a block stays in the hot store before it moves to the lake, min", ge=1, le=1440
        ),
    ] = 60
    roll_interval_s: Annotated[
        float, msgspec.Meta(description="How often blocks move to the lake, s", ge=0.1, le=86_400)
    ] = 900.0
    raw_days: Annotated[
        int, msgspec.Meta(description="How long full-rate samples are kept, d; 0 for ever", ge=0, le=36_500)
    ] = 400
    minute_days: Annotated[
        int, msgspec.Meta(description="How long one-minute rollups are kept, d; 0 for ever", ge=0, le=36_500)
    ] = 3650
    hour_days: Annotated[
        int, msgspec.Meta(description="How long one-hour rollups are kept, d; 0 for ever", ge=0, le=36_500)
    ] = 0
    cache_mb: Annotated[int, msgspec.Meta(description="Bound of decoded blocks in memory, MB", ge=1, le=65_536)] = 128
    query_memory_mb: Annotated[int, msgspec.Meta(description="Bound of DuckDB's memory, MB", ge=64, le=1_048_576)] = 512
    query_threads: Annotated[int, msgspec.Meta(description="Threads that DuckDB may use", ge=1, le=256)] = 2
    offline_after_s: Annotated[
        float,
        msgspec.Meta(description="A charger without a new block for so long is shown offline, s", ge=1, le=86_400),
    ] = 150.0
    part_gauges: Annotated[
        bool,
        msgspec.Meta(
            description="Tell the states of health of parts, the first 20,000 that have one, as metrics of the center"
        ),
    ] = False
