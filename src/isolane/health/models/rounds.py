"""This file runs the models beside the event loop; it guards that rows never wait for them.

It takes the site's rows as they are sampled, and hands twenty seconds of them at a time to a thread of its own. What
comes back goes two ways: scores as readings, so they are samples like any other; changes of level and the features
behind scores as papers.
"""

import asyncio
import functools
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from isolane.core.clock import NS_PER_MS, NS_PER_S, Clock
from isolane.core.ports import Emit
from isolane.core.samples import Quality, Reading, Reason
from isolane.core.signals import Signal
from isolane.health.models import memory, renewals
from isolane.health.models.notes import of_change, of_feature, of_score
from isolane.health.models.place import Bay
from isolane.health.models.score import Score
from isolane.health.models.settings import ModelSettings
from isolane.health.models.stage import Stage, Told
from isolane.wire.health_paper import HEALTH, LEVEL, VERSION, HealthNote, encode_health, encode_level

_LOG = logging.getLogger(__name__)
BATCH_ROWS = 20
"""Half of the cost does not depend on how many rows come at once: 50 chargers take 1.3 ms a second at 10, 0.8 at 20."""
_WAITING_MAX = 6
_SCORES_BATCHES = 3
_PERIOD_S = 90.0
"""Scores are given once a minute; a minute that lasts longer on a busy machine makes none of them stale."""
_FIRST_S = 60.0
"""So long after the start the first report tells of every part, also of those that are only learnt."""
_NOTES_MAX = 2000
_MS_PER_S = 1000

HandIn = Callable[[str, bytes, bool], None]
"""Takes a paper: kind, body, whether it is urgent. Never waits."""
Tell = Callable[[Told], None]
"""Is shown each change of level, for whoever wants to act on it at once."""
I64 = NDArray[np.int64]
Result = TypeVar("Result")


