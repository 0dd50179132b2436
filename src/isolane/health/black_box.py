"""This file joins the recorder to rows and sources; it guards that without its table nothing is kept."""

import functools
from collections.abc import Callable, Iterable, Sequence

from isolane.config.site import Site
from isolane.core.clock import Clock
from isolane.core.ports import Source
from isolane.health.recorder.recorder import Recorder
from isolane.health.rhythm import Rhythm
from isolane.health.sampling.grid import Row
from isolane.health.settings import HealthSettings


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


def _show(recorder: Recorder, rhythm: Rhythm, t_ms: int, row: Row) -> None:
    beat = rhythm.beat
    recorder.row(beat.stream, rhythm.schema, beat.sampling.step_ms, t_ms, row.values, row.codes)
