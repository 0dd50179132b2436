"""This file defines [center]; it guards that the console is on loopback until there are users who log in."""

import ipaddress
from pathlib import Path
from typing import Annotated

import msgspec

from isolane.center.ingest.settings import CommitSettings, HttpsIngest, MqttIngest, QuotaSettings
from isolane.center.store.settings import StoreSettings
from isolane.config.values import Address
from isolane.core.failures import IsolaneError


class CenterSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The O&M center."""

    data: Annotated[Path, msgspec.Meta(description="Folder of everything the center keeps")]
    console: Annotated[
        Address, msgspec.Meta(description="Where the console and the API listen; loopback only, host:port")
    ] = Address("127.0.0.1", 8080)
    metrics: Annotated[
        Address | None, msgspec.Meta(description="Where Prometheus metrics are shown, host:port; none if absent")
    ] = None
    mqtt: Annotated[MqttIngest | None, msgspec.Meta(description="Take telemetry from a broker")] = None
    https: Annotated[HttpsIngest | None, msgspec.Meta(description="Take telemetry by HTTPS POST")] = None
    commit: Annotated[CommitSettings, msgspec.Meta(description="How messages are committed")] = CommitSettings()
    quota: Annotated[QuotaSettings, msgspec.Meta(description="What each gateway may send")] = QuotaSettings()
    store: Annotated[StoreSettings, msgspec.Meta(description="How long and how much is kept")] = StoreSettings()

    def require_loopback(self) -> None:
        """Refuse to show the console to the network.

        Raises:
            IsolaneError: The console's address is not a loopback address.
        """
        host = self.console.host
        try:
            loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            raise IsolaneError(
                f"[center] console = {str(self.console)!r} would show the console to the network, and it has no log-in",
                'listen on "127.0.0.1:8080" and reach it through an SSH tunnel',
            )
