"""This file lets messages pass a session: each has its hash, a gap is told, and none has content."""

import dataclasses
import json
import stat
from pathlib import Path

import pytest

from isolane.core.clock import NS_PER_S
from isolane.core.failures import IsolaneError
from isolane.security.merkle import Tree
from isolane.tap import frame_tree
from isolane.tap.frame_tree import FrameTree, Peaks, files, hash_of, last_root, salt_of
from isolane.tap.session import Session
from isolane.tap.stream import Budget
from isolane.wire.tap_copy import Direction, Opened
from support.tap_process import Tap, wait_until
from support.tap_rules import StillClock, make_rules
from support.tap_traffic import Leg, copy, ocpp

CHARGER, CSMS = Direction.FROM_CHARGER, Direction.FROM_CSMS
BOUND = 2**30


def _tree(folder: Path) -> FrameTree:
    return FrameTree(folder, "gw-1", BOUND, StillClock())


def _lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_root_of_what_grows_is_that_of_the_whole_tree() -> None:
    peaks, tree = Peaks(), Tree()
    for number in range(70):
        assert peaks.root() == tree.root()
        peaks.append(b"%d" % number)
        tree.append(b"%d" % number)
    assert peaks.size == 70


def test_each_message_of_a_session_has_its_hash_and_what_is_missed_is_a_gap(tmp_path: Path) -> None:
    tree = _tree(tmp_path)
    rules = dataclasses.replace(make_rules(Budget(1 << 20)), frames=tree)
    leg = Leg()
    session = Session(Opened("CP1", "ocpp1.6", "", 0, secure=False), rules, lambda _: None)
    session.data(copy(leg.says(CHARGER, 2, "1", "Heartbeat", {})))
    session.data(copy(leg.says(CSMS, 3, "1", {"currentTime": "x"})))
    leg.says(CHARGER, 2, "2", "Authorize", {"idTag": "LOST"})
    session.data(copy(leg.says(CHARGER, 2, "3", "Authorize", {"idTag": "SECRET"})))
    tree.close()
    (path,) = files(tmp_path)
    begin, one, two, gap, three, told = _lines(path)
    assert (begin["gateway"], begin["before"]) == ("gw-1", {"size": 0, "root": ""})
    assert [(each["c"], each["d"]) for each in (one, two, gap, three)] == [
        ("CP1", "charger"), ("CP1", "csms"), ("CP1", "charger"), ("CP1", "charger"),
    ]  # fmt: skip
    assert gap["gap"] == "copies-lost"
    key = (tmp_path / "frames.key").read_bytes()
    message = ocpp(2, "3", "Authorize", {"idTag": "SECRET"})
    assert three["h"] == hash_of(salt_of(key, 1, 4), "CP1", "charger", message)
    assert told["size"] == 5
    assert b"SECRET" not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "frames.key").stat().st_mode) == 0o600


def test_a_new_start_begins_a_file_that_names_the_root_of_the_one_before(tmp_path: Path) -> None:
    first = _tree(tmp_path)
    first.note("CP1", 0, 1, b"[]")
    first.close()
    second = _tree(tmp_path)
    second.close()
    old, new = files(tmp_path)
    assert _lines(new)[0]["before"] == last_root(old) != {"size": 0, "root": ""}


def test_the_oldest_files_go_and_the_newest_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_tree, "FILE_BYTES_MAX", 1000)
    tree = FrameTree(tmp_path, "gw-1", 5000, StillClock())
    for number in range(100):
        tree.note("CP1", 0, number, b"[]")
        tree.tell()
    tree.close()
    there = files(tmp_path)
    assert 1 < len(there) <= 6
    assert sum(path.stat().st_size for path in there) <= 6000
    assert _lines(there[-1])[0]["before"] == last_root(there[-2])


def test_a_root_is_logged_each_minute_and_at_the_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    clock = StillClock()
    tree = FrameTree(tmp_path, "gw-1", BOUND, clock)
    for second in (0, 30, 61, 62):
        clock.now_ns = second * NS_PER_S
        tree.note("CP1", 0, 1, b"[]")
        tree.tell()
    tree.close()
    said = [record.getMessage() for record in caplog.records if "frame-tree file=1" in record.getMessage()]
    assert [line.split()[2] for line in said] == ["size=4", "size=5"]


def test_a_disk_that_takes_nothing_ends_the_recording_and_not_the_tap(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tree = _tree(tmp_path)
    with Path("/dev/full").open("wb", buffering=0) as full:
        tree._file.close()
        tree._file = full
        tree.note("CP1", 0, 1, b"[]")
        tree.tell()
        assert "frame-tree-ended" in caplog.text
        assert not tree.is_open
        tree.note("CP1", 0, 2, b"[]")
        tree.tell()
        tree.close()


def test_a_tap_that_is_told_so_keeps_them_and_logs_its_root(tmp_path: Path) -> None:
    tap = Tap(tmp_path)
    with (tmp_path / "site.toml").open("a", encoding="utf-8") as settings:
        settings.write('frame_tree = "frames"\n')
    tap.start()
    leg = Leg()
    with tap.relay() as sock:
        sock.send(leg.opened())
        sock.send(leg.says(CHARGER, 2, "1", "Heartbeat", {}))
        wait_until(lambda: tap.metric("isolane_tap_messages_total") == 1, "the message is read")
    assert tap.metric("isolane_tap_frame_hashes_total") == 1
    assert tap.metric("isolane_tap_frame_tree_open") == 1
    assert tap.stop() == 0
    assert [entry.get("c") for entry in _lines(tmp_path / "frames" / "frames-000001.jsonl")] == [None, "CP1", None]
    assert (
        f"frame-tree file=1 size=2 root={last_root(tmp_path / 'frames' / 'frames-000001.jsonl')['root']}" in tap.text()
    )


def test_a_folder_that_cannot_be_used_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IsolaneError, match="cannot keep hashes"):
        _tree(tmp_path / "file")
    (tmp_path / "frames.key").write_bytes(b"short")
    with pytest.raises(IsolaneError, match="32 bytes"):
        _tree(tmp_path)
