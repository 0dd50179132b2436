"""This file asks agents that answer wrongly; it guards that each way has its reason and few requests ask for all."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from pyasn1.codec.ber import decoder, encoder  # type: ignore[import-untyped]
from pysnmp.proto import api  # type: ignore[import-untyped]

from isolane.config.values import Address, Secret
from isolane.core.clock import SystemClock
from isolane.core.samples import Reason
from isolane.health.sources.snmp.settings import SnmpSettings
from isolane.health.sources.snmp.source import SnmpSource
from support.readings import running

V2C = api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]
Bindings = list[tuple[Any, Any]]
OBJECTS = 12
"""Of the preset ups-mib."""
Change = Callable[[Any, Bindings], list[bytes] | None]
"""Gets the answer's PDU and bindings and changes them; may give other datagrams instead."""


class Agent(asyncio.DatagramProtocol):
    """Answers 42 for each object, changed as a test wants; `change` may be changed while it runs."""

    def __init__(self, change: Change) -> None:
        self.change = change
        self.asked: list[int] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message, _ = decoder.decode(data, asn1Spec=V2C.Message())
        answer = V2C.apiMessage.get_response(message)
        pdu = V2C.apiMessage.get_pdu(answer)
        names = [name for name, _ in V2C.apiPDU.get_varbinds(V2C.apiMessage.get_pdu(message))]
        self.asked.append(len(names))
        bindings = [(name, V2C.Integer(42)) for name in names]
        V2C.apiPDU.set_varbinds(pdu, bindings)
        instead = self.change(pdu, bindings)
        for each in [encoder.encode(answer)] if instead is None else instead:
            self.transport.sendto(each, addr)


def well(_pdu: object, _bindings: Bindings) -> None:
    return None


def status(number: int) -> Change:
    def change(pdu: object, _bindings: Bindings) -> None:
        V2C.apiPDU.set_error_status(pdu, number)
        V2C.apiPDU.set_error_index(pdu, 1)

    return change


def fewer(pdu: object, bindings: Bindings) -> None:
    V2C.apiPDU.set_varbinds(pdu, bindings[:-1])


def others(pdu: object, bindings: Bindings) -> None:
    V2C.apiPDU.set_varbinds(pdu, [((*tuple(name), 7), value) for name, value in bindings])


def another_request(pdu: object, _bindings: Bindings) -> None:
    V2C.apiPDU.set_request_id(pdu, 7)


def floods(_pdu: object, _bindings: Bindings) -> list[bytes]:
    return [b"\x30\x82\xff\xff" + bytes(1200)] * 2000


SICK: dict[str, tuple[Change, set[Reason]]] = {
    "hangs": (lambda *_: [], {Reason.TIMEOUT}),
    "floods": (floods, {Reason.TIMEOUT}),
    "general error": (status(5), {Reason.REFUSED}),
    "too big": (status(1), {Reason.REFUSED}),
    "no access": (status(6), {Reason.REFUSED}),
    "fewer objects": (fewer, {Reason.MALFORMED}),
    "other objects": (others, {Reason.MALFORMED}),
    "another request's answer": (another_request, {Reason.TIMEOUT}),
    "half a datagram": (lambda *_: [b"\x30\x29\x02\x01\x01\x04"], {Reason.TIMEOUT}),
}


@pytest.fixture
async def agent() -> AsyncIterator[Agent]:
    loop = asyncio.get_running_loop()
    transport, made = await loop.create_datagram_endpoint(lambda: Agent(well), ("127.0.0.1", 0))
    yield made
    transport.close()


def source(agent: Agent, folder: Path, *, reconnect_s_max: float = 0.2, objects_max: int = 20) -> SnmpSource:
    (folder / "community").write_text("c", encoding="utf-8")
    address = Address("127.0.0.1", agent.transport.get_extra_info("sockname")[1])
    secret = Secret.parse("file:community", folder)
    table = SnmpSettings(
        name="u",
        address=address,
        community=secret,
        presets=("ups-mib",),
        period_s=0.1,
        timeout_s=0.3,
        reconnect_s_max=reconnect_s_max,
        objects_max=objects_max,
    )
    return SnmpSource(table, SystemClock())


@pytest.mark.parametrize("name", SICK)
async def test_a_sick_agent_gives_its_reason_and_recovers(name: str, agent: Agent, tmp_path: Path) -> None:
    agent.change, reasons = SICK[name]
    async with running(source(agent, tmp_path)) as kept:
        await kept.until(lambda: len(kept.readings) >= 3 * OBJECTS)
        assert reasons <= kept.reasons() <= reasons | {Reason.TIMEOUT}
        agent.change = well
        await kept.until(lambda: len(kept.good()) >= OBJECTS)


async def test_an_agent_that_fails_is_asked_less_and_less(agent: Agent, tmp_path: Path) -> None:
    agent.change = status(5)
    async with running(source(agent, tmp_path, reconnect_s_max=30)) as kept:
        await kept.until(lambda: len(kept.readings) >= 30 * OBJECTS)
    assert len(agent.asked) <= 5, "each silence is told, and few are asked for"


@pytest.mark.parametrize(("most", "asked"), [(60, [12]), (12, [12]), (5, [5, 5, 2])])
async def test_objects_are_asked_for_together(most: int, asked: list[int], agent: Agent, tmp_path: Path) -> None:
    async with running(source(agent, tmp_path, objects_max=most)) as kept:
        await kept.until(lambda: len(kept.good()) >= OBJECTS)
    assert set(agent.asked) == set(asked)  # on a busy machine one may be asked for again
