"""This file does `charger.get_log`; it guards that the log comes to this gateway alone, and is kept unopened."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from isolane.health.commands.own_calls import OwnCalls
from isolane.health.commands.uploads.doors import Doors
from isolane.health.commands.uploads.quarantine import Upload, harmless
from isolane.health.commands.verb import VerbError
from isolane.wire.verbs.charger_get_log import CHARGER_GET_LOG, ChargerGetLogArguments

Keep = Callable[[str, Upload], Awaitable[str]]
"""Packs what came from a charger into a snapshot that is brought to the center, and gives its id; the file stays.

Raises OSError where the disk refuses, or the day's bound allows no more."""


class ChargerGetLog:
    """A charger's log.

    Args:
        calls: To the charger.
        doors: Where it uploads.
        keep: See `Keep`.
    """

    declared = CHARGER_GET_LOG

    def __init__(self, calls: OwnCalls, doors: Doors, keep: Keep) -> None:
        self._calls, self._doors, self._keep = calls, doors, keep
        self._request = 0

    async def run(self, arguments: ChargerGetLogArguments, person: str) -> Mapping[str, object]:
        """See `Verb.run`."""
        charger = arguments.charger
        is_v16 = self._calls.is_v16(charger)
        async with self._doors.expect(arguments.by) as expected:
            if is_v16 and arguments.log == "diagnostics":
                status, name = await self._diagnostics(arguments, expected.url, person)
            else:
                status, name = await self._log(arguments, expected.url, person)
            upload = await self._doors.arrived(expected)
            try:
                snapshot = await self._keep(charger, upload)
            except OSError as error:
                raise VerbError(f"the log came and cannot be kept: {error.strerror or error}") from error
        told = {"status": status, "name": name or upload.label, "size": upload.size}
        return told | {"sha256": upload.sha256, "snapshot": snapshot}

    async def _diagnostics(self, arguments: ChargerGetLogArguments, url: str, person: str) -> tuple[str, str]:
        """Ask a charger with OCPP 1.6, which says the name of the file, or nothing where it has none."""
        payload: dict[str, object] = {"location": url, "retries": 1, "retryInterval": 10}
        payload |= _times(arguments, "startTime", "stopTime")
        answer = await self._calls.call(arguments.charger, "GetDiagnostics", payload, person)
        name = answer.get("fileName")
        if not isinstance(name, str) or not name:
            raise VerbError("the charger has no diagnostics of that time")
        return "Accepted", harmless(name)

    async def _log(self, arguments: ChargerGetLogArguments, url: str, person: str) -> tuple[str, str]:
        """Ask with GetLog, of OCPP 2.x and of the security extension of 1.6."""
        self._request += 1
        log: dict[str, object] = {"remoteLocation": url}
        log |= _times(arguments, "oldestTimestamp", "latestTimestamp")
        payload: dict[str, object] = {
            "logType": "SecurityLog" if arguments.log == "security" else "DiagnosticsLog",
            "requestId": self._request,
            "log": log,
            "retries": 1,
            "retryInterval": 10,
        }
        answer = await self._calls.call(arguments.charger, "GetLog", payload, person)
        status, name = answer.get("status"), answer.get("filename")
        if status not in {"Accepted", "AcceptedCanceled"}:
            raise VerbError(f"the charger says {status!r:.40}")
        return str(status), harmless(name) if isinstance(name, str) and name else ""


def _times(arguments: ChargerGetLogArguments, begin: str, end: str) -> dict[str, object]:
    told = {begin: arguments.from_ms, end: arguments.to_ms}
    return {
        name: datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for name, ms in told.items()
        if ms is not None
    }
