"""This file reads requests back by the protocol's own schema; it guards that samples go out with time and code."""

import math

import cramjam
from hypothesis import given
from hypothesis import strategies as st

from isolane.center.store.remote_write import CODE_METRIC, Sending, write_request
from isolane.core.signals import Signal
from isolane.health.links.remote_write.encode import STALE_BITS, WriteRequest
from isolane.wire.floats import pattern
from support.gateways import GOOD, STALE, T0_MS, TIMEOUT, FakeGateway, power

ENERGY = Signal("CP-1", "1.0/FiscalMetering/EnergyImportRegister", "Wh", 0.1)
OWN = Signal("", "0.0/Controller/Temperature", "Celsius", 0)
Series = dict[str, tuple[dict[str, str], list[tuple[int, float]]]]


def read(request: bytes) -> Series:
    """Take a request apart; series by name."""
    message = WriteRequest()
    message.ParseFromString(bytes(cramjam.snappy.decompress_raw(request)))
    found = {}
    for one in message.timeseries:
        names = [label.name for label in one.labels]
        assert names == sorted(names)
        labels = {label.name: label.value for label in one.labels}
        found[labels["__name__"]] = (labels, [(sample.timestamp, sample.value) for sample in one.samples])
    return found


def test_a_signal_has_its_name_unit_labels_and_codes() -> None:
    gateway = FakeGateway()
    schema = gateway.schema(ENERGY, OWN).schema
    codes = [[GOOD, STALE, TIMEOUT], [GOOD] * 3]
    block = gateway.block(schema, [[2301, 2302, 0], [pattern(0.1)] * 3], codes, stream=7).block
    found = read(write_request([Sending("depot", "gw-1", schema, block)]))
    labels, values = found["isolane_energy_import_register_joules"]
    assert labels == {
        "__name__": "isolane_energy_import_register_joules",
        "site": "depot",
        "gateway": "gw-1",
        "charger": "CP-1",
        "component": "FiscalMetering",
        "connector": "0",
        "evse": "1",
        "signal": ENERGY.key,
        "step_ms": "1000",
        "stream": "7",
    }
    assert values[:2] == [(T0_MS, 230.1 * 3600), (T0_MS + 1000, 230.2 * 3600)]
    assert (values[2][0], math.isnan(values[2][1])) == (T0_MS + 2000, True)
    assert found[CODE_METRIC][1] == [(T0_MS + 1000, STALE), (T0_MS + 2000, TIMEOUT)]
    own, values = found["isolane_temperature_celsius"]
    assert ("charger" in own, [value for _, value in values]) == (False, [0.1] * 3)


def test_a_sample_without_a_value_is_a_stale_marker() -> None:
    gateway = FakeGateway()
    schema = gateway.schema(power()).schema
    block = gateway.block(schema, [[5]], [[TIMEOUT]]).block
    packed = write_request([Sending("depot", "gw-1", schema, block)])
    assert STALE_BITS.to_bytes(8, "little") in bytes(cramjam.snappy.decompress_raw(packed))


@given(st.integers(0, 253_402_300_800_000), st.integers(0, 2**40), st.integers(1, 200))
def test_every_time_that_ingest_takes_is_written(t0_ms: int, value: int, rows: int) -> None:
    gateway = FakeGateway()
    schema = gateway.schema(power()).schema
    block = gateway.block(schema, [[value] * rows], t0_ms=t0_ms, step_ms=1).block
    found = read(write_request([Sending("depot", "gw-1", schema, block)]))
    assert found["isolane_power_watts"][1] == [(t0_ms + row, value) for row in range(rows)]
