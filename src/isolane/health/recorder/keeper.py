"""This file is the recorder's work on the disk; it guards that ring and snapshots have one and the same.

One thread at a time. A step takes what has come since the last: it is appended to the ring, then to the snapshots that
go on; new triggers begin or extend one; those whose time is over get their end.
"""

import hashlib
import logging
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from isolane import __version__
from isolane.config.site import Site
from isolane.core.clock import NS_PER_MS, Clock
from isolane.core.samples import Quality
from isolane.health.recorder.channels import physical
from isolane.health.recorder.facts import Heard, Line, State, record
from isolane.health.recorder.film import Film, complete
from isolane.health.recorder.ring import Ring
from isolane.health.recorder.rows import Gatherer, Row
from isolane.health.recorder.segments import Kind
from isolane.health.recorder.settings import RecorderSettings
from isolane.health.recorder.shelf import Entry, Shelf
from isolane.health.recorder.standouts import Seen
from isolane.wire.block import Block, gateway_tag
from isolane.wire.records import Record
from isolane.wire.schema import Schema
from isolane.wire.snapshot import CUT, OPEN, WHOLE, Card, CardTrigger, Trigger
from isolane.wire.snapshot_file.manifest import Signs
from isolane.wire.tap_event import Booted

_LOG = logging.getLogger(__name__)
FILMS_MAX = 8
"""Snapshots that are written at once; a site where more chargers break at once has one cause."""
_AGAIN_MS = 60_000
_GRACE_MS = 2000
"""A row is there a moment after its second."""
_FILM_SHARE = 2
"""Of the bound in bytes, so much at most is one snapshot's."""
_ROOM_BYTES = 1 << 19
_CARD_TRIGGERS, _CARD_STANDOUTS = 8, 6
_CLOCK = {"xOffset": "offset_s", "xErrorMax": "error_s", "xSynchronised": "is_synchronised"}


@dataclass
class Batch:
    """What has come since the last step."""

    rows: list[Row] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    triggers: list[Trigger] = field(default_factory=list)


@dataclass
class _Take:
    """A snapshot that goes on."""

    film: Film
    entry: Entry
    begun_ms: int
    """Monotonic, as the next."""
    until_ms: int
    until_utc_ms: int


