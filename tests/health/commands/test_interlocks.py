"""This file asks interlocks; it guards that each name is answered by its own fact, and an unknown one by nobody."""

from pathlib import Path

from isolane.health.commands.interlocks import Interlocks
from isolane.health.commands.limits import Limits
from isolane.health.commands.occupancy import Occupancy
from isolane.wire.tap_event import Connected, Packet, StatusChanged
from isolane.wire.verbs.interlock import disruptive
from support.commanded import HandClock


def test_each_holds_only_by_its_own_fact(tmp_path: Path) -> None:
    clock = HandClock()
    clock.utc_s = 86_400.0 * 19_000 + 3600
    occupancy = Occupancy({"CP1": 1}, clock, 60)
    limits = Limits(tmp_path / "l", per_hour=1, windows=("02:00-03:00",), clock=clock, is_synced=lambda: True, boot="b")
    holds = Interlocks(["CP1"], occupancy, limits)
    assert [holds(name) for name in disruptive("CP1")] == [True, None, False, True]
    now = clock.mono_ns()
    occupancy.hear(
        Packet(1, 0, (Connected("CP1", now, "ocpp1.6", secure=False), StatusChanged("CP1", now, 1, 1, "Available")))
    )
    clock.utc_s += 3600
    assert [holds(name) for name in disruptive("CP1")] == [True] * 4
    limits.take()
    assert [holds(name) for name in disruptive("CP1")] == [True, True, True, False]
    assert [holds(name) for name in disruptive("CP2")][:2] == [False, None]


def test_what_is_no_interlock_is_known_to_nobody(tmp_path: Path) -> None:
    clock = HandClock()
    limits = Limits(tmp_path / "l", per_hour=1, windows=(), clock=clock, is_synced=lambda: True, boot="b")
    holds = Interlocks(["CP1"], Occupancy({}, clock, 60), limits)
    assert {holds(name) for name in ("", "idle:CP1", "charger-idle", "in-window:CP1", "true")} == {None}
