"""This file tries passphrases; it guards that a key opens for the right one alone, and not for ever."""

from pathlib import Path

import pytest

from isolane.core.failures import IsolaneError
from isolane.security.key_files import make_key
from isolane.signer.locked_key import REST_S, WRONG_MAX, LockedError, LockedKey

PASSPHRASE = "four plain words here"


class Clock:
    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def path(tmp_path: Path) -> Path:
    make_key(tmp_path / "ann.pem", "p256", PASSPHRASE.encode())
    return tmp_path / "ann.pem"


def test_a_key_opens_for_one_signature_or_for_some_minutes(path: Path) -> None:
    clock = Clock()
    key = LockedKey(path, clock)
    assert key.unlock(PASSPHRASE).key_id == key.kid
    with pytest.raises(LockedError, match="locked"):
        key.remembered()
    key.unlock(PASSPHRASE, 60.0)
    clock.s += 59
    assert key.remembered().key_id == key.kid
    assert key.left_s == pytest.approx(1.0)
    clock.s += 1
    with pytest.raises(LockedError, match="locked"):
        key.remembered()
    key.unlock(PASSPHRASE, 60.0)
    key.lock()
    assert key.left_s == 0


def test_after_some_wrong_passphrases_there_is_a_rest(path: Path) -> None:
    clock = Clock()
    key = LockedKey(path, clock)
    for _ in range(WRONG_MAX):
        with pytest.raises(LockedError, match="does not open"):
            key.unlock("wrong")
    with pytest.raises(LockedError, match="wait 60 s"):
        key.unlock(PASSPHRASE)
    clock.s += REST_S
    assert key.unlock(PASSPHRASE).key_id == key.kid


def test_a_key_that_is_not_kept_as_it_should_be_is_refused(path: Path, tmp_path: Path) -> None:
    path.chmod(0o640)
    with pytest.raises(IsolaneError, match="others can read"):
        LockedKey(path)
    make_key(tmp_path / "plain.pem", "ed25519", None)
    with pytest.raises(IsolaneError, match="not encrypted"):
        LockedKey(tmp_path / "plain.pem")
    with pytest.raises(IsolaneError, match="cannot read the key"):
        LockedKey(tmp_path / "none.pem")


def test_a_strange_public_half_is_found(path: Path, tmp_path: Path) -> None:
    make_key(tmp_path / "bob.pem", "p256", PASSPHRASE.encode())
    path.with_name("ann.pem.pub").write_bytes((tmp_path / "bob.pem.pub").read_bytes())
    with pytest.raises(LockedError, match="do not belong together"):
        LockedKey(path).unlock(PASSPHRASE)
