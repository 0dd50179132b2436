"""This file checks that an auditor gets every packet, and that an audit cannot fill a disk."""

from pathlib import Path

import pytest

from isolane.core.failures import IsolaneError
from isolane.tap.journal import Journal


def test_each_packet_is_a_line_for_its_owner_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "tap.jsonl", 1000)
    for packet in (b'{"a":1}', b'{"b":2}'):
        journal.note(packet)
    journal.close()
    assert (tmp_path / "tap.jsonl").read_bytes() == b'{"a":1}\n{"b":2}\n'
    assert (tmp_path / "tap.jsonl").stat().st_mode & 0o777 == 0o600


def test_it_ends_before_it_is_larger_than_allowed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal(tmp_path / "tap.jsonl", 25)
    for _ in range(10):
        journal.note(b"123456789")
    journal.close()
    assert (tmp_path / "tap.jsonl").read_bytes() == b"123456789\n" * 2
    assert [record.message.split()[0] for record in caplog.records] == ["journal-full"]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(IsolaneError, match=r"absent/tap\.jsonl"):
        Journal(tmp_path / "absent/tap.jsonl", 1000)
