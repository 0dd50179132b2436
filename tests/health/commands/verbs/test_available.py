"""This file does each verb on real parts; it guards what a receipt says, and that reading changes nothing."""

import asyncio
import contextlib
import dataclasses
import hashlib
import itertools
import socket
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isolane.config.site import Site
from isolane.core.rungs import Rung
from isolane.core.samples import Reading
from isolane.core.signals import Signal
from isolane.health.commands.limits import Limits
from isolane.health.commands.own_calls import OwnCalls
from isolane.health.commands.seen import Seen
from isolane.health.commands.verb import Lasting, Verb, VerbError
from isolane.health.commands.verbs.available import Means, available
from isolane.health.commands.verbs.settings import NetTarget
from isolane.health.commands.verbs.telemetry_refine import Refined
from isolane.health.rates import Rates
from isolane.health.recorder.recorder import Recorder
from isolane.wire import own_call
from isolane.wire.own_call import VERSION, Answer, Request, Result
from isolane.wire.verbs.catalogue import VERBS
from support.black_boxes import settings as box_settings
from support.commanded import HandClock

KEY = "1.0/ElectricalFeed/ACVoltage[L1]"
SIGNAL = Signal("CP1", KEY, "V", 0.1)
READING_ACTIONS = {"GetConfiguration", "GetVariables", "TriggerMessage", "ExtendedTriggerMessage", "GetLog"}


class Hands:
    """All that verbs of a gateway reach, and what they did with it."""

    def __init__(self, folder: Path, *, ocpp: str = "ocpp2.0.1") -> None:
        self.clock, self.folder = HandClock(), folder
        self.asked: list[Request] = []
        self.changes: list[str] = []
        self.answer: Answer = Result(VERSION, msgspec.Raw(b'{"status":"Accepted"}'))
        self.seen = Seen(folder / "commands.db")
        self.limits = Limits(
            folder / "limits", per_hour=2, windows=(), clock=self.clock, is_synced=lambda: True, boot="b"
        )
        self.rates = Rates(self.clock, lambda: Rung.BOUNDED, self._burst, can_burst=True)
        site = Site(name="north", gateway="gw-1", run_dir=folder)
        self.recorder = Recorder(box_settings(), folder / "box", site, self.clock, (), self._burst)
        self.restarts = itertools.count(1)
        self.verbs = {verb.declared.name: verb for verb in available(self._means(ocpp))}

    def _means(self, ocpp: str) -> Means:
        return Means(
            clock=self.clock,
            seen=self.seen,
            limits=self.limits,
            facts=lambda: {"release": "1"},
            books=self._books,
            tail=lambda count: ([{"text": "row-taken"}] * count, 7),
            rates=self.rates,
            refine=self._refine,
            restarts={"meter": self._restart},
            end=lambda: self.changes.append("end"),
            registers={"meter": ([SIGNAL], self._read_now)},
            targets=[NetTarget(name="self", host="127.0.0.1"), NetTarget(name="none", host="name.invalid")],
            take=self.recorder.take,
            fetch=self._fetch,
            calls=OwnCalls(self._ask, lambda _: ocpp),
        )

    async def do(self, name: str, **args: object) -> Mapping[str, object]:
        verb: Verb[Any] = self.verbs[name]
        return await verb.run(verb.declared.read(args), "ann")

    def state(self) -> str:
        """Give a hash of all that could change at gateway and charger."""
        charger = [request.action for request in self.asked if request.action not in READING_ACTIONS]
        told = [self.changes, charger, self.seen.frozen_by(), self.limits.is_under(), self.rates.rung]
        return hashlib.sha256(repr(told).encode()).hexdigest()

    def close(self) -> None:
        self.seen.close()

    def _burst(self, seconds: float) -> None:
        self.changes.append(f"burst {seconds:g}")

    def _restart(self) -> int:
        self.changes.append("restart")
        return next(self.restarts)

    async def _ask(self, request: Request) -> Answer:
        self.asked.append(request)
        return self.answer

    async def _books(self, epoch: int | None) -> Mapping[str, object] | None:
        return {"epoch": epoch}

    async def _refine(self, from_ms: int, to_ms: int) -> Refined:
        if to_ms == 1:
            raise PermissionError(13, "no")
        return Refined(1, to_ms - from_ms, left=False)

    async def _fetch(self, ident: str) -> Mapping[str, object] | None:
        card = await self.recorder.again(ident)
        return None if card is None else {"size": card.size}

    async def _read_now(self, wanted: Collection[tuple[str, str]]) -> Sequence[Reading]:
        return [Reading(charger, key, 230.1, self.clock.mono_ns() - 5_000_000) for charger, key in wanted]


@pytest.fixture
def hands(tmp_path: Path) -> Iterator[Hands]:
    found = Hands(tmp_path)
    yield found
    found.close()


