"""This file tests `security.release`: what a box takes from a stranger's hands."""

from pathlib import Path

import pytest

from isolane.security.envelope import MANIFEST, seal
from isolane.security.key_files import make_key
from isolane.security.key_manifest import Manifest, Trusted, describe, first
from isolane.security.key_manifest import write as write_keys
from isolane.security.release import RELEASE, Release, ReleaseError, open_release, read, write
from isolane.security.signing import Signer

_RELEASE = Release(v=1, version="0.2.0", number=2, issued=1000, expires=9000, files={"b.whl": "0" * 64, "a": "1" * 64})


@pytest.fixture(name="signers")
def _signers(tmp_path: Path) -> dict[str, Signer]:
    for name in ("rita", "rob", "ann"):
        make_key(tmp_path / name, "ed25519", None)
    return {name: Signer(tmp_path / name) for name in ("rita", "rob", "ann")}


def _keys(signers: dict[str, Signer], expires: int = 20_000) -> Trusted:
    keys = [describe(signers[name].public_key, name, "root") for name in ("rita", "rob")]
    keys.append(describe(signers["ann"].public_key, "ann", "operator"))
    manifest = Manifest(v=1, version=1, issued=1, expires=expires, threshold=2, keys=tuple(keys))
    return first(seal(write_keys(manifest), [signers["rita"], signers["rob"]], MANIFEST))


def test_two_people_of_the_release_keys_are_followed(signers: dict[str, Signer]) -> None:
    data = seal(write(_RELEASE), [signers["rita"], signers["rob"]], RELEASE)
    assert open_release(data, _keys(signers), 5000.0) == _RELEASE


@pytest.mark.parametrize(
    ("names", "typ", "times_s", "reason"),
    [
        (("rita",), RELEASE, (5000, 20_000), "threshold"),
        (("rita", "ann"), RELEASE, (5000, 20_000), "signature"),
        (("rita", "rob"), MANIFEST, (5000, 20_000), "malformed"),
        (("rita", "rob"), RELEASE, (9000, 20_000), "expired"),
        (("rita", "rob"), RELEASE, (5000, 5000), "expired"),
    ],
)
def test_anything_else_is_refused(
    signers: dict[str, Signer], names: tuple[str, ...], typ: str, times_s: tuple[int, int], reason: str
) -> None:
    data = seal(write(_RELEASE), [signers[name] for name in names], typ)
    with pytest.raises(ReleaseError) as caught:
        open_release(data, _keys(signers, times_s[1]), times_s[0])
    assert caught.value.reason == reason


def test_another_payload_under_the_same_signatures_is_refused(signers: dict[str, Signer]) -> None:
    whole = seal(write(_RELEASE), [signers["rita"], signers["rob"]], RELEASE)
    for cut in (whole[:-1], whole.replace(b"signature", b"Signature"), whole + b" "):
        with pytest.raises(ReleaseError):
            open_release(cut, _keys(signers), 5000.0)


@pytest.mark.parametrize("name", ["../a.whl", "/a.whl", "a b", ".a", "", "a\n"])
def test_a_name_leads_nowhere_else(name: str) -> None:
    payload = write(Release(v=1, version="1", number=1, issued=1, expires=2, files={name: "0" * 64}))
    with pytest.raises(ReleaseError):
        read(payload)


@pytest.mark.parametrize(
    "payload",
    [
        b"{}",
        write(_RELEASE) + b"\n",
        write(_RELEASE).replace(b'"v":1', b'"v":2'),
        write(_RELEASE).replace(b'"0.2.0"', b'"../0.2.0"'),
        write(_RELEASE).replace(b'"0.2.0"', b'"."'),
        write(_RELEASE).replace(b":9000", b":999999999"),
        write(_RELEASE).replace(b"1" * 64, b"1" * 63),
        write(_RELEASE).replace(b'"number":2', b'"number":2,"number":3'),
    ],
)
def test_a_release_has_one_form(payload: bytes) -> None:
    assert read(write(_RELEASE)).files == _RELEASE.files
    with pytest.raises(ReleaseError):
        read(payload)
