"""This file words snapshots for the console; it guards that each state has its own word, and promises no more."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final
from urllib.parse import quote

from isolane.center.console.alarms import LEVELS
from isolane.center.store.alert_views import Alert
from isolane.center.store.snapshot_film import Film, Verification, nearest
from isolane.center.store.snapshot_views import NEAR_MS, FileState, Snapshot
from isolane.wire.snapshot_file.content import Happening
from isolane.wire.snapshot_file.standouts import Off

OFFSETS_S: Final = (-60, -30, -10, -5, -2, -1, 0, 1, 5, 10)
"""Of the table of numbers, s from the first trigger."""
AROUND_MS: Final = 300_000
"""How much a chart shows before and after a trigger or an alarm."""
FILES: Final = {
    FileState.AWAITED: "not here yet",
    FileState.PARTS: "on its way",
    FileState.WHOLE: "here",
    FileState.WRONG: "set aside: its sum is wrong",
    FileState.NO_ROOM: "refused: no room",
    FileState.REMOVED: "gone: it made room",
    FileState.LOST: "lost: not in the backup",
}
STATES: Final = {"open": "being written", "whole": "whole", "cut": "cut by power or disk", "": "no card yet"}
SIGNATURES: Final = {
    "good": ("good", "good", "Signed by this gateway"),
    "bad": ("fault", "bad", "The signature is wrong"),
    "other-key": ("fault", "bad", "Signed with another key than this gateway's"),
    "unsigned": ("warn", "unknown", "Not signed"),
    "not-known": ("warn", "unknown", "Signed; no key of this gateway is set here"),
    "not-checked": ("away", "unknown", "Not checked"),
}
"""Of each verdict the tone, the icon and a sentence."""
_ENDS: Final = {
    "whole": "The file is whole.",
    "cut": "The file was ended by a power cut, a kill or a full disk, and completed afterwards.",
    "open": "The file has no end; what is whole of it was read.",
}


@dataclass(frozen=True, slots=True)
class SnapshotLine:
    """A snapshot as a row of a list."""

    snapshot: Snapshot
    word: str
    tone: str
    icon: str
    where: str
    what: str
    file: str
    state: str


@dataclass(frozen=True, slots=True)
class SignalRow:
    """A signal as it is shown: its number in the file, how it was around the trigger, and how far off."""

    number: int
    off: Off
    values: list[float | None]
    usual: float | None
    last: float | None
    off_sd: float | None


@dataclass(frozen=True, slots=True)
class Beat:
    """Something that happened, with its time from the trigger, s."""

    one: Happening
    offset_s: float


def line_of(snapshot: Snapshot) -> SnapshotLine:
    """Make a row."""
    word, tone, icon = LEVELS[snapshot.level]
    card = snapshot.card
    kinds = dict.fromkeys(one.kind for one in card.triggers) if card is not None else {}
    what = ", ".join(kinds) or "unknown: no card has come"
    where = f"{snapshot.site} / {snapshot.charger or snapshot.gateway}"
    state = STATES.get(snapshot.state, snapshot.state)
    return SnapshotLine(snapshot, word, tone, icon, where, what, FILES.get(FileState(snapshot.file), ""), state)


def is_near(alert: Alert, snapshot: Snapshot) -> bool:
    """Tell whether an alarm was opened about when a snapshot of its device was made."""
    last = max(snapshot.begun_ms, snapshot.card.to_ms if snapshot.card is not None else 0)
    devices = {snapshot.device} if snapshot.charger else {snapshot.device, ""}
    is_its = alert.site == snapshot.site and alert.device in devices
    return is_its and snapshot.begun_ms - NEAR_MS <= alert.opened_ms <= last + NEAR_MS


def signal_rows(film: Film, wanted: str, most: int) -> tuple[list[SignalRow], int]:
    """Give the signals whose name or unit has a text in it, those that were least as before first, and their count."""
    words = wanted.lower()
    found = [
        (number, off)
        for number, off in enumerate(film.offs)
        if words in f"{off.line.charger} {off.line.key} {off.line.unit}".lower()
    ]
    return [_row(number, off, film.trigger_ms) for number, off in found[:most]], len(found)


def beats(film: Film, most: int) -> list[Beat]:
    """Give what happened nearest to the trigger, in the order of time."""
    at_ms = film.trigger_ms
    near = sorted(film.happenings, key=lambda one: abs(one.t_ms - at_ms))[:most]
    return [Beat(one, (one.t_ms - at_ms) / 1000) for one in sorted(near, key=lambda one: one.t_ms)]


def sentences(verification: Verification, film: Film) -> list[str]:
    """Say what the check of a file has found, without what does not fit."""
    is_fine = film.manifest is not None and not verification.faults and verification.end in {"whole", "cut"}
    said = [
        _ENDS.get(verification.end, ""),
        f"{verification.chunks} parts of it fit their hashes." if verification.chunks else "",
        "Manifest, message indexes and summary follow from them." if is_fine else "",
        f"{film.unread} messages could not be read." if film.unread else "",
    ]
    return [sentence for sentence in said if sentence]


def charger_link(site: str, device: str) -> str:
    """Give the address of a charger's or gateway's page."""
    return "/chargers/" + "/".join(quote(part, safe="") for part in (site, device))


def window(site: str, device: str, at_ms: int) -> str:
    """Give the address of a charger's charts around a time."""
    return f"{charger_link(site, device)}#from={at_ms - AROUND_MS}&to={at_ms + AROUND_MS}"


def counted(names: Sequence[tuple[str, int]]) -> str:
    """Write names with their numbers."""
    return ", ".join(f"{count} {name}" for name, count in names)


def _row(number: int, off: Off, at_ms: int) -> SignalRow:
    values = [nearest(off.line, at_ms + offset_s * 1000) for offset_s in OFFSETS_S]
    usual, last, off_sd = (value if isfinite(value) else None for value in (off.usual, off.last, off.off_sd))
    return SignalRow(number, off, values, usual, last, off_sd)
