"""This file defines [value.own_calls]; it guards that what is not listed here is not asked, and some things never."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from isolane.core.ids import is_charger_id
from isolane.value.own_calls.actions import DEFAULT_V2, DEFAULT_V16, OFFERED_V2, OFFERED_V16

EVERYBODY = "*"


class OwnCallsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Questions of the gateway's own to chargers, for diagnostics; none while `enabled_for` is empty."""

    enabled_for: Annotated[
        list[str],
        Meta(
            description='Identities that may be asked, or "*" for all; their connections are without compression, and '
            "their messages are read. SIGHUP adds a charger from its next connection on and takes one out at once"
        ),
    ] = []
    actions_v16: Annotated[
        list[str],
        Meta(description="Actions that may be asked of a charger with OCPP 1.6; docs/reference/own-calls.md lists all"),
    ] = msgspec.field(default_factory=lambda: list(DEFAULT_V16))
    actions_v2: Annotated[
        list[str], Meta(description="The same with OCPP 2.0.1 or 2.1; Reset (type OnIdle only) must be listed")
    ] = msgspec.field(default_factory=lambda: list(DEFAULT_V2))
    upload_to: Annotated[
        list[str],
        Meta(description="Base URLs to which a charger may be told to send logs; none refuses GetLog, GetDiagnostics"),
    ] = []
    audit: Annotated[
        Path | None,
        Meta(description="File of the audit, one line an event; needed when a charger is enabled. Fixed at the start"),
    ] = None
    audit_bytes_max: Annotated[
        int,
        Meta(description="Bytes of the audit; when they are reached calls are refused. Fixed at the start", ge=65_536),
    ] = 64 * 1024 * 1024
    caller: Annotated[
        str | None, Meta(description="System user who may ask; none for the relay's own user alone. Fixed at the start")
    ] = None
    answer_s: Annotated[float, Meta(description="s that a charger gets to answer at most", gt=0, le=300)] = 30.0
    csms_delay_ms_max: Annotated[
        int,
        Meta(
            description="ms after an own call during which a call of the CSMS to the same charger waits for the reply; "
            "chargers take one call at a time",
            ge=0,
            le=10_000,
        ),
    ] = 1000
    csms_call_s: Annotated[
        float,
        Meta(description="s after which a call of the CSMS without an answer counts as given up", gt=0, le=3600),
    ] = 120.0
    calls_per_min: Annotated[
        float, Meta(description="Own calls a minute to one charger; diagnostics need few", gt=0, le=600)
    ] = 10.0
    calls_burst: Annotated[int, Meta(description="Own calls to one charger after a quiet time", ge=1, le=100)] = 5
    answer_bytes_max: Annotated[
        int, Meta(description="Bytes of a reply; a longer one is dropped", ge=1024, le=512 * 1024)
    ] = 256 * 1024

    def __post_init__(self) -> None:
        """Check what belongs together.

        Raises:
            ValueError: An identity, an action or a URL cannot be, or there is no audit.
        """
        for charger in self.enabled_for:
            if charger != EVERYBODY and not is_charger_id(charger):
                raise ValueError(f"charger {charger!r} cannot be an identity")
        for listed, offered in ((self.actions_v16, OFFERED_V16), (self.actions_v2, OFFERED_V2)):
            for action in listed:
                if action not in offered:
                    raise ValueError(f"action {action!r} is never asked; choose from {', '.join(sorted(offered))}")
        for url in self.upload_to:
            parts = urlsplit(url)
            if not (parts.scheme and parts.hostname) or parts.username is not None or parts.query or parts.fragment:
                raise ValueError(f"{url!r} is no base URL; it has no credentials, query or fragment")
        if self.enabled_for and self.audit is None:
            raise ValueError("own calls need an `audit` file")

    def enables(self, charger: str) -> bool:
        """Tell whether a charger may be asked."""
        return EVERYBODY in self.enabled_for or charger in self.enabled_for