def test_a_gateway_has_all_but_the_log_of_chargers_without_a_door(hands: Hands) -> None:
    assert set(VERBS) - set(hands.verbs) == {"charger.get_log"}
    assert all(verb.declared is VERBS[name] for name, verb in hands.verbs.items())


async def test_registers_are_read_by_the_device_map_alone(hands: Hands) -> None:
    told = await hands.do("registers.read", source="meter", charger="CP1", signals=[KEY])
    expected = {"signal": KEY, "value": 230.1, "unit": "V", "quality": "GOOD", "reason": "NONE", "age_ms": 5}
    assert told == {"readings": [expected]}
    for source, charger, key in (
        ("meter", None, KEY),
        ("meter", "CP2", KEY),
        ("meter", "CP1", "0.0/A/B"),
        ("x", "CP1", KEY),
    ):
        with pytest.raises(VerbError, match=r"no device map|is no source"):
            await hands.do("registers.read", source=source, charger=charger, signals=[key])


async def test_the_network_is_asked_for_targets_of_the_settings_alone(hands: Hands) -> None:
    told = await hands.do("net.ping", target="self", count=1)
    assert told["address"] == "127.0.0.1"
    assert "connect" not in told
    traced = await hands.do("net.trace", target="self")
    assert traced["reached"] is True
    for verb, target in itertools.product(("net.ping", "net.trace"), ("127.0.0.1", "other", "none")):
        with pytest.raises(VerbError, match=r"name no target|no address"):
            await hands.do(verb, target=target)


