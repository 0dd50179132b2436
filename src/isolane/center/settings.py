"""This file defines [center]; it guards that every part of the center has one table."""

from pathlib import Path
from typing import Annotated

import msgspec

from isolane.center.alerts.settings import AlertsSettings
from isolane.center.ingest.settings import CommitSettings, EnrolmentSettings, HttpsIngest, MqttIngest, QuotaSettings
from isolane.center.people.settings import AccessSettings
from isolane.center.store.command_settings import CommandSettings
from isolane.center.store.settings import StoreSettings
from isolane.center.store.snapshot_settings import SnapshotSettings
from isolane.config.values import Address


class CenterSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The O&M center."""

    data: Annotated[Path, msgspec.Meta(description="Folder of everything the center keeps")]
    console: Annotated[
        Address,
        msgspec.Meta(description="Where the console and the API listen, host:port; beyond loopback see `access`"),
    ] = Address("127.0.0.1", 8080)
    metrics: Annotated[
        Address | None, msgspec.Meta(description="Where Prometheus metrics are shown, host:port; none if absent")
    ] = None
    access: Annotated[AccessSettings, msgspec.Meta(description="Who gets to the console, and how")] = AccessSettings()
    mqtt: Annotated[MqttIngest | None, msgspec.Meta(description="Take telemetry from a broker")] = None
    https: Annotated[HttpsIngest | None, msgspec.Meta(description="Take telemetry by HTTPS POST")] = None
    enrolment: Annotated[
        EnrolmentSettings | None, msgspec.Meta(description="Give gateways certificates; with `https` only")
    ] = None
    commit: Annotated[CommitSettings, msgspec.Meta(description="How messages are committed")] = CommitSettings()
    quota: Annotated[QuotaSettings, msgspec.Meta(description="What each gateway may send")] = QuotaSettings()
    store: Annotated[StoreSettings, msgspec.Meta(description="How long and how much is kept")] = StoreSettings()
    alerts: Annotated[AlertsSettings, msgspec.Meta(description="Rules, and who is told")] = AlertsSettings()
    snapshots: Annotated[SnapshotSettings, msgspec.Meta(description="Snapshots that gateways send")] = (
        SnapshotSettings()
    )
    commands: Annotated[
        CommandSettings, msgspec.Meta(description="Signed commands to gateways, docs/reference/commands.md")
    ] = CommandSettings()
