"""This file declares the verb `charger.get_log`; it guards that the gateway alone says where a charger uploads to."""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import msgspec

from isolane.wire.verbs.declaration import Arguments, Charger, Declaration, TimeMs


class ChargerGetLogArguments(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which log of which charger."""

    charger: Charger
    log: Annotated[Literal["diagnostics", "security"], msgspec.Meta(description="Which of its logs")] = "diagnostics"
    by: Annotated[
        Literal["http", "https", "ftp", "ftps"] | None,
        msgspec.Meta(description="How it uploads; absent: the first way that the gateway's settings have"),
    ] = None
    from_ms: Annotated[TimeMs | None, msgspec.Meta(description="Not older than, UTC, ms since 1970")] = None
    to_ms: Annotated[TimeMs | None, msgspec.Meta(description="Not newer than, UTC, ms since 1970")] = None


def _told(arguments: ChargerGetLogArguments) -> str:
    times = [("from", arguments.from_ms), ("to", arguments.to_ms)]
    span = "".join(f" {word} {datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M} UTC" for word, ms in times if ms)
    return f"the {arguments.log} log of charger {arguments.charger}{span}"


CHARGER_GET_LOG: Final = Declaration(
    name="charger.get_log",
    kind="R0",
    need=1,
    arguments=ChargerGetLogArguments,
    timeout_s=930.0,
    words="have a charger upload its log to the gateway, which keeps it unopened and brings it to the center as a"
    " snapshot. It changes nothing. Logs can hold personal data.",
    told=_told,
    result="`status`, the charger's word; `name`, what it calls the file; `size`, bytes; `sha256`; `snapshot`, the id"
    " under which it comes",
)
