"""This file knows which columns carry a device's signals; it guards that each is read by its own schema.

It lives in memory, on the event loop's thread, and is rebuilt from the store at start.
"""

from dataclasses import dataclass, field

from isolane.center.store.minutes import DEVIATION, MEAN, signal_of, sum_of
from isolane.center.store.port import device_of
from isolane.wire.schema import Column, Schema


@dataclass(frozen=True, slots=True)
class Carrier:
    """Blocks that carry a device: of one gateway, with one schema, in some streams; its columns by signal key.

    A column that is a minute's sum stands there by its own key and by that of its signal.
    """

    gateway: int
    schema: bytes
    streams: tuple[int, ...]
    columns: dict[str, int]


@dataclass(slots=True)
class _Known:
    """One (gateway, schema) that blocks have used."""

    site: str
    gateway: str
    streams: set[int]
    devices: dict[str, dict[str, int]] | None = None


@dataclass(slots=True)
class Columns:
    """Schemas, who uses them, and the devices they name."""

    schemas: dict[bytes, Schema] = field(default_factory=dict)
    sums: dict[bytes, str] = field(default_factory=dict)
    known: dict[tuple[int, bytes], _Known] = field(default_factory=dict)

    def add_schema(self, schema: Schema) -> None:
        """Learn a schema; blocks that came before it become readable."""
        if schema.id not in self.schemas:
            self.sums[schema.id] = sum_of(schema)
            self.schemas[schema.id] = schema

    def add_use(self, gateway_number: int, site: str, gateway: str, stream: int, schema: bytes) -> bool:
        """Learn that a gateway's stream uses a schema; tell whether that is new."""
        use = self.known.get((gateway_number, schema))
        if use is None:
            self.known[gateway_number, schema] = _Known(site, gateway, {stream})
            return True
        if stream in use.streams:
            return False
        use.streams.add(stream)
        return True

    def devices(self, gateway_number: int, schema: bytes) -> dict[str, dict[str, int]]:
        """Give a block's columns by device and key; empty while its schema is unknown.

        Of a minute's sums the means stand for their signals, and the others for none.
        """
        use = self.known.get((gateway_number, schema))
        meaning = self.schemas.get(schema)
        if use is None or meaning is None:
            return {}
        if use.devices is None:
            use.devices = {}
            kind = self.sums[schema]
            for at, column in enumerate(meaning.columns if kind in {"", MEAN} else ()):
                key = signal_of(column.key)[0] if kind else column.key
                use.devices.setdefault(device_of(use.gateway, column.charger), {})[key] = at
        return use.devices

    def carriers(self, site: str, device: str) -> list[Carrier]:
        """Find all blocks that carry a device."""
        found = []
        for (number, schema), use in self.known.items():
            if use.site == site and (columns := self._all(number, schema, device)):
                found.append(Carrier(number, schema, tuple(sorted(use.streams)), columns))
        return found

    def _all(self, gateway_number: int, schema: bytes, device: str) -> dict[str, int]:
        """Give a device's columns, those of sums by both their names."""
        meaning = self.schemas.get(schema)
        if meaning is None or not self.sums[schema]:
            return self.devices(gateway_number, schema).get(device, {})
        gateway = self.known[gateway_number, schema].gateway
        found: dict[str, int] = {}
        for at, column in enumerate(meaning.columns):
            if device_of(gateway, column.charger) == device:
                signal, kind = signal_of(column.key)
                found |= {column.key: at} if kind == DEVIATION else {column.key: at, signal: at}
        return found

    def chargers(self, site: str | None = None) -> dict[tuple[str, str], list[tuple[int, bytes]]]:
        """Give every charger's (gateway, schema) pairs by (site, charger); a gateway's own signals are no charger."""
        found: dict[tuple[str, str], list[tuple[int, bytes]]] = {}
        for (number, schema), use in self.known.items():
            if site is None or use.site == site:
                for device in self.devices(number, schema):
                    if not device.startswith("gateway:"):
                        found.setdefault((use.site, device), []).append((number, schema))
        return found

    def gateway_name(self, gateway_number: int, schema: bytes) -> str:
        """Name the gateway of a known (gateway, schema)."""
        return self.known[gateway_number, schema].gateway

    def column(self, schema: bytes, at: int) -> Column:
        """Give one column of a known schema."""
        return self.schemas[schema].columns[at]
