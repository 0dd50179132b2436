"""This file defines the [tap] table; it guards that each limit of the tap has a unit, a range and a default."""

from pathlib import Path
from typing import Annotated

import msgspec

from isolane.config.values import Address, Secret


class TapSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the tap works and what it may use."""

    metrics: Annotated[
        Address | None, msgspec.Meta(description="Address of the Prometheus page, on loopback; left out: no page")
    ] = None
    pseudonym_key: Annotated[
        Secret | None,
        msgspec.Meta(description="Key that names transactions, at least 16 bytes; left out: the key file's"),
    ] = None
    key_file: Annotated[
        Path | None,
        msgspec.Meta(
            description="File of the key that is made at the first start; left out: tap-pseudonym.key in the run folder"
            " (after a reboot a new key, where that folder is in memory)"
        ),
    ] = None
    journal: Annotated[
        Path | None,
        msgspec.Meta(description="File of every packet that leaves the tap, for audits; left out: none is kept"),
    ] = None
    journal_bytes_max: Annotated[
        int, msgspec.Meta(description="What the journal may hold, bytes; then it ends", ge=4096, le=2**40)
    ] = 64 * 2**20
    frame_tree: Annotated[
        Path | None,
        msgspec.Meta(
            description="Folder of hashes of the messages that passed, by which a message can be proved later; never"
            " content. Left out: none are kept"
        ),
    ] = None
    frame_tree_bytes_max: Annotated[
        int, msgspec.Meta(description="What that folder may hold, bytes; the oldest files go", ge=2**25, le=2**40)
    ] = 2**30
    vendor_error_codes: Annotated[
        tuple[Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,50}$")], ...],
        msgspec.Meta(
            description="vendorErrorCode values that pass as they are, beside MREC CXnnn and short error codes",
            max_length=1000,
        ),
    ] = ()
    cpu_share_max: Annotated[
        float,
        msgspec.Meta(description="Share of one core that reading may use; copies beyond it are lost", ge=0.01, le=1.0),
    ] = 0.5
    message_bytes_max: Annotated[
        int,
        msgspec.Meta(description="Longest message, bytes, also inflated; the relay's limit", ge=1024, le=64 * 2**20),
    ] = 8 * 2**20
    held_bytes_max: Annotated[
        int,
        msgspec.Meta(description="Memory for incomplete messages of all chargers, bytes", ge=2**20, le=2**32),
    ] = 64 * 2**20
    connections_max: Annotated[
        int, msgspec.Meta(description="Connections that are read at a time", ge=1, le=100_000)
    ] = 10_000
    calls_max: Annotated[
        int,
        msgspec.Meta(description="Unanswered calls remembered for each end of a connection", ge=1, le=1000),
    ] = 32
    queue_events_max: Annotated[
        int,
        msgspec.Meta(description="Events kept while the health process is away; the oldest go", ge=100, le=1_000_000),
    ] = 20_000
    transaction_power_w_max: Annotated[
        float,
        msgspec.Meta(
            description="What a connector can deliver at most, W; more energy than that is told as meter-regress. The"
            " default is above every CCS charger; truck chargers need more",
            ge=1000,
            le=1e7,
        ),
    ] = 600_000.0
    mass_control_window_s: Annotated[
        float, msgspec.Meta(description="How long a command of the CSMS counts towards mass-control, s", ge=1, le=3600)
    ] = 10.0
    mass_control_chargers: Annotated[
        int,
        msgspec.Meta(
            description="So many chargers by one disruptive command within the window are told as mass-control. A"
            " hundred busy public chargers start or stop one by chance about every ten seconds, so ten at once are one"
            " decision; a small site may take fewer",
            ge=2,
            le=10_000,
        ),
    ] = 10
    mass_control_calls: Annotated[
        int,
        msgspec.Meta(
            description="So many switching commands to one charger within the window are told as mass-control. Load"
            " management that sets four connectors once a second stays below",
            ge=2,
            le=100_000,
        ),
    ] = 60
