"""This file defines [center.alerts]; it guards that every way out has a name, bounds, and its secrets by reference."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from isolane.config.values import Secret

Level = Literal["L0", "L1", "L2", "L3", "L4"]
Name = Annotated[
    str,
    msgspec.Meta(
        description="Names the way out in histories, metrics and its queue; a-z 0-9 . _ -, up to 32 characters",
        pattern=r"^[a-z0-9][a-z0-9._-]{0,31}$",
    ),
]
From = Annotated[Level, msgspec.Meta(description="Least level that is told; L0 to L4")]
Again = Annotated[bool, msgspec.Meta(description="Whether it is told when an alert waits for somebody too long")]
Timeout = Annotated[float, msgspec.Meta(description="Longest wait for one attempt, s", ge=0.1, le=300)]
Ca = Annotated[
    Path | None,
    msgspec.Meta(description="PEM certificates that may sign the other side's; the system's if absent"),
]


class WebhookSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An HTTPS address that alerts are posted to as signed JSON."""

    name: Name
    url: Annotated[str, msgspec.Meta(description="https:// address; http:// only within `allow`", max_length=2000)]
    secret: Annotated[Secret, msgspec.Meta(description="Key of the signature, 16 bytes at least")]
    level: From = "L2"
    escalations: Again = True
    allow: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="Networks that are not public and may be posted to all the same, as 10.1.0.0/16"),
    ] = ()
    ca: Ca = None
    timeout_s: Timeout = 10.0


class AlertmanagerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Prometheus Alertmanager, or what takes its API v2."""

    name: Name
    url: Annotated[str, msgspec.Meta(description="Its address without /api/v2, http:// or https://", max_length=2000)]
    level: From = "L1"
    repeat_s: Annotated[
        float,
        msgspec.Meta(
            description="How often what is open is told again, s; what is not told for five times that ends there",
            ge=1,
            le=3600,
        ),
    ] = 60.0
    user: Annotated[str, msgspec.Meta(description="User of HTTP Basic; none if empty", max_length=200)] = ""
    password: Annotated[Secret | None, msgspec.Meta(description="Password of `user`")] = None
    ca: Ca = None
    timeout_s: Timeout = 10.0


class MailSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mail server, always with TLS."""

    name: Name
    host: Annotated[str, msgspec.Meta(description="Its name, as in its certificate", max_length=253)]
    port: Annotated[int, msgspec.Meta(description="Its port, 1 to 65535", ge=1, le=65_535)] = 587
    tls: Annotated[
        Literal["starttls", "implicit"], msgspec.Meta(description="How TLS begins: starttls (587) or implicit (465)")
    ] = "starttls"
    sender: Annotated[str, msgspec.Meta(description="Address in From", max_length=254)]
    to: Annotated[
        tuple[Annotated[str, msgspec.Meta(max_length=254)], ...],
        msgspec.Meta(description="Addresses, 1 to 50", min_length=1, max_length=50),
    ]
    user: Annotated[str, msgspec.Meta(description="User to log in as; none if empty", max_length=200)] = ""
    password: Annotated[Secret | None, msgspec.Meta(description="Password of `user`")] = None
    level: From = "L3"
    escalations: Again = True
    ca: Ca = None
    timeout_s: Timeout = 30.0


class AlertsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules over what arrives, and who is told."""

    rules: Annotated[
        Path | None, msgspec.Meta(description="Rules file, TOML; the shipped rules if absent, see `center alerts`")
    ] = None
    interval_s: Annotated[float, msgspec.Meta(description="From one look to the next, s", ge=0.05, le=3600)] = 10.0
    devices_max: Annotated[
        int, msgspec.Meta(description="Chargers and gateways whose samples one look reads", ge=1, le=100_000)
    ] = 500
    late_s: Annotated[
        float, msgspec.Meta(description="Samples older than that are the past and raise nothing, s", ge=10, le=3600)
    ] = 300.0
    flap_count: Annotated[
        int, msgspec.Meta(description="Openings within `flap_window_s` from which on an alert flaps", ge=2, le=1000)
    ] = 4
    flap_window_s: Annotated[float, msgspec.Meta(description="Over how long openings count, s", ge=60, le=86_400)] = (
        3600.0
    )
    flap_quiet_s: Annotated[
        float, msgspec.Meta(description="How long one that flaps must be quiet before it closes, s", ge=1, le=86_400)
    ] = 900.0
    escalate_s: Annotated[
        dict[Level, Annotated[float, msgspec.Meta(ge=1, le=30 * 86_400)]],
        msgspec.Meta(description="How long an alert of a level waits for somebody before it is told again, s"),
    ] = msgspec.field(default_factory=lambda: {"L3": 3600.0, "L4": 300.0})
    keep_days: Annotated[
        float, msgspec.Meta(description="How long closed alerts are kept with their history, d", ge=1, le=36_500)
    ] = 1100.0
    retry_s: Annotated[
        float, msgspec.Meta(description="First pause after an attempt that failed, s; it doubles", ge=0.05, le=3600)
    ] = 5.0
    retry_s_max: Annotated[float, msgspec.Meta(description="Longest pause between attempts, s", ge=0.05, le=86_400)] = (
        600.0
    )
    give_up_days: Annotated[
        float, msgspec.Meta(description="After how long a message is given up, d; its alert says so", gt=0, le=365)
    ] = 7.0
    console_url: Annotated[
        str, msgspec.Meta(description="Where people reach the console, for links in messages", max_length=500)
    ] = ""
    certificates: Annotated[
        tuple[Path, ...],
        msgspec.Meta(description="More PEM files or folders whose certificates are watched for their end"),
    ] = ()
    webhook: Annotated[tuple[WebhookSettings, ...], msgspec.Meta(description="Ways out")] = ()
    alertmanager: Annotated[tuple[AlertmanagerSettings, ...], msgspec.Meta(description="Ways out")] = ()
    mail: Annotated[tuple[MailSettings, ...], msgspec.Meta(description="Ways out")] = ()
