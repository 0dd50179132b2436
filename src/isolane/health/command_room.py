"""This file joins commands to links and outbox; it guards that a receipt is in the outbox before it counts as told.

Commands, key manifests and notes come from the links' errands; statements go back the same way. A receipt is a paper on
the lane of receipts. A note is a checkpoint of this audit that the center has co-signed. The greatest one is kept; one
that is smaller is a security event. Each statement proves that the audit begins with what the one that came last has.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from isolane.config.site import Site
from isolane.core.clock import NS_PER_MS, Clock
from isolane.core.durable import replace_file
from isolane.core.failures import IsolaneError
from isolane.health.commands.challenge import Challenges
from isolane.health.commands.desk import Desk, Ground
from isolane.health.commands.gate import Gate, Interlocks
from isolane.health.commands.journal import Journal
from isolane.health.commands.keyring import Keyring
from isolane.health.commands.rate import LOOKS_BURST, LOOKS_PER_S, Bucket
from isolane.health.commands.seen import Seen
from isolane.health.commands.settings import CommandSettings
from isolane.health.commands.verb import Verb
from isolane.security.checkpoint import open_note
from isolane.security.envelope import STATEMENT, parse
from isolane.security.event_lines import EventLines, Kind
from isolane.security.open_key import open_signer
from isolane.wire.command import Statement, read
from isolane.wire.errand import VERSION, Down, Stated, encode
from isolane.wire.receipt import KIND

_LOG = logging.getLogger(__name__)
TEND_S: Final = 2.0
_AT_ONCE: Final = 128
"""Commands that are being looked at or done; of each verb one is done at a time."""
_WITNESS: Final = "witness.note"
_ROLLBACK: Final = "note rollback"
"""Under this an older note is counted in the audit's line of what was forged."""

Put = Callable[[str, bytes, int], Awaitable[object]]
"""Puts a paper of a kind, written at a UTC in ms, on the lane of receipts; waits until the disk has it."""
Bring = Callable[[], Awaitable[tuple[Down, bytes]]]
"""Waits for what the center brings."""
Tell = Callable[[bytes], Awaitable[None]]
"""Has all links bring a statement."""


