"""This file checks the credential file and what is checked against it."""

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from isolane.core.durable import replace_file
from isolane.core.failures import IsolaneError
from isolane.value.access.credentials import Verification, Verifier, editing, protect, read_verifiers, write_verifiers

RAW = bytes(range(0xEC, 0x100))
"""A password of 1.6: 20 bytes that are no UTF-8."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "credentials"
    write_verifiers(path, {"CP1": protect(RAW), "CP 2": protect("sixteen-chars-äö".encode())})
    return path


def test_the_file_gives_no_password_away_and_is_its_owners_alone(file: Path) -> None:
    text = file.read_text(encoding="ascii")
    assert RAW.hex() not in text
    assert "sixteen" not in text
    assert file.stat().st_mode & 0o777 == 0o600
    assert set(read_verifiers(file)) == {"CP1", "CP 2"}


def test_what_is_stored_is_scrypt_as_its_rfc_says(file: Path) -> None:
    verifier = read_verifiers(file)["CP1"]
    assert verifier.key == hashlib.scrypt(RAW, salt=verifier.salt, n=32768, r=8, p=1, maxmem=2**26, dklen=32)
    assert protect(RAW) != protect(RAW), "each has its own salt"


async def test_the_right_password_is_right_and_then_remembered(file: Path) -> None:
    verification = Verification(file)
    assert not verification.is_remembered("CP1", RAW)
    assert await verification.is_right("CP1", RAW)
    assert verification.is_remembered("CP1", RAW)
    assert not verification.is_remembered("CP1", RAW + b"x")
    assert not verification.is_remembered("CP 2", RAW)
    assert not await verification.is_right("CP1", RAW[:-1])
    assert not await verification.is_right("CP 2", RAW)
    assert not await verification.is_right("CP3", RAW)
    verification.close()


async def test_an_unknown_identity_costs_a_derivation_too(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []
    derive = hashlib.scrypt

    def counted(password: bytes, **options: int) -> bytes:
        asked.append(password)
        return derive(password, **options)  # type: ignore[arg-type]  # the salt travels with the numbers

    monkeypatch.setattr(hashlib, "scrypt", counted)
    verification = Verification(file)
    for charger in ("CP1", "CP9"):
        assert not await verification.is_right(charger, b"wrong")
    assert asked == [b"wrong", b"wrong"]
    verification.close()


async def test_the_loop_turns_while_a_password_is_checked(file: Path) -> None:
    verification = Verification(file)
    checking = asyncio.ensure_future(verification.is_right("CP1", RAW))
    turns = 0
    while not checking.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 10
    assert checking.result()
    verification.close()


async def test_a_changed_file_is_read_and_a_wrong_one_changes_nothing(file: Path) -> None:
    verification = Verification(file)
    assert await verification.is_right("CP1", RAW)
    replace_file(file, b"scrypt$00$00 CP1\n")
    with pytest.raises(IsolaneError, match="line 1 is no credential"):
        verification.reload()
    assert verification.is_remembered("CP1", RAW)
    write_verifiers(file, {"CP1": protect(b"new")})
    verification.reload()
    assert not verification.is_remembered("CP1", RAW)
    assert not await verification.is_right("CP1", RAW)
    assert await verification.is_right("CP1", b"new")
    verification.close()


@pytest.fixture
def commented(file: Path) -> Iterator[Path]:
    """What a person wrote beside the credentials stays, and so does whose the file is."""
    file.write_text("# chargers\n" + file.read_text())
    yield file
    assert file.read_text().startswith("# chargers\n")
    assert file.stat().st_mode & 0o777 == 0o600


async def test_a_password_that_was_learned_is_the_stored_one(commented: Path) -> None:
    file = commented
    verification = Verification(file)
    before = read_verifiers(file)
    assert await verification.is_right("CP1", RAW)
    assert await verification.learn("CP1", b"new")
    assert not verification.is_remembered("CP1", RAW)
    assert verification.is_remembered("CP1", b"new")
    assert not await verification.is_right("CP1", RAW)
    after = read_verifiers(file)
    assert after.pop("CP1") != before.pop("CP1")
    assert after == before
    verification.close()
    again = Verification(file)
    assert await again.is_right("CP1", b"new")
    again.close()


async def test_a_charger_that_a_person_has_taken_out_is_not_learned(file: Path) -> None:
    verification = Verification(file)
    write_verifiers(file, {"CP 2": read_verifiers(file)["CP 2"]})
    assert not await verification.learn("CP1", b"new")
    assert set(read_verifiers(file)) == {"CP 2"}
    verification.reload()
    assert not verification.is_stored("CP1")
    assert not await verification.learn("CP1", b"new")
    assert not verification.is_remembered("CP1", b"new")
    verification.close()


async def test_a_person_at_the_file_makes_learning_wait(file: Path) -> None:
    verification = Verification(file)
    with editing(file):
        learning = asyncio.ensure_future(verification.learn("CP1", b"new"))
        others = {**read_verifiers(file), "CP3": protect(b"three")}
        write_verifiers(file, others)
    assert await learning
    assert set(read_verifiers(file)) == {"CP1", "CP 2", "CP3"}, "neither loses what the other wrote"
    verification.close()


def test_a_folder_that_cannot_be_written_is_said_at_the_start(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda _path, _mode: False)  # root may write everywhere
    Verification(file).close()
    with pytest.raises(IsolaneError, match="cannot be changed"):
        Verification(file, learns=True)


@pytest.mark.parametrize(
    "line",
    [
        "CP1:secret",
        "scrypt$" + "00" * 16 + "$" + "00" * 32,
        "scrypt$" + "00" * 16 + "$" + "00" * 31 + " CP1",
        "argon2$" + "00" * 16 + "$" + "00" * 32 + " CP1",
        "scrypt$" + "00" * 16 + "$" + "00" * 32 + " CP/1",
        "scrypt$" + "0g" * 16 + "$" + "00" * 32 + " CP1",
    ],
)
def test_a_line_of_another_form_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "credentials"
    path.write_text(f"# chargers\n\n{line}\n")
    path.chmod(0o600)
    with pytest.raises(IsolaneError, match="line 3 is no credential"):
        read_verifiers(path)


def test_files_that_cannot_be_are_said(tmp_path: Path, file: Path) -> None:
    with pytest.raises(IsolaneError, match="cannot read"):
        read_verifiers(tmp_path / "absent")
    file.chmod(0o640)
    with pytest.raises(IsolaneError, match="open to other users"):
        read_verifiers(file)
    with pytest.raises(IsolaneError, match="cannot write"):
        write_verifiers(tmp_path / "absent" / "x", {"CP1": Verifier(b"", b"")})
    for password in (b"", b"x" * 161):
        with pytest.raises(IsolaneError, match="cannot be"):
            protect(password)
