"""This file is a circle of people with encrypted keys, and what is proposed to them; it guards that all are real."""

import base64
import secrets
from pathlib import Path

import msgspec

from isolane.security.key_files import make_key
from isolane.security.key_manifest import Role, Trusted, first
from isolane.security.signing import Signer
from isolane.wire.command import Approval, Command, Request
from support.signers import Holder, holder, manifest, signed

UTC_S = 1_700_000_000
PASSPHRASE = "four plain words here"


class Circle:
    """Who may command: ann operates, bob approves, vic looks; two hold the root."""

    def __init__(self, folder: Path, utc_s: int = UTC_S) -> None:
        self.folder, self.utc_s = folder, utc_s
        self.roots = [holder(folder, name, "root") for name in ("rita", "rob")]
        self.ann = self._locked("ann", "operator")
        self.bob = self._locked("bob", "approver")
        self.vic = self._locked("vic", "viewer")
        self.keys = folder / "keys.jws"
        self.keys.write_bytes(self.manifest(1))

    def _locked(self, person: str, role: Role) -> Holder:
        path = self.folder / f"{person}.pem"
        make_key(path, "ed25519", PASSPHRASE.encode())
        return Holder(person, role, Signer(path, PASSPHRASE.encode()))

    def manifest(self, version: int, expires: int = 0, holders: list[Holder] | None = None) -> bytes:
        known = [*self.roots, *(holders or [self.ann, self.bob, self.vic])]
        return signed(
            manifest(version, known, issued=self.utc_s - 100, expires=expires or self.utc_s + 86_400), self.roots
        )

    @property
    def trusted(self) -> Trusted:
        return first(self.keys.read_bytes())

    def command(self, verb: str = "status", **changed: object) -> Command:
        kind, need = {"freeze.set": ("R4", 1), "freeze.clear": ("R4", 2)}.get(verb, ("R0", 1))
        command = Command(
            v=1,
            jti=base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode(),
            iss="center",
            aud="gw-01",
            verb=verb,
            args={},
            pre=(),
            req=Request(sub="ann", role="operator", ticket="T-1", reason="it hangs"),
            appr=msgspec.convert({"class": kind, "need": need}, Approval),
            iat=UTC_S,
            nbf=UTC_S,
            exp=UTC_S + 300,
            boot="B" * 22,
            chal="C" * 22,
            seq=1,
            keys_ver=1,
        )
        return msgspec.structs.replace(command, **changed)
