"""This file checks that a profile rises by itself and falls only by a person's hand."""

import asyncio
from pathlib import Path

import pytest

from isolane.core.failures import IsolaneError
from isolane.value.access.profiles import Profiles, read_profile, write_profile
from isolane.value.failures import Refused
from isolane.value.security_events import Kind, SecurityEvents


async def status_of(profiles: Profiles, charger: str, profile: int) -> int:
    try:
        await profiles.check(charger, profile)
    except Refused as refused:
        return refused.status.value
    return 0


async def test_a_charger_never_falls_below_what_it_has_reached(tmp_path: Path) -> None:
    profiles = Profiles(tmp_path / "profiles", SecurityEvents())
    assert await status_of(profiles, "CP1", 0) == 0
    profiles.reached("CP1", 2)
    assert [await status_of(profiles, "CP1", profile) for profile in range(4)] == [403, 403, 0, 0]
    profiles.reached("CP1", 1)
    assert await status_of(profiles, "CP1", 1) == 403
    assert await status_of(profiles, "CP2", 0) == 0
    profiles.close()
    profiles._thread.shutdown()
    after_a_restart = Profiles(tmp_path / "profiles", SecurityEvents())
    assert await status_of(after_a_restart, "CP1", 1) == 403
    after_a_restart.close()


async def test_processes_that_share_the_folder_learn_from_each_other(tmp_path: Path) -> None:
    one, other = Profiles(tmp_path, SecurityEvents()), Profiles(tmp_path, SecurityEvents())
    one.reached("CP1", 3)
    one.close()
    one._thread.shutdown()
    assert await status_of(other, "CP1", 2) == 403
    other.reached("CP1", 1)
    other.close()
    other._thread.shutdown()
    assert read_profile(tmp_path, "CP1") == 3


async def test_a_person_lowers_it_with_a_reload(tmp_path: Path) -> None:
    profiles = Profiles(tmp_path, SecurityEvents())
    profiles.reached("CP1", 3)
    assert await status_of(profiles, "CP1", 2) == 403
    write_profile(tmp_path, "CP1", 1)
    assert await status_of(profiles, "CP1", 2) == 403
    profiles.reload()
    assert await status_of(profiles, "CP1", 2) == 0
    assert await status_of(profiles, "CP1", 0) == 403
    write_profile(tmp_path, "CP1", 0)
    write_profile(tmp_path, "CP1", 0)
    assert await status_of(profiles, "CP1", 0) == 0
    profiles.close()


async def test_lowering_one_is_told_once_at_a_reload_or_when_the_charger_comes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    events = SecurityEvents()
    profiles = Profiles(tmp_path, events)
    write_profile(tmp_path, "CP1", 3)
    write_profile(tmp_path, "CP2", 2)
    profiles.reached("CP3", 3)
    for charger in ("CP1", "CP2", "CP3"):
        assert await status_of(profiles, charger, 3) == 0
    await asyncio.to_thread(profiles.reload)
    assert not events.counts, "nothing was lowered"
    write_profile(tmp_path, "CP1", 1)
    write_profile(tmp_path, "CP3", 0)
    await asyncio.to_thread(profiles.reload)
    write_profile(tmp_path, "CP2", 1)
    assert await status_of(profiles, "CP2", 1) == 0
    await asyncio.to_thread(profiles.reload)
    assert await status_of(profiles, "CP1", 2) == 0
    assert events.counts == {Kind.PROFILE: 3}
    told = [line for line in caplog.messages if "lowered on this box" in line]
    for charger, words in (("CP1", "from 3 to 1"), ("CP3", "from 3 to 0"), ("CP2", "from 2 to 1")):
        line = f'type=profile listener=- peer=- charger={charger} detail="lowered on this box {words}"'
        assert sum(line in each for each in told) == 1
    profiles.close()


async def test_what_cannot_be_understood_keeps_the_charger_out(tmp_path: Path) -> None:
    (tmp_path / "CP1").write_text("9")
    profiles = Profiles(tmp_path, SecurityEvents())
    assert await status_of(profiles, "CP1", 3) == 503
    assert await status_of(profiles, "CP2", 0) == 0
    profiles.reached("CP1", 3)
    profiles.close()
    profiles._thread.shutdown()
    assert (tmp_path / "CP1").read_text() == "9"


async def test_a_folder_that_went_away_stops_nobody_whom_this_process_does_not_know(tmp_path: Path) -> None:
    folder = tmp_path / "profiles"
    profiles = Profiles(folder, SecurityEvents())
    folder.rmdir()
    folder.write_text("")
    profiles.reached("CP1", 3)
    assert await status_of(profiles, "CP1", 2) == 403
    assert await status_of(profiles, "CP2", 0) == 0
    profiles.close()


@pytest.mark.parametrize("charger", ["CP 1", "CP*1", "a" * 48, "~", ".git", "CON", "%"])
def test_an_identity_is_a_file_name(tmp_path: Path, charger: str) -> None:
    write_profile(tmp_path, charger, 2)
    assert read_profile(tmp_path, charger) == 2
    assert len(list(tmp_path.iterdir())) == 1


async def test_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(IsolaneError, match="cannot use"):
        Profiles(tmp_path / "file", SecurityEvents())
