"""This file counts disruptions; it guards that no restart of the process, and no clock, gives back an allowance."""

from pathlib import Path

import pytest

from isolane.health.commands.limits import Limits
from isolane.health.commands.verb import VerbError
from support.commanded import HandClock

HOUR_S = 3600


def _limits(folder: Path, clock: HandClock, *, boot: str = "one", windows: tuple[str, ...] = ()) -> Limits:
    return Limits(folder / "limits.json", per_hour=2, windows=windows, clock=clock, is_synced=lambda: True, boot=boot)


def test_so_many_an_hour_across_restarts_of_the_process(tmp_path: Path) -> None:
    clock = HandClock()
    for _ in range(2):
        limits = _limits(tmp_path, clock)
        assert limits.is_under() is True
        limits.take()
    again = _limits(tmp_path, clock)
    assert again.is_under() is False
    with pytest.raises(VerbError, match="as many"):
        again.take()
    clock.utc_s += 10 * HOUR_S
    assert again.is_under() is False, "a clock that was set gives nothing back"
    clock.pass_s(HOUR_S)
    assert again.is_under() is True


def test_of_another_boot_of_the_machine_it_counts_as_nothing(tmp_path: Path) -> None:
    limits = _limits(tmp_path, HandClock())
    limits.take()
    limits.take()
    assert _limits(tmp_path, HandClock(), boot="two").is_under() is True


def test_what_the_file_cannot_tell_or_take_nobody_may_do(tmp_path: Path) -> None:
    limits = _limits(tmp_path, HandClock())
    (tmp_path / "limits.json").write_bytes(b"{")
    assert limits.is_under() is None
    with pytest.raises(VerbError):
        limits.take()
    with pytest.raises(VerbError, match="disk"):
        _limits(tmp_path / "away", HandClock()).take()


@pytest.mark.parametrize(
    ("window", "at", "is_in"),
    [
        ("22:00-05:00", "21:59", False),
        ("22:00-05:00", "22:00", True),
        ("22:00-05:00", "04:59", True),
        ("22:00-05:00", "05:00", False),
        ("08:00-09:00", "08:30", True),
        ("00:00-00:00", "12:00", True),
    ],
)
def test_windows_are_utc_and_may_pass_midnight(tmp_path: Path, window: str, at: str, *, is_in: bool) -> None:
    clock = HandClock()
    clock.utc_s = float(86_400 * 19_000 + int(at[:2]) * HOUR_S + int(at[3:]) * 60)
    assert _limits(tmp_path, clock, windows=(window,)).is_in_window() is is_in


def test_without_a_clock_nobody_knows_whether_it_is_in_a_window(tmp_path: Path) -> None:
    path = tmp_path / "limits.json"
    for windows, known in (((), True), (("00:00-00:00",), None)):
        limits = Limits(path, per_hour=1, windows=windows, clock=HandClock(), is_synced=lambda: False)
        assert limits.is_in_window() is known
