"""This file defines the Sparkplug link's table; it guards that there is no setting without TLS."""

from typing import Annotated, Literal

import msgspec

from isolane.config.values import Secret
from isolane.core.failures import IsolaneError
from isolane.health.links.delivery import NAME
from isolane.health.links.target import TargetSettings

_Id = Annotated[str, msgspec.Meta(pattern=r"^[^/+#\x00]{1,128}$")]


class SparkplugSettings(
    TargetSettings, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="sparkplug"
):
    """An MQTT broker of a Sparkplug B 3.0 infrastructure."""

    name: Annotated[str, NAME] = "sparkplug"
    host: Annotated[
        str, msgspec.Meta(description="Name or address; must stand in the broker's certificate", min_length=1)
    ]
    port: Annotated[int, msgspec.Meta(description="TCP port, 1 to 65535", ge=1, le=65_535)] = 8883
    group: Annotated[
        _Id | None, msgspec.Meta(description="Sparkplug group id without / + and #; absent: the site's name")
    ] = None
    edge_node: Annotated[
        _Id | None, msgspec.Meta(description="Edge Node id without / + and #; absent: the gateway's name")
    ] = None
    primary_host: Annotated[
        _Id | None,
        msgspec.Meta(description="Id of the host whose STATE is waited for; absent: nobody is waited for"),
    ] = None
    protocol: Annotated[Literal["5", "3.1.1"], msgspec.Meta(description="MQTT version")] = "5"
    user: Annotated[str | None, msgspec.Meta(description="User name, where the broker wants one")] = None
    password: Annotated[Secret | None, msgspec.Meta(description="Its password")] = None
    deadbands: Annotated[
        dict[str, Annotated[float, msgspec.Meta(ge=0)]],
        msgspec.Meta(description="By unit: a change up to this is not reported, in that unit, for example {V = 0.5}"),
    ] = msgspec.field(default_factory=dict)
    keepalive_s: Annotated[
        int,
        msgspec.Meta(
            description="Ping after so long a silence, s, 5 to 3600; also bounds the TLS handshake", ge=5, le=3600
        ),
    ] = 20

    def __post_init__(self) -> None:
        """Refuse half a login."""
        super().__post_init__()
        if (self.user is None) != (self.password is None):
            raise IsolaneError("a login needs both `user` and `password`", "give both or neither")

    @property
    def window(self) -> int:
        """Messages under way at once."""
        return 1
