"""This file signs with keys in SoftHSM, a token in software, and judges with openssl; nothing of it needs hardware."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from isolane.core.failures import IsolaneError
from isolane.security.envelope import COMMAND, parse, seal, verify
from isolane.security.key_files import make_key
from isolane.security.open_key import open_signer
from isolane.security.signing import Signer, is_signed, key_id
from isolane.security.token_keys import TokenKey, TokenSigner, import_token_key, make_token_key

_MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
_PIN = "246810"


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tokens with one, `people`; the library reads where it is once in a process."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    conf = folder / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(conf)
    words = ("softhsm2-util", "--init-token", "--free", "--label", "people", "--pin", _PIN, "--so-pin", "13579135")
    subprocess.run(words, check=True, capture_output=True)
    return folder


def _key(label: str, *, where: str = "people", module: Path = _MODULE) -> TokenKey:
    return TokenKey(module, where, label)


@pytest.mark.parametrize("kind", ["p256", "ed25519"])
def test_a_key_made_in_a_token_signs_what_gateways_and_openssl_take(tokens: Path, kind: str) -> None:
    key = _key(f"made-{kind}")
    public = make_token_key(key, _PIN, kind)
    signer = TokenSigner(key, _PIN)
    assert (signer.key_id, signer.public_key) == (key_id(public), public)
    for number in range(20):
        sealed = seal(b'{"number":%d}' % number, [signer], COMMAND)
        verify(parse(sealed, COMMAND), {signer.key_id: public})
    data, signed, pem = tokens / "data", tokens / "signed", tokens / "public.pem"
    data.write_bytes(b"what is signed")
    signed.write_bytes(signer.sign(b"what is signed"))
    pem.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    how = ("-rawin",) if kind == "ed25519" else ("-rawin", "-digest", "sha256")
    words = ("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", pem, *how, "-in", data, "-sigfile", signed)
    assert "Successfully" in subprocess.run(words, check=True, capture_output=True, text=True).stdout
    signer.close()


@pytest.mark.usefixtures("tokens")
@pytest.mark.parametrize("kind", ["p256", "ed25519"])
def test_a_key_that_was_in_a_file_is_the_same_key_in_the_token(kind: str, tmp_path: Path) -> None:
    make_key(tmp_path / "key.pem", "p256" if kind == "p256" else "ed25519", None)
    from_file = Signer(tmp_path / "key.pem")
    key = _key(f"imported-{kind}")
    assert import_token_key(key, _PIN, from_file.private_key) == from_file.public_key
    signer = TokenSigner(key, _PIN)
    assert signer.key_id == from_file.key_id
    assert is_signed(from_file.public_key, b"data", signer.sign(b"data"))
    signer.close()
    with pytest.raises(IsolaneError, match="there already"):
        import_token_key(key, _PIN, from_file.private_key)
    with pytest.raises(IsolaneError, match="there already"):
        make_token_key(key, _PIN, kind)


@pytest.mark.usefixtures("tokens")
def test_no_key_comes_out_of_a_token() -> None:
    make_token_key(_key("stays"), _PIN, "p256")
    words = ("pkcs11-tool", "--module", _MODULE, "--token-label", "people", "--login", "--pin", _PIN)
    read = (*words, "--read-object", "--type", "privkey", "--label", "stays")
    assert not subprocess.run(read, capture_output=True, check=False, env=os.environ).stdout
    listed = subprocess.run((*words, "-O"), capture_output=True, text=True, check=True, env=os.environ).stdout
    assert "never extractable" in listed


@pytest.mark.usefixtures("tokens")
@pytest.mark.parametrize(
    ("key", "pin", "said"),
    [
        (_key("made-p256"), "000000", "the PIN is wrong"),
        (_key("made-p256"), "1", "the PIN is wrong"),
        (_key("nobody"), _PIN, "no objects are the private_key"),
        (_key("made-p256", where="elsewhere"), _PIN, "there is no token of this label"),
        (_key("made-p256", module=Path("/nowhere/lib.so")), _PIN, "cannot load /nowhere/lib.so"),
    ],
)
def test_what_is_wrong_is_said(key: TokenKey, pin: str, said: str) -> None:
    with pytest.raises(IsolaneError, match=said):
        TokenSigner(key, pin)


_PULLED = """
import os, sys
from pathlib import Path
from isolane.core.failures import IsolaneError
from isolane.security.token_keys import TokenKey, TokenSigner, make_token_key
tokens, key = Path(sys.argv[1]), TokenKey(Path(sys.argv[2]), "people", "pulled")
make_token_key(key, sys.argv[3], "p256")
signer = TokenSigner(key, sys.argv[3])
signer.sign(b"data")
tokens.rename(tokens.with_name("away"))
try:
    signer.sign(b"data")
except IsolaneError as error:
    print(error)
"""


def test_a_token_that_is_pulled_is_told(tokens: Path, tmp_path: Path) -> None:
    """In a process of its own: the library does not get over it."""
    shutil.copytree(tokens / "tokens", tmp_path / "tokens")
    (tmp_path / "conf").write_text(f"directories.tokendir = {tmp_path}/tokens\nobjectstore.backend = file\n")
    environment = os.environ | {"SOFTHSM2_CONF": str(tmp_path / "conf")}
    words = (sys.executable, "-c", _PULLED, tmp_path / "tokens", _MODULE, _PIN)
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
    assert "the token does not answer" in done.stdout, done


@pytest.mark.parametrize(
    "uri",
    [
        "pkcs11:",
        "pkcs11:token=a;object=b",
        "pkcs11:token=a?module-path=/x",
        "pkcs11:token=a;token=b;object=c?module-path=/x",
        "pkcs11:token=a;object=b?module-path=/x&pin-value=1234",
        "pkcs11:token=a;object=b;type=cert?module-path=/x",
        "token=a;object=b?module-path=/x",
    ],
)
def test_what_names_no_key_is_refused(uri: str) -> None:
    with pytest.raises(IsolaneError):
        TokenKey.parse(uri)


def test_a_key_is_named_by_a_uri(tmp_path: Path) -> None:
    (tmp_path / "pin").write_text("1234\n")
    key = TokenKey.parse(f"pkcs11:token=our%20people;object=ann?module-path=/x.so&pin-source=file:{tmp_path}/pin")
    assert (key.module, key.token, key.label, key.pin()) == (Path("/x.so"), "our people", "ann", "1234")


@pytest.mark.usefixtures("tokens")
def test_a_setting_names_a_file_or_a_token(tmp_path: Path) -> None:
    make_token_key(_key("of a gateway"), _PIN, "p256")
    (tmp_path / "pin").write_text(f"{_PIN}\n")
    uri = f"pkcs11:token=people;object=of%20a%20gateway?module-path={_MODULE}"
    signer = open_signer(tmp_path / f"{uri}&pin-source=file:{tmp_path}/pin")
    assert is_signed(signer.public_key, b"data", signer.sign(b"data"))
    with pytest.raises(IsolaneError, match="pin-source"):
        open_signer(tmp_path / uri)
    public = make_key(tmp_path / "key.pem", "ed25519", None)
    assert open_signer(tmp_path / "key.pem").key_id == key_id(public)


def test_without_the_extra_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    monkeypatch.delitem(sys.modules, "isolane.security.token_keys")
    with pytest.raises(IsolaneError, match=r"isolane\[hsm\]"):
        open_signer(tmp_path / "pkcs11:token=a;object=b?module-path=/x")