async def test_a_port_of_a_target_is_tried_too(tmp_path: Path) -> None:
    hands = Hands(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = NetTarget(name="web", host="127.0.0.1", port=server.getsockname()[1])
        means = dataclasses.replace(hands._means("ocpp1.6"), targets=[target])
        (ping,) = [verb for verb in available(means) if verb.declared.name == "net.ping"]
        told = await ping.run(ping.declared.read({"target": "web", "count": 2}), "ann")
    hands.close()
    assert [isinstance(each, float) for each in told["connect"]] == [True, True]  # type: ignore[attr-defined]


async def test_snapshots_are_taken_and_named(hands: Hands) -> None:
    await asyncio.to_thread(hands.recorder.keeper.open)
    ident = (await hands.do("snapshot.take", charger="CP1"))["snapshot"]
    assert ident in hands.recorder.keeper.shelf.entries
    assert (await hands.do("snapshot.take", charger="CP1"))["snapshot"] == ident
    with pytest.raises(VerbError, match="still being written"):
        await hands.do("snapshot.fetch", snapshot=ident)
    await asyncio.to_thread(hands.recorder.keeper.close)
    (card,) = [entry.card for entry in hands.recorder.keeper.shelf.entries.values()]
    assert await hands.do("snapshot.fetch", snapshot=ident) == {"size": card.size}
    await hands.recorder.close()


async def test_history_and_rates(hands: Hands) -> None:
    assert await hands.do("telemetry.refine", from_ms=0, to_ms=5) == {"blocks": 1, "samples": 5, "left": False}
    with pytest.raises(VerbError, match="cannot be read"):
        await hands.do("telemetry.refine", from_ms=0, to_ms=1)
    assert await hands.do("telemetry.set_rate", rate="full", for_s=60) == {"rate": "full", "for_s": 60}
    assert hands.rates.rung.name == "FULL"
    await hands.do("telemetry.set_rate", rate="usual")
    assert hands.rates.rung.name == "BOUNDED"
    assert (await hands.do("telemetry.set_rate", rate="rapid", for_s=3600))["for_s"] == 600


async def test_a_restart_of_the_process_comes_after_its_receipt(hands: Hands) -> None:
    assert await hands.do("gateway.restart") == {"ending": True}
    assert hands.changes == []
    verb = hands.verbs["gateway.restart"]
    assert isinstance(verb, Lasting)
    verb.afterwards()
    assert hands.changes == ["end"]
    assert await hands.do("source.restart", source="meter") == {"restarts": 1}
    with pytest.raises(VerbError, match="no source"):
        await hands.do("source.restart", source="other")


async def test_disruptions_are_counted_before_they_begin(hands: Hands) -> None:
    assert await hands.do("charger.reset", charger="CP1", evse=2) == {"status": "Accepted"}
    (request,) = hands.asked
    assert (request.action, bytes(request.payload)) == ("Reset", b'{"type": "OnIdle", "evseId": 2}')
    assert request.reference == "command:ann"
    hands.answer = own_call.Failed(VERSION, own_call.Failure.TIMEOUT)
    with pytest.raises(VerbError, match="nobody knows"):
        await hands.do("charger.reset", charger="CP1")
    with pytest.raises(VerbError, match="as many"):
        await hands.do("gateway.restart")
    with pytest.raises(VerbError, match="as many"):
        await hands.do("charger.reset", charger="CP1")
    assert len(hands.asked) == 2


async def test_a_charger_that_says_no_is_a_failure(hands: Hands) -> None:
    hands.answer = Result(VERSION, msgspec.Raw(b'{"status":"Rejected"}'))
    with pytest.raises(VerbError, match="Rejected"):
        await hands.do("charger.reset", charger="CP1")
    assert await hands.do("charger.trigger_message", charger="CP1", message="Heartbeat") == {"status": "Rejected"}


async def test_each_version_of_ocpp_is_asked_in_its_own_words(hands: Hands, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    old = Hands(tmp_path / "old", ocpp="ocpp1.6")
    await old.do("charger.trigger_message", charger="CP1", message="StatusNotification", evse=2)
    await old.do("charger.trigger_message", charger="CP1", message="LogStatusNotification")
    await old.do("charger.get_configuration", charger="CP1", keys=["A"])
    await old.do("charger.get_configuration", charger="CP1")
    told = [(each.action, bytes(each.payload)) for each in old.asked]
    assert told == [
        ("TriggerMessage", b'{"requestedMessage": "StatusNotification", "connectorId": 2}'),
        ("ExtendedTriggerMessage", b'{"requestedMessage": "LogStatusNotification"}'),
        ("GetConfiguration", b'{"key": ["A"]}'),
        ("GetConfiguration", b"{}"),
    ]
    variable = {"component": "EVSE", "variable": "Power", "evse": 1}
    for verb, args in (("charger.reset", {}), ("charger.get_variables", {"variables": [variable]})):
        with pytest.raises(VerbError, match=r"OCPP 1\.6"):
            await old.do(verb, charger="CP1", **args)
    assert len(old.asked) == 4
    assert old.limits.is_under() is True
    old.close()
    await hands.do("charger.trigger_message", charger="CP1", message="MeterValues", evse=1, connector=2)
    await hands.do("charger.get_variables", charger="CP1", variables=[variable])
    assert [bytes(each.payload) for each in hands.asked] == [
        b'{"requestedMessage": "MeterValues", "evse": {"id": 1, "connectorId": 2}}',
        b'{"getVariableData": [{"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Power"}}]}',
    ]
    with pytest.raises(VerbError, match=r"OCPP 2\.x"):
        await hands.do("charger.get_configuration", charger="CP1")
    with pytest.raises(VerbError, match="beside its EVSE"):
        await hands.do("charger.trigger_message", charger="CP1", message="MeterValues", connector=2)


_KEYS = st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True), max_size=3)
_CHARGER = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9*_=+@.-]{0,20}", fullmatch=True)
_READS: dict[str, st.SearchStrategy[dict[str, object]]] = {
    "status": st.just({}),
    "ledger": st.fixed_dictionaries({}, optional={"epoch": st.integers(0, 2**53 - 1)}),
    "log.tail": st.fixed_dictionaries({"lines": st.integers(1, 300)}),
    "registers.read": st.fixed_dictionaries(
        {"source": st.sampled_from(["meter", "x"]), "charger": _CHARGER | st.just("CP1"), "signals": st.just([KEY])}
    ),
    "snapshot.fetch": st.fixed_dictionaries({"snapshot": st.from_regex(r"[0-9a-f]{32}", fullmatch=True)}),
    "telemetry.refine": st.integers(0, 10**12).map(lambda at: {"from_ms": at, "to_ms": at + 1000}),
    "charger.get_configuration": st.fixed_dictionaries({"charger": _CHARGER, "keys": _KEYS}),
    "charger.get_variables": st.fixed_dictionaries(
        {"charger": _CHARGER, "variables": st.just([{"component": "A", "variable": "B"}])}
    ),
    "charger.trigger_message": st.fixed_dictionaries(
        {"charger": _CHARGER, "message": st.sampled_from(["Heartbeat", "MeterValues", "LogStatusNotification"])},
        optional={"evse": st.integers(1, 99)},
    ),
}
_ELSEWHERE = {"net.ping", "net.trace", "snapshot.take", "charger.get_log"}
"""They read too, and are done above, here or in the flow test, once: they wait for the network or the disk."""


def test_each_verb_of_the_class_of_reading_is_held_to_it() -> None:
    assert {name for name, verb in VERBS.items() if verb.kind == "R0"} == _READS.keys() | _ELSEWHERE


@pytest.mark.parametrize("ocpp", ["ocpp1.6", "ocpp2.0.1"])
@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_reading_changes_nothing_whatever_is_read(
    tmp_path_factory: pytest.TempPathFactory, ocpp: str, data: st.DataObject
) -> None:
    hands = Hands(tmp_path_factory.mktemp("h"), ocpp=ocpp)
    before = hands.state()
    verb = data.draw(st.sampled_from(sorted(_READS)))
    args = data.draw(_READS[verb])

    async def read() -> None:
        with contextlib.suppress(VerbError):
            await hands.do(verb, **args)

    asyncio.run(read())
    assert hands.state() == before
    hands.close()
