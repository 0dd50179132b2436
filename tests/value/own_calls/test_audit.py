"""This file checks that the audit shows what was changed in it, and goes on after a power cut."""

import fcntl
import json
import os
from pathlib import Path

import pytest

from isolane.core.failures import IsolaneError
from isolane.value.own_calls.audit import AuditFile, Entry, first_break

ENTRY = Entry(
    at="2026-01-01T00:00:00.000+00:00",
    charger="CP1",
    action="GetLog",
    payload_sha256="0" * 64,
    reference="r1",
    id="",
    outcome="accepted",
)


def written(path: Path, count: int, bytes_max: int = 1 << 20) -> list[bytes]:
    """Append lines as a new process would, and give all lines."""
    audit = AuditFile(path, bytes_max)
    for _ in range(count):
        audit.append(ENTRY)
    audit.close()
    return path.read_bytes().split(b"\n")[:-1]


def test_lines_are_a_chain_over_restarts(tmp_path: Path) -> None:
    path = tmp_path / "audit" / "own-calls.jsonl"
    written(path, 3)
    lines = written(path, 2)
    assert [json.loads(line)["seq"] for line in lines] == [1, 2, 3, 4, 5]
    assert json.loads(lines[0])["previous"] == "0" * 64
    assert json.loads(lines[2])["outcome"] == "accepted"
    assert first_break(lines) is None
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_changed_shows(tmp_path: Path) -> None:
    lines = written(tmp_path / "a", 5)
    assert first_break([*lines[:2], lines[2].replace(b"GetLog", b"GetLoh"), *lines[3:]]) == 4
    assert first_break([*lines[:2], *lines[3:]]) == 3
    assert first_break([*lines[:2], b"{}", *lines[2:]]) == 4
    assert first_break([lines[1], lines[0], *lines[2:]]) == 1


@pytest.mark.parametrize("cut", [1, 20, 100])
def test_a_line_that_a_power_cut_left_half_stays_and_is_named(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a"
    written(path, 3)
    path.write_bytes(path.read_bytes()[:-cut])
    lines = written(path, 2)
    assert len(lines) == 5
    assert first_break(lines) is None
    assert first_break([*lines[:2], b"", *lines[3:]]) == 4
    assert json.loads(lines[-1])["seq"] == (5 if cut == 1 else 4)


def test_at_its_bound_nothing_more_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a"
    lines = written(path, 1)
    audit = AuditFile(path, 2 * len(lines[0]) - 10)
    with pytest.raises(OSError, match="bytes"):
        audit.append(ENTRY)
    audit.close()
    assert path.read_bytes() == lines[0] + b"\n"


def test_a_full_disk_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    audit = AuditFile(path, 1 << 20)
    audit.append(ENTRY)
    before = path.read_bytes()
    keep = audit._descriptor
    audit._descriptor = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(OSError):  # noqa: PT011 - whatever the system says
        audit.append(ENTRY)
    os.close(audit._descriptor)
    audit._descriptor = keep
    with pytest.raises(OSError, match="bytes"):
        audit.append(ENTRY)
    audit.close()
    assert path.read_bytes() == before


def test_two_processes_do_not_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with path.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(IsolaneError, match="another process"):
            AuditFile(path, 1 << 20)


def test_a_folder_that_cannot_be_is_one_sentence() -> None:
    with pytest.raises(IsolaneError, match="cannot write the audit"):
        AuditFile(Path("/proc/own-calls/audit"), 1 << 20)
