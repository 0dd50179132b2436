"""This file says what may be asked of a charger; it guards that the answer is no for everything it does not name.

There is no list of what is forbidden: an action that has no row here cannot be allowed by any setting, be it one that
starts or stops charging, sets tariffs, tags, keys, firmware, configuration, or one that does not exist yet. A row says
which fields a payload may have; where a field decides what the charger does, its values are listed too.

Source: OCPP 1.6 §5, its security white paper §5; OCPP 2.0.1 part 2.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final
from urllib.parse import urlsplit

Payload = Mapping[str, object]
Check = Callable[[Payload, Collection[str]], bool]
"""Tells whether a payload may be sent; gets the base URLs of uploads."""

_PLAIN: Final = re.compile(r"[!-\[\]-~]+")
"""Printable ASCII without space and backslash, which parsers of URLs understand differently."""
_TRIGGERS: Final = frozenset(
    {
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "LogStatusNotification",
        "MeterValues",
        "StatusNotification",
    }
)
"""Left out: BootNotification, which a CSMS may take for a reboot, and everything that makes a charger sign keys."""


def _has_only(*names: str) -> Check:
    def check(payload: Payload, _: Collection[str]) -> bool:
        return payload.keys() <= set(names)

    return check


def _triggers(*names: str) -> Check:
    def check(payload: Payload, _: Collection[str]) -> bool:
        asked = payload.get("requestedMessage")
        return payload.keys() <= {"requestedMessage", *names} and isinstance(asked, str) and asked in _TRIGGERS

    return check


def _diagnostics(payload: Payload, urls: Collection[str]) -> bool:
    names = {"location", "retries", "retryInterval", "startTime", "stopTime"}
    return payload.keys() <= names and _is_below(payload.get("location"), urls)


def _log(payload: Payload, urls: Collection[str]) -> bool:
    log = payload.get("log")
    return (
        payload.keys() <= {"logType", "requestId", "retries", "retryInterval", "log"}
        and isinstance(log, Mapping)
        and log.keys() <= {"remoteLocation", "oldestTimestamp", "latestTimestamp"}
        and _is_below(log.get("remoteLocation"), urls)
    )


def _reset(payload: Payload, _: Collection[str]) -> bool:
    """Let the charger itself wait for the end of its transactions: it alone knows them."""
    return payload.keys() <= {"type", "evseId"} and payload.get("type") == "OnIdle"


def _is_below(location: object, urls: Collection[str]) -> bool:
    """Tell whether a location is one of the base URLs or below it; credentials in it are the caller's."""
    if not isinstance(location, str) or not _PLAIN.fullmatch(location):
        return False
    try:
        asked = _place(location)
    except ValueError:
        return False
    if "%" in asked[1] or any(step in {".", ".."} for step in asked[1].split("/")):
        return False
    bases = [_place(url) for url in urls]
    return any(asked[0] == place and (asked[1] + "/").startswith(path.rstrip("/") + "/") for place, path in bases)


def _place(url: str) -> tuple[tuple[str, str | None, int | None], str]:
    parts = urlsplit(url)
    return (parts.scheme, parts.hostname, parts.port), parts.path


OFFERED_V16: Final[Mapping[str, Check]] = {
    "ExtendedTriggerMessage": _triggers("connectorId"),
    "GetConfiguration": _has_only("key"),
    "GetDiagnostics": _diagnostics,
    "GetLog": _log,
    "TriggerMessage": _triggers("connectorId"),
}
OFFERED_V2: Final[Mapping[str, Check]] = {
    "GetBaseReport": _has_only("requestId", "reportBase"),
    "GetLog": _log,
    "GetReport": _has_only("requestId", "componentCriteria", "componentVariable"),
    "GetVariables": _has_only("getVariableData"),
    "Reset": _reset,
    "TriggerMessage": _triggers("evse"),
}
DEFAULT_V16: Final = tuple(OFFERED_V16)
DEFAULT_V2: Final = tuple(action for action in OFFERED_V2 if action != "Reset")

OFFERED: Final[Mapping[str, Mapping[str, Check]]] = {
    "ocpp1.6": OFFERED_V16,
    "ocpp2.0.1": OFFERED_V2,
    "ocpp2.1": OFFERED_V2,
}
"""By subprotocol; with another one nothing is asked."""
