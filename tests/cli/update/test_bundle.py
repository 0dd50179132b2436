"""This file tests `cli.update.bundle` and the words around it: what is not as it was signed is not taken."""

import shutil
import time
from pathlib import Path

import pytest

from isolane.cli.main import main
from isolane.cli.update import bundle
from isolane.core.failures import IsolaneError
from isolane.security.key_files import make_key
from isolane.security.signing import Signer

_WHEEL = "isolane-0.2.0-py3-none-any.whl"


@pytest.fixture(name="place")
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle of one wheel that two people have signed, and the box's list of their keys."""
    monkeypatch.chdir(tmp_path)
    for name in ("rita", "rob"):
        make_key(Path(name), "ed25519", None)
    keys = [word for name in ("rita", "rob") for word in ("--key", f"{name}:root:{name}.pub")]
    assert main(["keys", "manifest", "keys.json", "--number", "1", *keys]) == 0
    assert main(["keys", "sign", "keys.json", "--key", "rita", "--no-passphrase", "--out", "one.jws"]) == 0
    assert main(["keys", "sign", "one.jws", "--key", "rob", "--no-passphrase", "--out", "keys.jws"]) == 0
    Path("new").mkdir()
    Path("new", _WHEEL).write_bytes(b"wheel")
    _release(2)
    return tmp_path


def _release(number: int) -> None:
    assert main(["update", "make", "new", "--version", "0.2.0", "--number", str(number)]) == 0
    for name in ("rita", "rob"):
        assert main(["update", "sign", "new", "--key", name, "--no-passphrase"]) == 0


def _verify(*words: str) -> int:
    return main(["update", "verify", "new", "--keys", "keys.jws", "--root", "box", *words])


def test_a_signed_bundle_is_taken(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _verify() == 0
    assert "isolane 0.2.0, release 2, 1 wheels" in capsys.readouterr().out
    assert main(["update", "verify", "new", "--keys", str(place / "rita.pub")]) == 2


def test_an_older_release_is_taken_only_if_a_person_says_so(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "box").mkdir()
    (place / "box" / "seen").write_text('{"number":3,"issued":1}', encoding="ascii")
    assert _verify() == 2
    assert "rollback" in capsys.readouterr().err
    assert _verify("--older") == 0


def test_no_clock_brings_an_expired_release_back(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "box").mkdir()
    later = round(time.time()) + 91 * 86_400
    (place / "box" / "seen").write_text(f'{{"number":2,"issued":{later}}}', encoding="ascii")
    assert _verify("--older") == 2
    assert "expired" in capsys.readouterr().err


def test_a_file_that_is_not_the_signed_one_is_refused_wherever_it_is_cut(place: Path) -> None:
    release = bundle.sign(Path("new"), Signer(place / "rita"))
    Path("to").mkdir()
    bundle.take(Path("new"), release, Path("to"))
    assert (place / "to" / _WHEEL).read_bytes() == b"wheel"
    for number, content in enumerate((b"", b"whee", b"wheel!", b"Wheel")):
        Path("new", _WHEEL).write_bytes(content)
        Path(f"to{number}").mkdir()
        with pytest.raises(IsolaneError, match="not the file that was signed"):
            bundle.take(Path("new"), release, Path(f"to{number}"))
    Path("new", _WHEEL).unlink()
    Path("to9").mkdir()
    with pytest.raises(IsolaneError, match="cannot copy"):
        bundle.take(Path("new"), release, Path("to9"))


def test_what_would_fill_the_disk_is_not_copied(place: Path) -> None:
    release = bundle.sign(Path("new"), Signer(place / "rita"))
    Path("to").mkdir()
    with Path("new", _WHEEL).open("r+b") as file:
        file.truncate(shutil.disk_usage(place).free // 2)
    with pytest.raises(IsolaneError, match="MB left"):
        bundle.take(Path("new"), release, Path("to"))
    assert list(Path("to").iterdir()) == []


def test_a_release_that_was_changed_after_it_was_signed_has_to_be_signed_again(place: Path) -> None:
    assert (place / "new" / bundle.SIGNED).exists()
    assert main(["update", "make", "new", "--version", "0.2.0", "--number", "3"]) == 0
    assert not (place / "new" / bundle.SIGNED).exists()
    assert _verify() == 2


def test_a_bundle_pins_each_wheel_and_has_no_package_twice() -> None:
    files = {"a_b-1.0-cp311-cp311-linux_x86_64.whl": "1" * 64, "a_b-1.0-cp312-cp312-linux_x86_64.whl": "2" * 64}
    assert bundle.lock(files) == f"a_b==1.0 --hash=sha256:{'1' * 64} --hash=sha256:{'2' * 64}\n"
    with pytest.raises(IsolaneError, match="two versions"):
        bundle.lock({**files, "A.b-2.0-py3-none-any.whl": "3" * 64})
    with pytest.raises(IsolaneError, match="no wheel"):
        bundle.lock({"a-1.0.tar.gz": "1" * 64})


def test_a_bundle_may_bring_the_list_of_keys_that_follows(place: Path) -> None:
    keys = [word for name in ("rita", "rob") for word in ("--key", f"{name}:root:{name}.pub")]
    assert main(["keys", "manifest", "next.json", "--number", "2", *keys]) == 0
    assert main(["keys", "sign", "next.json", "--key", "rita", "--no-passphrase", "--out", "half.jws"]) == 0
    Path("half.jws").replace(place / "new/keys.jws")
    assert _verify() == 2, "one of two people has signed it"
    Path("new/keys.jws").unlink()
    assert _verify() == 0