class Rounds:
    """The models as a source of readings, fed with rows. See `core.ports.Source`.

    Args:
        signals: The columns of the rows, in their order.
        settings: The [health.models] table.
        path: Where memory is kept.
        clock: Both clocks.
    """

    name = "models"

    def __init__(self, signals: Sequence[Signal], settings: ModelSettings, path: Path, clock: Clock) -> None:
        self.stage = Stage(signals, settings)
        self.signals = tuple(_signals(self.stage.bays))
        self.periods_s: Mapping[tuple[str, str], float] = {(s.charger, s.key): _PERIOD_S for s in self.signals}
        self.counts: dict[str, int] = {"batches": 0, "batches_passed_over": 0, "papers": 0, "memories_not_written": 0}
        self.busy_s = 0.0
        """Time that the thread has worked."""
        self._is_told = False
        self._turn = 0
        self._hand_in: HandIn | None = None
        self._tell: Tell | None = None
        self._settings = settings
        self._path = path
        self._clock = clock
        self._resolutions = np.array([signal.resolution for signal in signals], np.float64)
        self._floats = self._resolutions == 0
        self._rows: list[tuple[int, I64, NDArray[np.uint8]]] = []
        self._batches: asyncio.Queue[tuple[int, NDArray[np.float64]]] = asyncio.Queue(_WAITING_MAX)
        self._thread = ThreadPoolExecutor(1, "models")

    def outlets(self, hand_in: HandIn, tell: Tell | None = None) -> None:
        """Say where papers go, and who is shown changes."""
        self._hand_in, self._tell = hand_in, tell

    def row(self, t_ms: int, values: I64, codes: NDArray[np.uint8]) -> None:
        """Take a row of the site; never waits.

        Args:
            t_ms: UTC of the row, ms.
            values: Scaled integers or bit patterns of floats, shape (columns,).
            codes: Quality codes, same shape.
        """
        second = t_ms // _MS_PER_S
        if self._rows and second == self._rows[-1][0]:
            return
        if self._rows and second != self._rows[-1][0] + 1:
            self._hand_over()
        self._rows.append((second, values, codes))
        if len(self._rows) == BATCH_ROWS:
            self._hand_over()

    def _hand_over(self) -> None:
        start_s = self._rows[0][0]
        values = np.stack([values for _, values, _ in self._rows])
        codes = np.stack([codes for _, _, codes in self._rows])
        self._rows.clear()
        plain = values * self._resolutions
        plain[:, self._floats] = values[:, self._floats].view(np.float64)
        plain[codes != 0] = np.nan
        try:
            self._batches.put_nowait((start_s, plain))
        except asyncio.QueueFull:
            self.counts["batches_passed_over"] += 1

    async def run(self, emit: Emit) -> None:
        """Judge for ever; cancelled to stop, and then remembers."""
        await self._call(self._recall)
        written = self._clock.mono_ns()
        reported = written - round(max(self._settings.tell_s - _FIRST_S, 0) * NS_PER_S)
        try:
            while True:
                start_s, rows = await self._batches.get()
                changes, readings = await self._call(functools.partial(self._judge, start_s, rows))
                self.counts["batches"] += 1
                if readings:
                    emit(readings)
                for told, body in changes:
                    self._hand(LEVEL, body, urgent=True)
                    if self._tell is not None:
                        self._tell(told)
                now = self._clock.mono_ns()
                if now - reported >= self._settings.tell_s * NS_PER_S:
                    reported = now
                    for body in await self._call(self._health):
                        self._hand(HEALTH, body, urgent=False)
                if now - written >= self._settings.remember_s * NS_PER_S:
                    written = now
                    await self._call(self._remember)
        finally:
            await self._call(self._remember)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()

    def _hand(self, kind: str, body: bytes, *, urgent: bool) -> None:
        if self._hand_in is not None:
            self.counts["papers"] += 1
            self._hand_in(kind, body, urgent)

    # On the thread

    def _judge(self, start_s: int, rows: NDArray[np.float64]) -> tuple[list[tuple[Told, bytes]], list[Reading]]:
        begun = self._clock.mono_ns()
        self._renew()
        found = self.stage.feed(start_s, rows)
        changes = [(told, encode_level(of_change(told.place, told.change))) for told in found]
        is_due, self._turn = self._turn % _SCORES_BATCHES == 0, self._turn + 1
        readings = list(self._readings(start_s + len(rows))) if is_due else []
        self.busy_s += (self._clock.mono_ns() - begun) / NS_PER_S
        return changes, readings

    def _readings(self, now_s: int) -> Iterator[Reading]:
        at = self._clock.mono_ns()
        for bay in self.stage.working:
            for component, scores in _by_component(bay.scores(now_s)).items():
                worst = min(scores, key=lambda score: score.value)
                fates = [score.prognosis for score in scores if score.prognosis is not None]
                values = {
                    "xSoH": worst.value,
                    "xSoHStd": worst.sd,
                    "xRUL[P30]": max((100 * fate.fail_30d for fate in fates), default=math.nan),
                    "xRUL[P90]": max((100 * fate.fail_90d for fate in fates), default=math.nan),
                }
                for variable, value in values.items():
                    key = f"{bay.place.prefix}/{component}/{variable}"
                    if math.isfinite(value):
                        yield Reading(bay.place.charger, key, value, at)
                    else:
                        yield Reading(bay.place.charger, key, None, at, Quality.BAD, Reason.NEVER_READ)

    def _health(self) -> list[bytes]:
        """Give the bodies of the papers that tell what is new."""
        now_s = self._clock.utc_ns() // (NS_PER_MS * _MS_PER_S)
        everything, self._is_told = not self._is_told, True
        scores = []
        features = []
        for bay in self.stage.working:
            fresh = {id(course) for course, _ in bay.news}
            features += [of_feature(bay.place, course, feature) for course, feature in bay.news]
            courses = [course for judged in bay.judged for course in judged.courses.values()]
            courses = [course for course in courses if everything or id(course) in fresh]
            scores += [of_score(bay.place, course.score(now_s)) for course in courses]
            bay.news.clear()
        parts = range(0, max(len(features), len(scores)), _NOTES_MAX)
        return [
            encode_health(
                HealthNote(VERSION, now_s, tuple(scores[at : at + _NOTES_MAX]), tuple(features[at : at + _NOTES_MAX]))
            )
            for at in parts
        ]

    def _renew(self) -> None:
        """Let parts begin anew that were replaced or mended, and remember that before the word is removed."""
        words = list(renewals.take(renewals.folder_of(self._path)))
        for _, word in words:
            places = [b for b in self.stage.bays if (b.place.charger, b.place.prefix) == (word.charger, word.place)]
            done = [bay.renew(word.kind) for bay in places]
            _LOG.info("renewed charger=%s place=%s kind=%s known=%s", word.charger, word.place, word.kind, any(done))
        if words:
            self._is_told = False
            self._remember()
        for path, _ in words:
            path.unlink(missing_ok=True)

    def _recall(self) -> None:
        found = memory.read(self._path)
        for bay in self.stage.bays:
            bay.restore(found.get(f"{bay.place.charger} {bay.place.prefix}", {}))

    def _remember(self) -> None:
        places = {f"{bay.place.charger} {bay.place.prefix}": bay.remember() for bay in self.stage.bays}
        try:
            memory.write(self._path, places)
        except OSError as error:
            self.counts["memories_not_written"] += 1
            _LOG.warning("models-not-written path=%s error=%s", self._path, error)

    async def _call(self, work: Callable[[], Result]) -> Result:
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, work))


def _by_component(scores: Sequence[Score]) -> dict[str, list[Score]]:
    found: dict[str, list[Score]] = {}
    for score in scores:
        found.setdefault(score.measure.component, []).append(score)
    return {name: [s for s in own if math.isfinite(s.value)] or own for name, own in found.items()}


def _signals(bays: Sequence[Bay]) -> Iterator[Signal]:
    for bay in bays:
        components = {course.measure.component for judged in bay.judged for course in judged.courses.values()}
        for component in sorted(components):
            for variable, resolution in (("xSoH", 0.1), ("xSoHStd", 0.1), ("xRUL[P30]", 0.1), ("xRUL[P90]", 0.1)):
                key = f"{bay.place.prefix}/{component}/{variable}"
                yield Signal(bay.place.charger, key, "Percent", resolution)
