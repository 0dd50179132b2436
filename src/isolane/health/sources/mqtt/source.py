"""This file turns messages into readings; it guards that silence is told as silence, once per period."""

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence

import aiomqtt

from isolane.core.clock import NS_PER_S, Clock
from isolane.core.ports import Emit
from isolane.core.samples import Reason
from isolane.core.signals import Signal
from isolane.health.sources.mqtt.connect import Broker
from isolane.health.sources.mqtt.decode import readings_of
from isolane.health.sources.mqtt.plan import PlannedPoint, plan_points
from isolane.health.sources.mqtt.settings import MqttSourceSettings
from isolane.health.sources.patience import Patience
from isolane.health.sources.rapid import Bursting, Rapid
from isolane.health.sources.readings import count, reading

_log = logging.getLogger(__name__)
_TOPICS_MAX = 1000
"""Topics whose points are remembered; a wildcard may match any number of them."""
_REFUSALS = ("not authorised", "not authorized", "bad user", "bad username", "banned", "identifier")


class MqttSource(Bursting):
    """Topics of one broker; implements `core.ports.Source`.

    Args:
        settings: The source's table.
        clock: Stamps readings and drives the rounds.

    Raises:
        IsolaneError: The table, a secret or a certificate is wrong.
    """

    def __init__(self, settings: MqttSourceSettings, clock: Clock) -> None:
        self.name = settings.name
        self._settings = settings
        self._clock = clock
        self._points = plan_points(settings)
        self._broker = Broker(settings)
        self._patience = Patience(settings.reconnect_s_max, clock)
        self._away: Reason | None = Reason.DISCONNECTED
        self._heard_ns: dict[tuple[str, str], int] = {}
        self._by_topic: OrderedDict[str, tuple[PlannedPoint, ...]] = OrderedDict()
        self._counts: Counter[str] = Counter()
        self._second, self._in_second = 0, 0
        periods = {(each.signal.charger, each.signal.key): each.point.period_s for each in self._points}
        rapid = (each.signal for each in self._points if each.point.rapid)
        super().__init__(Rapid(periods, rapid, settings.rapid_s, settings.rapid_when, clock))

    @property
    def signals(self) -> Sequence[Signal]:
        """See `core.ports.Source`."""
        return tuple(each.signal for each in self._points)

    @property
    def counts(self) -> Mapping[str, int]:
        """Connections and messages by what became of them, and readings by quality."""
        return self._counts

    async def run(self, emit: Emit) -> None:
        """See `core.ports.Source`."""
        listening = asyncio.create_task(self._listen(emit))
        periods = {str(point.period_s): point.period_s for point in (each.point for each in self._points)}
        cadence = self._rapid.cadence(periods)
        try:
            while not listening.done():
                self._tell(await cadence.due(), emit)
            await listening
        finally:
            listening.cancel()
            await asyncio.wait({listening})

    def _tell(self, due: frozenset[str], emit: Emit) -> None:
        """Say why there is nothing, for the points whose period has passed without a message."""
        now = self._clock.mono_ns()
        readings = []
        for each in self._points:
            if not self._rapid.due(each.signal, str(each.point.period_s), due):
                continue
            identity = (each.signal.charger, each.signal.key)
            silent_ns = now - self._heard_ns.get(identity, now)
            if self._away is not None:
                readings.append(reading(each.signal, self._away, now))
            elif silent_ns >= 2 * self._rapid.periods_s[identity] * NS_PER_S:
                readings.append(reading(each.signal, Reason.TIMEOUT, now))
        if readings:
            count(readings, self._counts)
            emit(readings)

    async def _listen(self, emit: Emit) -> None:
        while True:
            await asyncio.sleep(self._patience.left_s)
            self._counts["connects"] += 1
            try:
                await self._session(emit)
            except (aiomqtt.MqttError, OSError) as error:
                self._away = _reason(error)
                self._counts[self._away.name.lower()] += 1
                _log.info("broker-away source=%s why=%r", self.name, str(error)[:200])
            self._patience.failed()

    async def _session(self, emit: Emit) -> None:
        async with self._broker.connected() as session:
            topics = sorted({each.point.topic for each in self._points})
            answers = await session.subscribe([(topic, 0) for topic in topics], timeout=self._settings.timeout_s)
            if any(getattr(answer, "value", answer) >= 0x80 for answer in answers):  # noqa: PLR2004 - MQTT's failure bit
                raise aiomqtt.MqttError("not authorised to subscribe")
            now = self._clock.mono_ns()
            self._heard_ns = dict.fromkeys(self._rapid.periods_s, now)
            self._away = None
            async for message in session.messages:
                self._patience.succeeded()
                self._take(message, emit)

    def _take(self, message: aiomqtt.Message, emit: Emit) -> None:
        now = self._clock.mono_ns()
        self._counts["messages"] += 1
        if now // NS_PER_S != self._second:
            self._second, self._in_second = now // NS_PER_S, 0
        self._in_second += 1
        payload = bytes(message.payload)
        if self._in_second > self._settings.messages_per_s_max:
            self._counts["messages_over_rate"] += 1
            return
        if len(payload) > self._settings.payload_bytes_max:
            self._counts["messages_oversize"] += 1
            return
        points = self._points_of(message.topic)
        retained = bool(message.retain)
        readings = list(readings_of(payload, points, self._clock.utc_ns(), now, retained=retained))
        self._heard_ns.update(dict.fromkeys(((each.charger, each.signal) for each in readings), now))
        if readings:
            count(readings, self._counts)
            emit(readings)

    def _points_of(self, topic: aiomqtt.Topic) -> tuple[PlannedPoint, ...]:
        known = self._by_topic.get(topic.value)
        if known is None:
            known = tuple(each for each in self._points if topic.matches(each.filter))
            self._by_topic[topic.value] = known
            if len(self._by_topic) > _TOPICS_MAX:
                self._by_topic.popitem(last=False)
        return known


def _reason(error: Exception) -> Reason:
    """Tell a broker that refuses from one that is away."""
    text = str(error).lower()
    return Reason.REFUSED if any(word in text for word in _REFUSALS) else Reason.DISCONNECTED
