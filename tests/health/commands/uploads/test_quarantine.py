"""This file uploads into quarantine; it guards bounds, names, one upload a slot, and that failures leave nothing."""

import asyncio
import contextlib
import hashlib
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.health.commands.uploads.quarantine import NoRoomError, Slot, UploadError, harmless, prepare


def _left(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_one_upload_under_a_name_of_our_own(tmp_path: Path) -> None:
    slot = Slot(tmp_path, 10)
    first = slot.begin("first")
    await first.write(b"x")
    intake = slot.begin("../../etc/cron.d/x y")
    with pytest.raises(UploadError, match="ended"):
        await first.write(b"x")
    with pytest.raises(UploadError, match="ended"):
        first.done()
    assert not slot.arrived.done()
    assert slot.why == "another began meanwhile, after 1 bytes"
    await intake.write(b"12345")
    await intake.write(b"67890")
    intake.done()
    intake.drop("too late")
    upload = slot.arrived.result()
    assert upload.path.read_bytes() == b"1234567890"
    assert upload.path.parent == tmp_path
    assert stat.S_IMODE(upload.path.stat().st_mode) == 0o600
    assert (upload.label, upload.size) == ("x-y", 10)
    assert upload.sha256 == hashlib.sha256(b"1234567890").hexdigest()
    with pytest.raises(UploadError, match="no room for another"):
        slot.begin("third")
    slot.close()
    assert not _left(tmp_path)


@contextlib.contextmanager
def _full_disk() -> Iterator[None]:
    """No file of this process may grow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [10, 100_000], ids=["at the end", "meanwhile"])
async def test_what_the_disk_refuses_has_not_come(tmp_path: Path, size: int) -> None:
    """The last bytes go to the disk when all has come: that they did not must not be taken for a whole log."""
    slot = Slot(tmp_path, 1_000_000)
    intake = slot.begin("log")

    async def take() -> None:
        await intake.write(bytes(size))
        intake.done()

    with _full_disk(), pytest.raises(NoRoomError, match="the gateway's disk refuses it: File too large"):
        await take()
    assert not slot.arrived.done()
    assert slot.why == f"the gateway's disk refuses it: File too large, after {size} bytes"
    assert not _left(tmp_path)
    slot.close()


async def test_what_is_too_large_or_broken_off_leaves_nothing_and_may_come_again_a_few_times(tmp_path: Path) -> None:
    slot = Slot(tmp_path, 10)
    for number in range(5):
        intake = slot.begin("log")
        await intake.write(b"1" * 10)
        if number % 2:
            with pytest.raises(UploadError, match="larger"):
                await intake.write(b"1")
        intake.drop("broken off")
        assert slot.why == ("it is larger than 10 bytes" if number % 2 else "broken off") + ", after 10 bytes"
        assert not _left(tmp_path)
        with pytest.raises(UploadError, match="ended"):
            await intake.write(b"1")
    with pytest.raises(UploadError, match="no room for another"):
        slot.begin("log")
    assert not slot.arrived.done()
    slot.close()


async def test_nobody_else_has_its_credentials(tmp_path: Path) -> None:
    slot, other = Slot(tmp_path, 1), Slot(tmp_path, 1)
    assert slot.admits(slot.user, slot.password)
    assert slot.is_own(slot.token)
    assert not other.is_own(slot.token)
    assert not other.admits(slot.user, slot.password)
    assert not slot.admits_basic(b"")
    assert not slot.admits_basic(b"Basic \xff\xfe")


async def test_a_folder_that_is_not_there_is_no_room(tmp_path: Path) -> None:
    with pytest.raises(UploadError, match="disk"):
        Slot(tmp_path / "away", 1).begin("log")


async def test_what_an_earlier_process_left_is_removed(tmp_path: Path) -> None:
    await asyncio.to_thread(prepare, tmp_path / "q")
    (tmp_path / "q" / "old.upload").write_bytes(b"x")
    await asyncio.to_thread(prepare, tmp_path / "q")
    assert not list((tmp_path / "q").iterdir())
    assert stat.S_IMODE((tmp_path / "q").stat().st_mode) == 0o700


@given(st.text(max_size=300))
def test_a_label_is_harmless_whatever_it_was(text: str) -> None:
    label = harmless(text)
    assert 0 < len(label) <= 100
    assert label.isascii()
    assert label.isprintable()
    assert "/" not in label
    assert label not in {".", ".."}
