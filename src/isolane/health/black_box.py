"""This file joins the recorder to rows, sources and outbox; it guards that only a center's answer counts as arrival."""

import functools
from collections.abc import Callable, Iterable, Sequence

from isolane.config.site import Site
from isolane.core.clock import Clock
from isolane.core.ports import Source
from isolane.health.links.port import Courier
from isolane.health.links.settings import AnyLinkSettings
from isolane.health.links.target import TargetSettings
from isolane.health.outbox.lanes import Lane
from isolane.health.outbox.outbox import Outbox
from isolane.health.outbox.records import Key, Outgoing, Sheet
from isolane.health.recorder.recorder import Recorder
from isolane.health.recorder.uploader import Uploader
from isolane.health.rhythm import Rhythm
from isolane.health.sampling.grid import Row
from isolane.health.settings import HealthSettings
from isolane.wire.snapshot import CHUNK_BYTES
from isolane.wire.uplink import Downlink

_PARTS_MAX = 8
"""Parts of snapshots that wait in the outbox: half a second of 8 Mbit/s; the next follow when these have arrived."""
_SHARE = 8
"""Of what snapshots may take of the outbox."""


def black_box(  # noqa: PLR0917 - made in one place
    site: Site,
    settings: HealthSettings,
    clock: Clock,
    rhythms: Sequence[Rhythm],
    sources: Iterable[Source],
    burst: Callable[[float], None],
) -> Recorder | None:
    """Make the black box, if there is to be one, and show it every row.

    Raises:
        IsolaneError: Its signing key cannot be used.
    """
    if settings.recorder is None:
        return None
    known = {source.name for source in sources} | {link.name for link in settings.links}
    known |= {column.charger for rhythm in rhythms for column in rhythm.schema.columns}
    folder = settings.recorder.folder(settings.outbox.path)
    recorder = Recorder(settings.recorder, folder, site, clock, known, burst)
    for rhythm in rhythms:
        rhythm.watch = functools.partial(_show, recorder, rhythm)
    return recorder


def upload(recorder: Recorder | None, settings: HealthSettings, outbox: Outbox) -> None:
    """Have snapshots brought to the center, if there is a link to one."""
    if recorder is not None and _centers(settings.links):
        bound = settings.outbox.lanes.snapshot_bytes_max or settings.outbox.ordinary_bytes_max
        recorder.upload(_Outlet(outbox), max(1, min(_PARTS_MAX, bound // _SHARE // CHUNK_BYTES)))


def overhear(
    recorder: Recorder | None, settings: HealthSettings, link: str, courier: Courier[Outgoing]
) -> Courier[Outgoing]:
    """Let the black box hear what the center at the end of a link has acknowledged; other systems keep no snapshots."""
    uploads = None if recorder is None else recorder.uploads
    return courier if uploads is None or link not in _centers(settings.links) else _Overheard(courier, uploads)


class _Outlet:
    """The outbox as the recorder sees it."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def put(self, kind: str, body: bytes, t_ms: int, *, is_urgent: bool) -> Key:
        """See `recorder.uploader.Outlet`."""
        key = await self._outbox.put(Sheet(kind, body, t_ms), Lane.ALARM if is_urgent else Lane.SNAPSHOT)
        return key.epoch, key.stream, key.sequence

    async def holding(self, keys: frozenset[Key]) -> frozenset[Key]:
        """See `recorder.uploader.Outlet`."""
        return await self._outbox.holding(keys)


class _Overheard:
    """A courier whose answers are heard before they take effect: what has left the outbox for one was heard."""

    def __init__(self, courier: Courier[Outgoing], uploads: Uploader) -> None:
        self.begin, self.next = courier.begin, courier.next
        self.sent, self.back, self.refuse = courier.sent, courier.back, courier.refuse
        self._answer = courier.answer
        self._uploads = uploads

    async def answer(self, downlink: Downlink) -> None:
        """See `links.port.Courier`."""
        self._uploads.heard((ack.epoch, ack.stream, number) for ack in downlink.acks for number in ack.blocks)
        await self._answer(downlink)


def _centers(links: Iterable[AnyLinkSettings]) -> set[str]:
    """Give the names of links to a center; the others are to systems that know no papers."""
    return {table.name for table in links if not isinstance(table, TargetSettings)}


def _show(recorder: Recorder, rhythm: Rhythm, t_ms: int, row: Row) -> None:
    beat = rhythm.beat
    recorder.row(beat.stream, rhythm.schema, beat.sampling.step_ms, t_ms, row.values, row.codes)