class CommandRoom(Collector):
    """Commands of one gateway; register it with a registry.

    Args:
        site: Its names.
        settings: Of [health.commands].
        folder: Of the state; made if it is not there.
        clock: Both clocks.
        is_synced: Tells whether the UTC clock is synchronised now.

    Raises:
        IsolaneError: The key, the manifest or the state cannot be used.
    """

    def __init__(
        self, site: Site, settings: CommandSettings, folder: Path, clock: Clock, is_synced: Callable[[], bool]
    ) -> None:
        self._gateway, self._clock = site.gateway, clock
        self._signer = open_signer(settings.key)
        self._keyring = Keyring(settings.manifest)
        self._challenges = Challenges(clock, is_synced)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise IsolaneError(f"cannot make {folder}: {error.strerror}", "see whose the folder above is") from error
        self.seen = Seen(folder / "commands.db")
        try:
            self.journal = Journal(folder / "audit", site.gateway, self._signer, clock)
        except IsolaneError:
            self.seen.close()
            raise
        self._events = EventLines()
        self._looks = Bucket(LOOKS_PER_S, LOOKS_BURST, clock)
        self._note_path = folder / _WITNESS
        self._kept = self._vouched = self._kept_note()
        self._stated = 0
        self._put: Put | None = None
        self._tell: Tell | None = None
        self._desk: Desk | None = None

    def open(self, verbs: Sequence[Verb[Any]], interlocks: Interlocks, put: Put, tell: Tell) -> None:
        """Say what can be done, and where receipts and statements go; call it once, before `run`.

        Args:
            verbs: What this gateway has.
            interlocks: See `gate.Interlocks`.
            put: See there.
            tell: See there.
        """
        self._put, self._tell = put, tell
        ground = Ground(
            self._gateway,
            self._signer,
            self._keyring,
            self._challenges,
            self.seen,
            self.journal,
            self._clock,
            self._events,
        )
        gate = Gate(
            gateway=self._gateway,
            verbs=verbs,
            keyring=self._keyring,
            challenges=self._challenges,
            seen=self.seen,
            interlocks=interlocks,
            clock=self._clock,
        )
        self._desk = Desk(ground, gate, self)

    async def run(self, bring: Bring) -> None:
        """Take commands for ever; cancelled to stop. `open` has been called."""
        if self._desk is None:
            raise RuntimeError("not open")
        await self._desk.start()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tend(self._desk))
            await self._take(self._desk, bring, tasks)

    def close(self) -> None:
        """Let go of the files."""
        self.seen.close()
        self.journal.close()

    async def receipt(self, body: bytes) -> None:
        """See `desk.Out`."""
        if self._put is not None:
            await self._put(KIND, body, max(0, self._clock.utc_ns() // NS_PER_MS))

    async def statement(self, body: bytes) -> None:
        """See `desk.Out`."""
        self._stated += 1
        size = _size(read(parse(body, STATEMENT).payload, Statement).checkpoint)
        old, path = 0, []
        if 0 < self._vouched <= size:
            old, path = self._vouched, self.journal.consistency(self._vouched, size)
        proof = tuple(each.hex() for each in path)
        stated = Stated(version=VERSION, statement=body.decode(), number=self._stated, old=old, path=proof)
        if self._tell is not None:
            await self._tell(encode(stated))

    def collect(self) -> Iterator[Metric]:
        """Give the counts to Prometheus."""
        family = CounterMetricFamily(
            "isolane_health_commands", "Commands by how they ended, and why.", labels=["state", "reason"]
        )
        counts = {} if self._desk is None else dict(self._desk.counts)
        for name, count in counts.items():
            state, _, reason = name.partition(" ")
            family.add_metric([state, reason], count)
        yield family

    async def _tend(self, desk: Desk) -> None:
        while True:
            await desk.tend()
            await asyncio.sleep(TEND_S)

    async def _take(self, desk: Desk, bring: Bring, tasks: asyncio.TaskGroup) -> None:
        running: set[asyncio.Task[None]] = set()
        while True:
            kind, data = await bring()
            if kind is Down.KEYS:
                await desk.renew(data)
            elif kind is Down.NOTE:
                await self._note(desk, data)
            elif len(running) >= _AT_ONCE or not self._looks.take():
                desk.overrun()
            else:
                task = tasks.create_task(desk.receive(data))
                running.add(task)
                task.add_done_callback(running.discard)

    async def _note(self, desk: Desk, data: bytes) -> None:
        """Take a checkpoint that the center vouches for; state the audit anew, with a proof that it goes on from it."""
        try:
            note = data.decode()
            point, _ = open_note(note, {self._gateway: self._signer.public_key})
        except ValueError as error:
            self._events.report(Kind.COMMAND, detail=f"note: {error}")
            return
        if point.origin != self.journal.origin or point.size == self._vouched:
            return
        if not await asyncio.to_thread(self.journal.begins_with, point):
            self._events.report(Kind.COMMAND, detail=f"audit: the center vouches for {point.size} lines that are gone")
            return
        self._vouched = point.size
        if point.size < self._kept:
            # It may go on from there, and is not what the center has once said: that stays on the disk.
            detail = f"note: of {point.size} lines after one of {self._kept}: an older center was put back"
            self._events.report(Kind.ROLLBACK, detail=detail)
            desk.forged(_ROLLBACK)
        else:
            self._kept = point.size
            try:
                await asyncio.to_thread(replace_file, self._note_path, data)
            except OSError as error:
                _LOG.warning("note-not-kept why=%s", error.strerror)
        await desk.restate()

    def _kept_note(self) -> int:
        """Give how many lines the note vouches for that the last process has kept, 0 for none."""
        with contextlib.suppress(OSError, ValueError):
            note = self._note_path.read_text("utf-8")
            point, _ = open_note(note, {self._gateway: self._signer.public_key})
            if point.origin == self.journal.origin and self.journal.begins_with(point):
                return point.size
        return 0


def _size(note: str) -> int:
    return int(note.split("\n")[1]) if note else 0
