"""This file tests `tap.pseudonym`."""

import hashlib
import hmac
import re
from pathlib import Path

import pytest

from isolane.config.values import Secret
from isolane.core.failures import IsolaneError
from isolane.tap.pseudonym import Transactions, load_key

KEY = b"0123456789abcdef"


def test_a_pseudonym_is_a_keyed_hash_of_charger_and_transaction() -> None:
    names = Transactions(KEY)
    expected = hmac.new(KEY, b"CP1\x0077", hashlib.sha256).hexdigest()[:16]
    assert names.pseudonym("CP1", "77") == expected
    others = {
        names.pseudonym("CP2", "77"),
        names.pseudonym("CP1", "78"),
        Transactions(KEY[::-1]).pseudonym("CP1", "77"),
    }
    assert len(others | {expected}) == 4


def test_a_lone_surrogate_in_a_transaction_id_has_a_pseudonym_too() -> None:
    assert re.fullmatch("[0-9a-f]{16}", Transactions(KEY).pseudonym("CP1", "\ud800"))


def test_the_place_of_a_transaction_is_learnt_and_bounded() -> None:
    names = Transactions(KEY)
    assert names.place("A", "a", 0) == 0
    assert names.place("A", "a", 3) == 3
    assert names.place("A", "a", 0) == 3
    assert names.place("A", "a", 4) == 4
    assert names.place("B", "a", 0) == 0
    for number in range(5000):
        assert names.place("A", f"t{number}", 1) == 1
    assert names.place("A", "a", 0) == 0
    assert names.place("A", "t4999", 0) == 1


def test_a_transaction_that_is_spoken_of_keeps_its_place_and_a_charger_takes_no_others() -> None:
    names = Transactions(KEY)
    names.place("A", "long", 3)
    names.place("B", "other", 2)
    for number in range(5000):
        names.place("A", f"t{number}", 1)
        assert names.place("A", "long", 0) == 3
    assert names.place("B", "other", 0) == 2
    for number in range(20_000):
        names.place(f"C{number}", "t", 1)
    assert names.place("A", "long", 0) == 0


def test_the_first_start_makes_a_key_that_the_next_one_finds(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "tap.key"
    key = load_key(None, file)
    assert re.fullmatch(b"[0-9a-f]{64}", key)
    assert file.stat().st_mode & 0o777 == 0o600
    assert load_key(None, file) == key


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tap.key"
    load_key(None, file)
    file.chmod(0o640)
    with pytest.raises(IsolaneError, match="others may read"):
        load_key(None, file)


def test_a_short_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "tap.key"
    file.touch(mode=0o600)
    with pytest.raises(IsolaneError, match="0 bytes"):
        load_key(None, file)
    monkeypatch.setenv("SHORT", "short-secret")
    with pytest.raises(IsolaneError, match="12 bytes") as raised:
        load_key(Secret("env:SHORT", tmp_path), file)
    assert "short-secret" not in str(raised.value)


def test_a_secret_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAP_KEY", KEY.decode())
    assert load_key(Secret("env:TAP_KEY", tmp_path), tmp_path / "unused") == KEY
    assert not (tmp_path / "unused").exists()
    with pytest.raises(IsolaneError, match="NOT_SET"):
        load_key(Secret("env:NOT_SET", tmp_path), tmp_path / "unused")


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(IsolaneError, match="pseudonym key"):
        load_key(None, tmp_path / "file" / "tap.key")
