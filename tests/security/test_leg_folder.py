"""This file stops an installation behind each of its steps; it guards that the pair in use always fits."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from isolane.core.failures import IsolaneError
from isolane.security.authority import Authority
from isolane.security.leg_folder import LegFolder, subject_of
from isolane.security.tls import client_context

_CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH


class _PowerCut(BaseException):
    """Stops everything where it is."""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path / "ca")
    made.create("north")
    return made


def _ca(authority: Authority) -> x509.Certificate:
    return x509.load_pem_x509_certificate(authority.certificate.read_bytes())


def _certify(authority: Authority, request: x509.CertificateSigningRequest, name: str = "gw-1") -> x509.Certificate:
    key: Any = request.public_key()
    return authority.certify(key, common_name=name, purpose=_CLIENT)


def _renew(folder: LegFolder, authority: Authority) -> x509.Certificate:
    request = folder.request(subject_of("gw-1"))
    return folder.install("gw-1", [_certify(authority, request)], [_ca(authority)])


def _serial(folder: Path) -> int:
    """Load the pair in use as a process does, and say which it is."""
    current = folder / "current"
    client_context(current / "trust.pem", current / "chain.pem", current / "key.pem")
    assert (current / "key.pem").stat().st_mode & 0o777 == 0o600
    return x509.load_pem_x509_certificate((current / "chain.pem").read_bytes()).serial_number


def test_a_pair_is_put_in_use_and_the_one_before_is_kept(authority: Authority, tmp_path: Path) -> None:
    folder = LegFolder(tmp_path / "leg")
    made = [_renew(folder, authority) for _ in range(4)]
    assert _serial(tmp_path / "leg") == made[-1].serial_number
    assert sorted(path.name for path in (tmp_path / "leg").iterdir()) == ["3", "4", "current"]


@contextmanager
def _stopped(after: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Cut the power after so many changes of the disk."""
    done: list[str] = []

    def counted(name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def do(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever is called
            if len(done) == after:
                raise _PowerCut
            done.append(name)
            return act(*args, **kwargs)

        return do

    with monkeypatch.context() as patched:
        for name in ("replace", "rename", "mkdir", "symlink", "fsync", "unlink"):
            patched.setattr(os, name, counted(name, getattr(os, name)))
        yield done


def test_wherever_the_power_goes_the_old_pair_or_the_new_one_is_in_use(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0
    seen = set()
    while True:
        place = tmp_path / f"leg-{steps}"
        old = _renew(LegFolder(place), authority).serial_number
        cut = False
        with _stopped(steps, monkeypatch) as done:
            try:
                new = _renew(LegFolder(place), authority).serial_number
            except _PowerCut:
                cut = True
        in_use = _serial(place)
        seen.add("old" if in_use == old else "new")
        # Whoever comes next finds a whole pair, and can go on.
        chain = LegFolder(place).certificates()
        assert chain[0].serial_number == _serial(place)
        last = _renew(LegFolder(place), authority).serial_number
        assert _serial(place) == last
        if not cut:
            assert in_use == new
            break
        steps += 1
    assert len(done) == steps > 8
    assert seen == {"old", "new"}


def test_who_asks_again_asks_for_the_same_key(tmp_path: Path) -> None:
    first, again = (LegFolder(tmp_path / "leg").request(subject_of("gw-1")) for _ in range(2))
    assert first.public_key() == again.public_key()
    LegFolder(tmp_path / "leg").drop_request()
    assert LegFolder(tmp_path / "leg").request(subject_of("gw-1")).public_key() != first.public_key()


def test_what_does_not_fit_changes_nothing(authority: Authority, tmp_path: Path) -> None:
    folder = LegFolder(tmp_path / "leg")
    old = _renew(folder, authority).serial_number
    request = folder.request(subject_of("gw-1"))
    stranger = Authority(tmp_path / "stranger")
    stranger.create("north")
    other_key = LegFolder(tmp_path / "other").request(subject_of("gw-1"))
    wrong = {
        "is for": _certify(authority, request, "gw-2"),
        "no trusted authority": _certify(stranger, request),
        "is for the key": _certify(authority, other_key),
    }
    for said, certificate in wrong.items():
        with pytest.raises(IsolaneError, match=said):
            folder.install("gw-1", [certificate], [_ca(authority)])
        assert _serial(tmp_path / "leg") == old
    assert folder.install("gw-1", [_certify(authority, request)], [_ca(authority)]).serial_number != old


def test_a_ca_of_clients_alone_is_not_trusted_for_servers(authority: Authority, tmp_path: Path) -> None:
    issuer = Authority(tmp_path / "issuer")
    issuer.create("north", purposes=[_CLIENT], name="gateways")
    folder = LegFolder(tmp_path / "leg")
    made = _certify(issuer, folder.request(subject_of("gw-1")))
    folder.install("gw-1", [made], [_ca(issuer), _ca(authority)])
    assert (folder.current / "trust.pem").read_bytes() == _ca(authority).public_bytes(serialization.Encoding.PEM)
