"""This file defines the settings of the ways in; it guards that every way in asks for certificates."""

from pathlib import Path
from typing import Annotated

import msgspec

from isolane.config.values import Address

_WORKER = "{worker}"


class MqttIngest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The broker that gateways publish to. Its access list must bind a topic's gateway to its client certificate."""

    host: Annotated[str, msgspec.Meta(description="Broker's host name or IP address, as in its certificate")]
    port: Annotated[int, msgspec.Meta(description="Broker's TLS port, 1 to 65535", ge=1, le=65_535)] = 8883
    ca: Annotated[Path, msgspec.Meta(description="PEM certificates that may sign the broker's")]
    certificate: Annotated[
        Path,
        msgspec.Meta(description="PEM chain of the center's client certificate; `{worker}` stands for a worker's name"),
    ]
    key: Annotated[
        Path, msgspec.Meta(description="PEM private key of `certificate`; `{worker}` stands for a worker's name")
    ]
    client_id: Annotated[
        str,
        msgspec.Meta(
            description="MQTT client id; the certificate's CN if the broker asks for it. `{worker}` stands for a "
            "worker's name, and without it a worker adds `-NAME`",
            max_length=64,
        ),
    ] = "isolane-center"
    share: Annotated[
        str,
        msgspec.Meta(
            description="Name under which workers of one center split the broker's messages",
            pattern="^[a-z0-9-]{1,32}$",
        ),
    ] = "isolane-center"
    keepalive_s: Annotated[
        int, msgspec.Meta(description="How long a silent broker is believed to be there, s", ge=5, le=3600)
    ] = 30
    reconnect_s_max: Annotated[
        float, msgspec.Meta(description="Longest pause before the next attempt, s", ge=0.1, le=3600)
    ] = 15.0
    answer_s: Annotated[
        float,
        msgspec.Meta(
            description="From one acknowledgement of blocks to a gateway to the next, s, 0 to 10; they are gathered to "
            "save its link, and go at once after a pause or when 8 blocks wait",
            ge=0,
            le=10,
        ),
    ] = 4.0

    def of_worker(self, name: str) -> "MqttIngest":
        """Give the settings of one of several workers: its own client id, and its own certificate if it has one."""
        own = self.client_id if _WORKER in self.client_id else f"{self.client_id}-{_WORKER}"
        return msgspec.structs.replace(
            self,
            client_id=own.replace(_WORKER, name),
            certificate=Path(str(self.certificate).replace(_WORKER, name)),
            key=Path(str(self.key).replace(_WORKER, name)),
        )


class HttpsIngest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The listener that gateways post to. Who has no certificate of `client_ca` does not get past the handshake."""

    address: Annotated[Address, msgspec.Meta(description="Where it listens, host:port")]
    certificate: Annotated[Path, msgspec.Meta(description="PEM chain of the listener's certificate")]
    key: Annotated[Path, msgspec.Meta(description="PEM private key of `certificate`")]
    client_ca: Annotated[Path, msgspec.Meta(description="PEM certificates that may sign the gateways'")]
    crl: Annotated[
        Path | None,
        msgspec.Meta(description="PEM list of revoked gateways, read at the start; out of date, nobody gets in"),
    ] = None
    connections_max: Annotated[
        int, msgspec.Meta(description="Connections and requests at once; more get 503", ge=1, le=100_000)
    ] = 1000


class EnrolmentSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How gateways get certificates from the center. Its own listener asks for none; it shows `https`'s certificate."""

    address: Annotated[
        Address, msgspec.Meta(description="Where boxes enrol with a code, host:port, apart from where they deliver")
    ]
    issuer: Annotated[
        Path,
        msgspec.Meta(
            description="Folder of the issuing CA (`isolane center gateway begin` makes it); `https` lets in whom it "
            "has certified, beside those of `client_ca`"
        ),
    ]
    server_ca: Annotated[
        Path,
        msgspec.Meta(
            description="PEM certificates that have signed the listeners of center and broker: what gateways will trust"
        ),
    ]
    days: Annotated[
        int,
        msgspec.Meta(
            description="How long a certificate is valid, days; gateways renew after two thirds of it", ge=1, le=825
        ),
    ] = 90
    broker_pid_file: Annotated[
        Path | None,
        msgspec.Meta(
            description="The broker's pid_file: it is sent SIGHUP when the list of revoked certificates has changed. "
            "Needs the same user; without this, something else must have the broker read its list again"
        ),
    ] = None
    ends_sessions: Annotated[
        bool,
        msgspec.Meta(
            description="Whether the center ends the broker sessions of gateways that are locked out. Needs a listener "
            "on which the center may choose its client id (`isolane center broker-config` writes one)"
        ),
    ] = False


class QuotaSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What each gateway may send; the defaults are a hundred times what a site of 50 chargers needs."""

    messages_per_s: Annotated[
        float, msgspec.Meta(description="Messages of one gateway a second; more wait for their turn", ge=1, le=100_000)
    ] = 100.0
    burst_messages: Annotated[
        int, msgspec.Meta(description="Messages that may come at once after a rest", ge=1, le=100_000)
    ] = 500
    bytes_per_s: Annotated[
        float, msgspec.Meta(description="Bytes of one gateway a second; more wait for their turn", ge=1024, le=1e9)
    ] = 262_144.0
    burst_bytes: Annotated[
        int, msgspec.Meta(description="Bytes that may come at once after a rest", ge=1 << 20, le=1 << 30)
    ] = 8 << 20
    waiting_messages_max: Annotated[
        int,
        msgspec.Meta(
            description="Messages of one gateway that may wait; what is beyond is not taken and not acknowledged. A "
            "link's `window` must be below it",
            ge=16,
            le=100_000,
        ),
    ] = 1100
    waiting_bytes_max: Annotated[
        int, msgspec.Meta(description="Bytes of one gateway that may wait", ge=1 << 20, le=1 << 30)
    ] = 8 << 20


class CommitSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How messages are gathered into one commit."""

    window_ms: Annotated[
        float,
        msgspec.Meta(description="How long the first message of a commit waits for others, ms", ge=0, le=1000),
    ] = 20.0
    messages_max: Annotated[int, msgspec.Meta(description="Messages in one commit at most", ge=1, le=10_000)] = 512
    waiting_mb_max: Annotated[
        int,
        msgspec.Meta(
            description="Messages that wait for a commit, together, MB; senders beyond it wait", ge=2, le=4096
        ),
    ] = 64
