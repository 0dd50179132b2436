"""This file keeps the log of revocations; it guards that a crash, a full disk or another log is noticed."""

from pathlib import Path

import pytest

from isolane.center.store.revocations import (
    LogMark,
    PersonIs,
    Restored,
    RevocationLog,
    SiteIs,
    TokenRevoked,
    Told,
    facts_since,
    fingerprint,
    latest,
    mark_of,
    read_log,
)
from isolane.core.failures import IsolaneError
from isolane.security.event_lines import EventLines, Kind


def test_the_last_word_holds(tmp_path: Path) -> None:
    log = RevocationLog(tmp_path / "log")
    log.append(TokenRevoked("ab"), PersonIs("night", "admin", "*", disabled=True, password="x"))
    log.append(PersonIs("night", "viewer", "*", disabled=False, password="x"), SiteIs("depot", "north"))
    RevocationLog(tmp_path / "log").append(SiteIs("depot", "south"))
    tokens, people, sites = latest(read_log(tmp_path / "log")[1])
    assert (tokens, people["night"].role, people["night"].disabled, sites) == (
        {"ab"},
        "viewer",
        False,
        {"depot": "south"},
    )
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("torn", [b"{", b'{"type":"token","id":"cd"}'])
def test_what_a_crash_has_left_of_a_line_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    file = tmp_path / "log"
    RevocationLog(file).append(TokenRevoked("ab"))
    whole = file.read_bytes()
    file.write_bytes(whole + torn)
    assert read_log(file)[1] == [TokenRevoked("ab")]
    RevocationLog(file).append(Told())
    assert file.read_bytes() == whole + b'{"type":"told"}\n'


def test_a_log_that_only_began_begins_again(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b'{"type":"lo')
    RevocationLog(tmp_path / "log")
    assert read_log(tmp_path / "log")[1] == []


def test_a_line_that_cannot_be_written_is_a_security_event(tmp_path: Path) -> None:
    events, folder = EventLines(), tmp_path / "disk"
    log = RevocationLog(folder / "log", events)
    (folder / "log").unlink()
    folder.rmdir()
    log.append(TokenRevoked("ab"))
    assert events.counts == {Kind.STORAGE: 1}
    with pytest.raises(IsolaneError, match="cannot write"):
        RevocationLog(Path("/proc/nobody/log"))


@pytest.mark.parametrize("content", [b"", b"x\n", b'{"type":"told"}\n', b'{"type":"log","id":"a"}\n{"type":"other"}\n'])
def test_what_is_no_log_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "log").write_bytes(content)
    with pytest.raises(IsolaneError, match="log of revocations"):
        read_log(tmp_path / "log")


def test_only_a_log_that_goes_on_from_the_backup_is_believed(tmp_path: Path) -> None:
    file = tmp_path / "log"
    log = RevocationLog(file)
    earlier = file.read_bytes()
    log.append(TokenRevoked("ab"))
    mark = mark_of(file)
    assert facts_since(mark, file) == [TokenRevoked("ab")]
    file.write_bytes(earlier)
    for other in (mark, LogMark("0" * 32, 0), None):
        with pytest.raises(IsolaneError, match="does not tell"):
            facts_since(other, file)
    assert mark_of(tmp_path / "none") is None


def test_a_restore_is_told_once(tmp_path: Path) -> None:
    log = RevocationLog(tmp_path / "log")
    log.append(Restored(1, 2), Told(), Restored(3, 4), TokenRevoked("ab"))
    assert log.untold() == [Restored(3, 4)]
    log.append(Told())
    assert log.untold() == []


def test_a_fingerprint_tells_hashes_apart_and_is_none() -> None:
    assert len({fingerprint(None), fingerprint("$argon2id$a"), fingerprint("$argon2id$b")}) == 3
    assert "argon2" not in fingerprint("$argon2id$a")
