"""This file breaks the audit's disk and its files; it guards that what is told is on the disk, or is not done."""

import json
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from isolane.core.failures import IsolaneError
from isolane.health.commands.journal import EVERY_ENTRIES, LINES, NOTES, Journal, JournalError, Proof, origin
from isolane.security.audit import check
from isolane.security.checkpoint import open_note
from isolane.security.merkle import is_included, leaf_hash
from support.commanded import GATEWAY, HandClock, People


class Room:
    """A folder and what opens a journal in it."""

    def __init__(self, folder: Path, people: People) -> None:
        self.folder, self.people, self.clock = folder / "audit", people, HandClock()

    @contextmanager
    def open(self, bytes_max: int = 1 << 20) -> Iterator[Journal]:
        journal = Journal(self.folder, GATEWAY, self.people.gateway, self.clock, bytes_max)
        try:
            yield journal
        finally:
            journal.close()

    def lines(self) -> list[bytes]:
        return (self.folder / LINES).read_bytes().split(b"\n")[:-1]

    def notes(self) -> list[str]:
        return [str(json.loads(line)) for line in (self.folder / NOTES).read_bytes().split(b"\n")[:-1]]


@pytest.fixture
def room(tmp_path: Path, people: People) -> Room:
    return Room(tmp_path, people)


def test_what_was_written_is_there_again_and_proves_itself(room: Room) -> None:
    with room.open() as journal:
        assert journal.checkpoint() == ""
        assert [journal.append("state", {"jti": str(n)}) for n in range(3)] == [0, 1, 2]
        first = journal.checkpoint()
        assert journal.checkpoint() == first
    with room.open() as journal:
        assert (len(journal), journal.note) == (3, first)
        assert journal.append("state", {}) == 3
        journal.checkpoint()
    keys = {GATEWAY: room.people.gateway.public_key}
    assert check(room.lines(), room.notes(), keys, origin(GATEWAY)) == (4, None)
    assert (room.folder / LINES).stat().st_mode & 0o777 == 0o600


def test_a_line_is_proved_against_the_checkpoint_that_goes_with_it(room: Room) -> None:
    with room.open() as journal:
        numbers = [journal.append("state", {"jti": str(n)}) for n in range(5)]
        for number in numbers:
            proof = journal.prove(number)
            assert proof.line.encode() == room.lines()[number]
            point = open_note(proof.note, {GATEWAY: room.people.gateway.public_key})[0]
            path = [bytes.fromhex(each) for each in proof.path]
            assert is_included(leaf_hash(proof.line.encode()), number, point.size, path, point.root)
            assert not is_included(leaf_hash(b"other"), number, point.size, path, point.root)
        assert journal.prove(-1) == Proof(journal.note, "", ())
    with room.open() as journal:
        assert journal.prove(2) == Proof(journal.note, "", ())


def test_a_checkpoint_is_due_by_entries_and_by_time(room: Room) -> None:
    with room.open() as journal:
        room.clock.pass_s(301)
        assert not journal.is_due()
        journal.append("state", {})
        assert journal.is_due()
        journal.checkpoint()
        for _ in range(EVERY_ENTRIES - 1):
            journal.append("state", {})
        assert not journal.is_due()
        journal.append("state", {})
        assert journal.is_due()


def test_a_line_that_a_power_cut_left_was_never_answered_for(room: Room) -> None:
    with room.open() as journal:
        journal.append("state", {"jti": "a"})
        journal.append("state", {"jti": "b"})
    whole = (room.folder / LINES).read_bytes()
    cut_at = whole.index(b"\n") + 1
    for cut in range(cut_at, len(whole)):
        (room.folder / LINES).write_bytes(whole[:cut])
        with room.open() as journal:
            assert len(journal) == 1
    with room.open() as journal:
        assert journal.append("state", {"jti": "c"}) == 1


def test_a_journal_that_was_changed_is_not_gone_on_with(room: Room) -> None:
    with room.open() as journal:
        for n in range(4):
            journal.append("state", {"jti": str(n)})
        journal.checkpoint()
    whole = (room.folder / LINES).read_bytes()
    lines = whole.split(b"\n")
    for other in (whole.replace(b'"jti":"1"', b'"jti":"9"'), b"\n".join([*lines[:2], b""]), b""):
        (room.folder / LINES).write_bytes(other)
        with pytest.raises(IsolaneError, match="not what was written"), room.open():
            pass
    (room.folder / LINES).write_bytes(whole)
    (room.folder / NOTES).write_bytes(b'"words"\n')
    with pytest.raises(IsolaneError, match="not this gateway's"), room.open():
        pass


def test_one_process_writes_it(room: Room) -> None:
    with room.open(), pytest.raises(IsolaneError, match="cannot write the audit"), room.open():
        pass


def test_a_full_journal_takes_nothing_and_stays_whole(room: Room) -> None:
    with room.open(bytes_max=500) as journal:
        journal.append("state", {})
        with pytest.raises(JournalError):
            journal.append("state", {"jti": "x" * 500})
        assert journal.append("state", {}) == 1
    with room.open() as journal:
        assert len(journal) == 2


def test_a_full_disk_leaves_whole_lines(room: Room) -> None:
    """A limit on file sizes cuts the write short, as a full disk does."""
    with room.open() as journal:
        journal.append("state", {})
        size = (room.folder / LINES).stat().st_size
        before, old = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, before[1]))
        try:
            for _ in range(2):
                with pytest.raises(JournalError):
                    journal.append("state", {"jti": "y"})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, old)
        assert (room.folder / LINES).stat().st_size == size
        assert journal.append("state", {}) == 1
    with room.open() as journal:
        assert len(journal) == 2
