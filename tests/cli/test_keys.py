"""This file holds the ceremony of keys and signing to its page; it guards that nobody signs unseen or for another."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from isolane.cli.main import main
from isolane.security.key_files import make_key


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keys of two roots and an operator, as files."""
    monkeypatch.chdir(tmp_path)
    for name in ("rita", "rob", "ann"):
        make_key(Path(f"{name}.pem"), "ed25519", None)
    return tmp_path


def _manifest(number: int, *, roots: tuple[str, ...] = ("rita", "rob")) -> int:
    keys = [part for each in roots for part in ("--key", f"{each}:root:{each}.pem.pub")]
    others = ["--key", "ann:operator:ann.pem.pub", "--number", str(number)]
    return main(["keys", "manifest", f"keys-{number}.json", *keys, *others])


def _sign(source: str, key: str, out: str) -> int:
    return main(["keys", "sign", source, "--key", f"{key}.pem", "--no-passphrase", "--out", out])


def test_a_key_is_encrypted_and_never_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key, words = tmp_path / "ann.pem", tmp_path / "words"
    words.write_text("four words are long enough\n", encoding="utf-8")
    make = ["keys", "make", str(key), "--passphrase-file", str(words)]
    assert main(make) == 0
    assert b"ENCRYPTED" in key.read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600
    assert main(make) == 2
    assert "is there already" in capsys.readouterr().err
    words.write_text("short\n", encoding="utf-8")
    assert main(["keys", "make", str(tmp_path / "bob.pem"), "--passphrase-file", str(words)]) == 2
    assert not (tmp_path / "bob.pem").exists()
    (tmp_path / "keys.json").write_text("{}", encoding="utf-8")
    assert main(["keys", "show", str(tmp_path / "keys.json")]) == 2


def test_two_sign_the_first_manifest_and_old_and_new_the_next(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _manifest(1) == 0
    assert _sign("keys-1.json", "rita", "one.jws") == 0
    assert main(["keys", "verify", "one.jws"]) == 1
    assert "refused (threshold)" in capsys.readouterr().out
    assert _sign("one.jws", "rob", "keys-1.jws") == 0
    assert _sign("one.jws", "ann", "wrong.jws") == 2
    assert main(["keys", "verify", "keys-1.jws"]) == 0
    assert ["ann", "operator", "R0", "R1", "R2", "R4"] in [
        line.split()[:6] for line in capsys.readouterr().out.splitlines()
    ]

    make_key(folder / "dan.pem", "p256", None)
    assert _manifest(2, roots=("rob", "dan")) == 0
    assert _sign("keys-2.json", "rob", "two.jws") == 0
    assert _sign("two.jws", "dan", "three.jws") == 0
    assert main(["keys", "verify", "three.jws", "--after", "keys-1.jws"]) == 1
    assert _sign("three.jws", "rita", "keys-2.jws") == 0
    assert main(["keys", "verify", "keys-2.jws", "--after", "keys-1.jws"]) == 0
    assert main(["keys", "verify", "keys-1.jws", "--after", "keys-2.jws"]) == 1
    assert "refused (rollback)" in capsys.readouterr().out
    assert json.loads((folder / "keys-2.json").read_bytes())["version"] == 2


def test_what_cannot_be_a_manifest_is_said_before_anybody_signs(folder: Path) -> None:
    assert folder.exists()
    assert main(["keys", "manifest", "x.json", "--number", "1", "--key", "rita:root:rita.pem.pub"]) == 2
    assert main(["keys", "manifest", "x.json", "--number", "1", "--key", "rita:king:rita.pem.pub"]) == 2
    assert main(["keys", "manifest", "x.json", "--number", "0", "--key", "rita:root:rita.pem.pub"]) == 2


_MODULE = "/usr/lib/softhsm/libsofthsm2.so"


def _isolane(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run in a process of its own: the token's library reads once where its tokens are."""
    environment = os.environ | {"SOFTHSM2_CONF": str(folder / "softhsm2.conf")}
    program = (sys.executable, "-m", "isolane", *words)
    return subprocess.run(program, capture_output=True, text=True, check=False, cwd=folder, env=environment)


def test_a_key_in_a_token_signs_as_one_in_a_file_does(folder: Path) -> None:
    (folder / "tokens").mkdir()
    (folder / "pin").write_text("246810\n", encoding="utf-8")
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\n", encoding="utf-8")
    words = ("softhsm2-util", "--init-token", "--free", "--label", "people", "--pin", "246810", "--so-pin", "13579135")
    subprocess.run(words, check=True, capture_output=True, env=os.environ | {"SOFTHSM2_CONF": "softhsm2.conf"})
    rita, rob = (
        f"pkcs11:token=people;object={name}?module-path={_MODULE}&pin-source=file:pin" for name in ("rita", "rob")
    )
    made = _isolane(folder, "keys", "make", rita, "--kind", "p256", "--public", "rita.pub")
    assert made.returncode == 0, made.stderr
    assert _isolane(folder, "keys", "import", "rob.pem", rob, "--no-passphrase").returncode == 0
    assert _isolane(folder, "keys", "public", rob, "--out", "rob.pub").returncode == 0
    assert (folder / "rob.pub").read_bytes() == (folder / "rob.pem.pub").read_bytes()
    keys = ["--key", "rita:root:rita.pub", "--key", "rob:root:rob.pub", "--key", "ann:operator:ann.pem.pub"]
    assert main(["keys", "manifest", "keys.json", "--number", "1", *keys]) == 0
    assert _isolane(folder, "keys", "sign", "keys.json", "--key", rita, "--out", "one.jws").returncode == 0
    assert _isolane(folder, "keys", "sign", "one.jws", "--key", rob, "--out", "two.jws").returncode == 0
    assert main(["keys", "verify", "two.jws"]) == 0
    (folder / "pin").write_text("111111\n", encoding="utf-8")
    wrong = _isolane(folder, "keys", "sign", "keys.json", "--key", rita, "--out", "no.jws")
    assert (wrong.returncode, "the PIN is wrong" in wrong.stderr) == (2, True), wrong.stderr
