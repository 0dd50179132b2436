"""This file builds the sources that settings name; it guards that no two of them speak for the same signal or address.

It is the only file that knows every protocol; each is imported when a table of its type is there.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol, runtime_checkable

from isolane.config.site import Site
from isolane.core.clock import Clock
from isolane.core.failures import IsolaneError
from isolane.core.ports import Source
from isolane.core.samples import Reading
from isolane.core.signals import Signal
from isolane.health.sources.can.settings import CanSettings
from isolane.health.sources.host.settings import HostSettings
from isolane.health.sources.http_json.settings import HttpJsonSettings
from isolane.health.sources.modbus.settings import ModbusSettings
from isolane.health.sources.mqtt.settings import MqttSourceSettings
from isolane.health.sources.ocpp.hear import Hear
from isolane.health.sources.ocpp.settings import OcppSettings
from isolane.health.sources.settings import AnySourceSettings
from isolane.health.sources.snmp.settings import SnmpSettings

SignalId = tuple[str, str]
"""(charger, key)."""


class BuiltSource(Source, Protocol):
    """A source as this room builds it: the port, and what sampling and metrics want to know."""

    @property
    def periods_s(self) -> Mapping[SignalId, float]:
        """How often each signal is read, s."""
        ...

    @property
    def counts(self) -> Mapping[str, int]:
        """What has happened since the start, by outcome; read when metrics are scraped."""
        ...


@runtime_checkable
class Bursting(Protocol):
    """A source that can read some of its signals faster for a while."""

    @property
    def bursts_s(self) -> Mapping[SignalId, float]:
        """How often each of them is read in a burst, s; empty if the settings name none."""
        ...

    def burst(self, seconds: float) -> None:
        """Read them that often for so long from now on, s."""
        ...


@runtime_checkable
class Askable(Protocol):
    """A source that can be asked for some of its signals out of turn."""

    async def read_now(self, wanted: Collection[SignalId]) -> Sequence[Reading]:
        """Read these now; a failure is in the readings. What the source does not have is not among them."""
        ...


def build(
    settings: Sequence[AnySourceSettings],
    site: Site,
    clock: Clock,
    hear: Hear | None = None,
    is_doubted: Callable[[], bool] = lambda: False,
) -> tuple[BuiltSource, ...]:
    """Build every source, in the order of the settings.

    Args:
        settings: Their tables.
        site: Where the tap is.
        clock: Both clocks.
        hear: Is shown what the tap tells.
        is_doubted: Tells whether the UTC clock is not to be believed, whatever the kernel says.

    Raises:
        IsolaneError: A template is wrong, or two sources share a name, an address or a signal.
    """
    addresses: dict[str, str] = {}
    for table in settings:
        if isinstance(table, ModbusSettings):
            place = str(table.serial.path if table.serial else table.address)
            other = addresses.setdefault(place, table.name)
            if other != table.name:
                raise IsolaneError(
                    f"sources {other!r} and {table.name!r} have the same address {place}",
                    "list the devices of one address under one source: many devices answer one connection only",
                )
    sources = tuple(_build(table, site, clock, hear, is_doubted) for table in settings)
    names: set[str] = set()
    for source in sources:
        if source.name in names:
            raise IsolaneError(f"two sources are named {source.name!r}", "give each source its own name")
        names.add(source.name)
    signals_of(sources)
    return sources


def _build(  # noqa: PLR0911 - one a protocol
    table: AnySourceSettings, site: Site, clock: Clock, hear: Hear | None, is_doubted: Callable[[], bool]
) -> BuiltSource:
    # Imported here, so that a gateway without meters loads no Modbus library, and one without a tap no socket.
    match table:
        case ModbusSettings():
            from isolane.health.sources.modbus.source import ModbusSource  # noqa: PLC0415

            return ModbusSource(table, clock)
        case MqttSourceSettings():
            from isolane.health.sources.mqtt.source import MqttSource  # noqa: PLC0415

            return MqttSource(table, clock)
        case HttpJsonSettings():
            from isolane.health.sources.http_json.source import HttpJsonSource  # noqa: PLC0415

            return HttpJsonSource(table, clock)
        case SnmpSettings():
            from isolane.health.sources.snmp.source import SnmpSource  # noqa: PLC0415

            return SnmpSource(table, clock)
        case CanSettings():
            return _can(table, clock)
        case HostSettings():
            from isolane.health.sources.host.source import HostSource  # noqa: PLC0415

            return HostSource(table, clock, is_doubted)
        case OcppSettings():
            from isolane.health.sources.ocpp.source import OcppSource  # noqa: PLC0415

            return OcppSource(table, site.event_socket, clock, hear)


def _can(table: CanSettings, clock: Clock) -> BuiltSource:
    try:
        from isolane.health.sources.can.source import CanSource  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise IsolaneError(
            f"source {table.name!r} needs the package {error.name!r}", "pip install 'isolane[health,can]'"
        ) from error
    return CanSource(table, clock)


def signals_of(sources: Sequence[Source]) -> tuple[Signal, ...]:
    """Give the signals of all sources, ordered by charger and key, so that equal settings give an equal schema.

    Raises:
        IsolaneError: Two sources, or one source twice, declare a signal; the error names both.
    """
    owners: dict[SignalId, str] = {}
    signals: list[Signal] = []
    for source in sources:
        for signal in source.signals:
            identity = (signal.charger, signal.key)
            other = owners.setdefault(identity, source.name)
            if other != source.name:
                whose = f"charger {signal.charger!r}" if signal.charger else "the gateway"
                raise IsolaneError(
                    f"sources {other!r} and {source.name!r} both give {signal.key} of {whose}",
                    "give one device an `instance`, or name the keys it shall not read in its `without`",
                )
            signals.append(signal)
    return tuple(sorted(signals, key=lambda signal: (signal.charger, signal.key)))


def periods_of(sources: Sequence[BuiltSource]) -> dict[SignalId, float]:
    """Give how often each signal is read, s, for the grid."""
    return {identity: period for source in sources for identity, period in source.periods_s.items()}


def bursts_of(sources: Sequence[BuiltSource]) -> dict[SignalId, float]:
    """Give the signals that can be read faster in a burst, and how often they are read then, s."""
    return {
        identity: period
        for source in sources
        if isinstance(source, Bursting)
        for identity, period in source.bursts_s.items()
    }