class Keeper:
    """The ring and the snapshots.

    Args:
        settings: The table.
        folder: Where both are.
        site: Whose.
        clock: Both clocks.
        signer: Signs manifests; None: they are not signed.
    """

    def __init__(
        self, settings: RecorderSettings, folder: Path, site: Site, clock: Clock, signer: Signs | None
    ) -> None:
        self.ring = Ring(settings.ring, folder / "ring", clock)
        self.shelf = Shelf(settings, folder / "snapshots", clock)
        self.refused_many = 0
        """Triggers without a snapshot since too many were being written."""
        self._settings = settings
        self._site = site
        self._clock = clock
        self._signer = signer
        self._gatherer = Gatherer(clock.utc_ns() // NS_PER_MS, gateway_tag(site.name, site.gateway))
        self._takes: dict[str, _Take] = {}
        self._devices: dict[str, dict[str, str]] = {}
        self._told_clock: dict[str, str] = {}
        self._unended: list[Entry] = []
        """Whose end the disk has refused."""
        self._again_ms = 0

    def open(self) -> None:
        """Take over what an earlier run has left; snapshots it did not end are ended as cut.

        Raises:
            OSError: A folder cannot be made or read.
        """
        self._takes.clear()  # after a restart of this part alone
        self._unended = [self.shelf.entries[ident] for ident in self.shelf.open()]
        self.ring.open()
        self._complete()
        self.shelf.make_room(0)

    def step(self, batch: Batch) -> None:
        """Take what has come; never raises for a disk that refuses."""
        schemas, found = self._records(batch)
        if found:
            self.ring.append(schemas, found)
        for take in self._takes.values():
            take.film.feed([*schemas, *found], take.until_utc_ms)
        for trigger in batch.triggers:
            self._trigger(trigger)
        for charger, take in list(self._takes.items()):
            take.film.flush()
            is_long = take.film.size > self._settings.bytes_max // _FILM_SHARE
            if take.film.is_broken or is_long or self._now_ms() >= take.until_ms + _GRACE_MS:
                self._end(charger, take)
        if self._unended and self._now_ms() >= self._again_ms:
            self._complete()
        self.shelf.make_room(0)

    def close(self) -> None:
        """End what goes on."""
        for charger, take in list(self._takes.items()):
            self._end(charger, take)

    def _records(self, batch: Batch) -> tuple[list[Record], list[Record]]:
        for heard in batch.heard:
            if isinstance(heard.event, Booted):
                told = heard.event
                self._devices[told.charger] = {"vendor": told.vendor, "model": told.model, "firmware": told.firmware}
        if batch.rows:
            self._note_clock(batch.rows[-1])
        schemas, found = self._gatherer.records(batch.rows) if batch.rows else ([], [])
        facts = ((Kind.EVENTS, batch.heard), (Kind.LOG, batch.lines), (Kind.STATES, batch.states))
        return schemas, found + [record(kind, some) for kind, some in facts if some]

    def _trigger(self, trigger: Trigger) -> None:
        now = self._now_ms()
        going = self._takes.get(trigger.charger)
        if going is not None:
            going.film.mark(trigger)
            last_ms = going.begun_ms + 1000 * self._settings.length_s_max
            longer_ms = min(now + 1000 * self._settings.after_s, last_ms) - going.until_ms
            if longer_ms > 0:
                going.until_ms += longer_ms
                going.until_utc_ms += longer_ms
            self._describe(going)
            return
        if len(self._takes) >= FILMS_MAX:
            self.refused_many += 1
            return
        if self.shelf.admits(trigger) and self.shelf.make_room(min(_ROOM_BYTES, self._settings.bytes_max // 2)):
            try:
                self._begin(trigger)
            except OSError as error:
                self.shelf.counts.refused_room += 1
                _LOG.warning("snapshot-not-begun error=%s", error)

    def _begin(self, trigger: Trigger) -> None:
        """Begin a snapshot with what the ring has.

        Raises:
            OSError: The disk refuses.
        """
        now, utc_ms = self._now_ms(), self._clock.utc_ns() // NS_PER_MS
        ident, head = self._head(trigger.charger, utc_ms)
        length_s = min(self._settings.after_s, self._settings.length_s_max)
        from_ms, until_utc_ms = utc_ms - 1000 * self._settings.before_s, utc_ms + 1000 * length_s
        seen = Seen(trigger.charger)
        film = Film(self.shelf.file(ident), head, trigger.charger, from_ms, _shown(seen))
        card = Card(
            id=ident,
            charger=trigger.charger,
            state=OPEN,
            level=trigger.level,
            begun_ms=utc_ms,
            from_ms=from_ms,
            to_ms=until_utc_ms,
            triggers=(),
            firmware=self._firmware(trigger.charger),
        )
        take = _Take(film, Entry(card=card), now, now + 1000 * length_s, until_utc_ms)
        self.shelf.begin(take.entry)
        film.mark(trigger)
        film.clock(self._clock_facts())
        for each in self.ring.read(from_ms, until_utc_ms):
            film.feed([each], until_utc_ms)
        film.flush()
        take.entry.card = msgspec.structs.replace(card, standouts=seen.standouts(utc_ms, _CARD_STANDOUTS))
        self._takes[trigger.charger] = take
        self._describe(take)
        _LOG.warning("snapshot-begun id=%s kind=%s level=%d", ident, trigger.kind, trigger.level)

    def pack(self, trigger: Trigger, path: Path) -> str:
        """Make a snapshot of a file that somebody left, as it is, and give its id.

        Raises:
            OSError: It cannot be read, the disk refuses, or the bounds allow no more.
        """
        if not self.shelf.admits(trigger) or not self.shelf.make_room(2 * path.stat().st_size + _ROOM_BYTES):
            raise OSError("the bounds of snapshots allow no more")
        utc_ms = self._clock.utc_ns() // NS_PER_MS
        ident, head = self._head(trigger.charger, utc_ms)
        told = CardTrigger(trigger.kind, trigger.level, trigger.t_ms, trigger.what, trigger.value)
        card = Card(
            id=ident,
            charger=trigger.charger,
            state=OPEN,
            level=trigger.level,
            begun_ms=utc_ms,
            from_ms=utc_ms,
            to_ms=utc_ms,
            triggers=(told,),
            firmware=self._firmware(trigger.charger),
        )
        entry = Entry(card=card)
        film = Film(self.shelf.file(ident), head, trigger.charger, utc_ms)
        self.shelf.begin(entry)
        try:
            film.mark(trigger)
            film.clock(self._clock_facts())
            with path.open("rb") as file:
                film.upload(file, utc_ms)
            film.end(self._signer)
            self._close(entry, WHOLE, film.size)
        except OSError:
            self._unended.append(entry)
            raise
        return ident

    def going(self, charger: str) -> str | None:
        """Give the id of the snapshot of a charger that is being written."""
        take = self._takes.get(charger)
        return None if take is None else take.entry.card.id

    def _head(self, charger: str, utc_ms: int) -> tuple[str, dict[str, str]]:
        """Name a new snapshot; give what it says of itself."""
        ident = (utc_ms.to_bytes(6, "big") + os.urandom(10)).hex()
        head = {"id": ident, "site": self._site.name, "gateway": self._site.gateway, "charger": charger}
        head |= {f"device.{name}": text for name, text in self._devices.get(charger, {}).items()}
        return ident, head | {"software.isolane": __version__, "software.python": platform.python_version()}

    def _firmware(self, charger: str) -> str:
        return " ".join(filter(None, self._devices.get(charger, {}).values()))

    def _describe(self, take: _Take) -> None:
        """Write the card anew.

        A disk that refuses it leaves the old one.
        """
        triggers = take.film.triggers
        told = tuple(CardTrigger(each.kind, each.level, each.t_ms, each.what, each.value) for each in triggers)
        take.entry.card = msgspec.structs.replace(
            take.entry.card,
            triggers=told[:_CARD_TRIGGERS],
            triggers_more=max(0, len(told) - _CARD_TRIGGERS),
            level=max(each.level for each in triggers),
            to_ms=take.until_utc_ms,
        )
        try:
            self.shelf.save(take.entry)
        except OSError as error:
            _LOG.warning("snapshot-card-refused error=%s", error.strerror)

    def _end(self, charger: str, take: _Take) -> None:
        del self._takes[charger]
        take.film.clock(self._clock_facts())
        try:
            take.film.end(self._signer)
            self._close(take.entry, CUT if take.film.is_broken else WHOLE, take.film.size)
        except (OSError, ValueError) as error:
            self._unended.append(take.entry)
            _LOG.warning("snapshot-not-ended id=%s error=%s", take.entry.card.id, error)

    def _complete(self) -> None:
        """End what has no end, as cut; what the disk refuses again later."""
        unended, self._unended = self._unended, []
        self._again_ms = self._now_ms() + _AGAIN_MS
        for entry in unended:
            try:
                self._close(entry, CUT, complete(self.shelf.file(entry.card.id), self._signer))
            except OSError as error:
                self._unended.append(entry)
                _LOG.warning("snapshot-not-completed id=%s error=%s", entry.card.id, error.strerror)
            except ValueError as error:
                _LOG.warning("snapshot-damaged id=%s error=%s", entry.card.id, error)

    def _close(self, entry: Entry, state: str, size: int) -> None:
        """Note that a file has its end.

        Raises:
            OSError: The disk refuses.
        """
        data = self.shelf.file(entry.card.id).read_bytes()
        entry.card = msgspec.structs.replace(
            entry.card,
            state=state,
            size=size,
            sha256=hashlib.sha256(data).hexdigest(),
            signed_by="" if self._signer is None else self._signer.key_id,
        )
        self.shelf.save(entry)
        self.shelf.counts.made += 1
        self.shelf.counts.cut += state == CUT
        _LOG.info("snapshot-ended id=%s state=%s bytes=%d", entry.card.id, state, size)

    def _note_clock(self, row: Row) -> None:
        for index, column in enumerate(row.stream.schema.columns):
            if not column.charger and column.key.startswith("0.0/RealTimeClock/"):
                name = _CLOCK.get(column.key.rpartition("/")[2])
                if name is not None and row.codes[index] & 3 != Quality.BAD:
                    self._told_clock[name] = f"{row.values[index] * column.resolution:.6g}"

    def _clock_facts(self) -> dict[str, str]:
        """Give what is known of the clock: where it comes from, and how far it may be off."""
        told = {"source": "the kernel's UTC clock", "utc_ms": str(self._clock.utc_ns() // NS_PER_MS)}
        return told | {"mono_ns": str(self._clock.mono_ns())} | self._told_clock

    def _now_ms(self) -> int:
        return self._clock.mono_ns() // NS_PER_MS


def _shown(seen: Seen) -> Callable[[Schema, Block], None]:
    def took(schema: Schema, block: Block) -> None:
        if block.key.stream:
            return
        values = physical(schema, block, list(range(len(schema.columns))))
        values = np.where((block.codes & 3) == Quality.BAD, np.nan, values)
        t_ms = block.t0_ms + block.step_ms * np.arange(block.values.shape[1], dtype=np.int64)
        seen.add(list(schema.columns), t_ms, values)

    return took
