"""This file defines the settings of who may come in and how the gateway speaks for a charger.

It guards that no combination of them is weaker than it looks: what contradicts itself is an error at the start.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from isolane.config.values import Address, Secret
from isolane.core.ids import is_charger_id

AuthMode = Literal["pass", "verify", "replace", "verify-and-replace"]

_VERIFYING = ("verify", "verify-and-replace")
_REPLACING = ("replace", "verify-and-replace")


class Listener(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One port that chargers connect to. With `certificate` it speaks TLS, without it plain WebSocket."""

    address: Annotated[Address, Meta(description="Where chargers connect, host:port")]
    certificate: Annotated[Path | None, Meta(description="PEM chain of this listener; none for plain ws")] = None
    key: Annotated[Path | None, Meta(description="PEM private key of `certificate`")] = None
    second_certificate: Annotated[
        Path | None,
        Meta(description="PEM chain with the other kind of key: OCPP wants an RSA and an ECDSA certificate"),
    ] = None
    second_key: Annotated[Path | None, Meta(description="PEM private key of `second_certificate`")] = None
    suites: Annotated[
        Literal["ocpp", "modern"],
        Meta(
            description="TLS 1.2 suites beside TLS 1.3. ocpp: the four that OCPP names; modern: the two of them that "
            "keep recorded sessions secret when the key is lost, for which chargers need ECDSA"
        ),
    ] = "ocpp"
    client_ca: Annotated[
        Path | None,
        Meta(description="PEM certificates that may sign charger certificates; set, a charger must have one"),
    ] = None
    crl: Annotated[
        Path | None,
        Meta(description="PEM revocation lists of the charger CAs; one that is out of date lets nobody in"),
    ] = None
    crl_check: Annotated[
        Literal["leaf", "chain"],
        Meta(
            description="Whether only the charger's certificate must be on no list, or each CA's too (needs all lists)"
        ),
    ] = "leaf"
    profile: Annotated[
        Annotated[int, Meta(ge=0, le=3)] | None,
        Meta(
            description="OCPP security profile: 0 none, 1 Basic over ws, 2 Basic over wss, 3 client certificate. Set, "
            "this port takes nothing less; none takes what its certificates and `auth` say",
        ),
    ] = None
    auth: Annotated[AuthMode | None, Meta(description="As access.auth, for this port alone; none takes the site's")] = (
        None
    )
    path: Annotated[
        str, Meta(description='Path before the charger\'s identity, "/ocpp" for /ocpp/CP1; "" for /CP1')
    ] = ""
    query: Annotated[
        Literal["pass", "refuse"], Meta(description="A query behind the identity goes to the CSMS, or is answered 400")
    ] = "pass"

    def __post_init__(self) -> None:
        """Check what belongs together.

        Raises:
            ValueError: A certificate without its key, what is for TLS without TLS, a profile that the certificates do
                not give, or a path of another form.
        """
        for certificate, key in (("certificate", "key"), ("second_certificate", "second_key")):
            if (getattr(self, certificate) is None) != (getattr(self, key) is None):
                raise ValueError(f"`{certificate}` and `{key}` belong together: give both or neither")
        for name in ("client_ca", "second_certificate"):
            if self.certificate is None and getattr(self, name) is not None:
                raise ValueError(f"`{name}` needs `certificate` and `key`")
        if self.crl is not None and self.client_ca is None:
            raise ValueError("`crl` needs `client_ca`")
        if self.profile is not None and self.profile not in self._profiles():
            raise ValueError(
                f"profile {self.profile} is not what the certificates give: 0 and 1 have none, 2 has `certificate`, "
                "3 has `client_ca` too"
            )
        if self.path and (not self.path.startswith("/") or self.path.endswith("/") or "//" in self.path):
            raise ValueError(f"path {self.path!r} must begin with / and not end with it")

    def _profiles(self) -> tuple[int, ...]:
        if self.certificate is None:
            return (0, 1)
        return (2,) if self.client_ca is None else (3,)

    def verifies(self, access: "Access") -> bool:
        """Tell whether a password is checked here; a client certificate stands for it."""
        return (self.auth or access.auth) in _VERIFYING and self.client_ca is None

    def replaces(self, access: "Access") -> bool:
        """Tell whether the gateway speaks for the charger at the CSMS."""
        return (self.auth or access.auth) in _REPLACING


class Access(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may come in, and with what."""

    auth: Annotated[
        AuthMode,
        Meta(
            description="pass: a charger's credential goes to the CSMS, which decides; verify: it is checked against "
            "`credentials` first; replace: the CSMS gets the gateway's credential for that charger instead, and "
            "whoever reaches the port is taken for it; verify-and-replace: both"
        ),
    ] = "pass"
    credentials: Annotated[
        Path | None, Meta(description="File of `isolane identity password`, mode 0600; what verify checks against")
    ] = None
    learn: Annotated[
        Literal["off", "from-csms"],
        Meta(
            description="When a password is not the stored one. off: a person changes the file; from-csms: the CSMS "
            "is asked, and what it takes becomes the stored one, so that a CSMS that changes a charger's password "
            "shuts no charger out. Only for a CSMS that checks each charger's password"
        ),
    ] = "off"
    failures_per_min: Annotated[
        int,
        Meta(
            description="Wrong passwords a minute from one address, and for one identity from one address, before 429",
            ge=1,
            le=1000,
        ),
    ] = 5
    state_dir: Annotated[
        Path | None,
        Meta(
            description="Folder that keeps the highest profile each charger has used; below it nobody comes in again "
            "until `isolane identity profile`. None keeps nothing"
        ),
    ] = None
    organisation: Annotated[
        str | None, Meta(description="O that a charger's certificate must have; none takes any")
    ] = None
    serials: Annotated[
        dict[str, str],
        Meta(description="CN of a charger's certificate by identity, where it is the serial number and no identity"),
    ] = {}
    password: Annotated[
        Secret | None, Meta(description="Basic password that replace sends for chargers without a [[value.retrofit]]")
    ] = None


class Retrofit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the gateway speaks at the CSMS for one charger that cannot do so itself."""

    charger: Annotated[str, Meta(description="Identity")]
    password: Annotated[Secret | None, Meta(description="Basic password for the CSMS")] = None
    is_hex: Annotated[bool, Meta(description="Whether the password's bytes are written in hex, as OCPP 1.6 does")] = (
        False
    )
    certificate: Annotated[Path | None, Meta(description="PEM chain of the charger's client certificate")] = None
    key: Annotated[Path | None, Meta(description="PEM private key of `certificate`")] = None

    def __post_init__(self) -> None:
        """Check what belongs together.

        Raises:
            ValueError: The identity cannot be, or there is nothing to speak with.
        """
        if not is_charger_id(self.charger):
            raise ValueError(f"charger {self.charger!r} cannot be an identity")
        if (self.certificate is None) != (self.key is None):
            raise ValueError("`certificate` and `key` belong together: give both or neither")
        if self.certificate is None and self.password is None:
            raise ValueError("give a `password`, or `certificate` and `key`")


def check_access(
    access: Access, listeners: Sequence[Listener], retrofit: Sequence[Retrofit], urls: Sequence[str]
) -> None:
    """Check what the tables say together.

    Raises:
        ValueError: They contradict each other.
    """
    for listener in listeners:
        mode = listener.auth or access.auth
        if listener.verifies(access) and access.credentials is None:
            raise ValueError(f'auth "{mode}" needs access.credentials')
        if listener.profile == 0 and mode in _VERIFYING:
            raise ValueError(f'profile 0 has no password, which auth "{mode}" checks')
        if listener.profile in {1, 2} and mode == "replace":
            raise ValueError(f'profile {listener.profile} with auth "replace" checks no password: "verify-and-replace"')
    if access.learn != "off" and all((listener.auth or access.auth) == "pass" for listener in listeners):
        raise ValueError('access.learn is for auth "verify" or "replace": with "pass" nothing is stored')
    replacing = any(listener.replaces(access) for listener in listeners)
    speaks = bool(retrofit) or access.password is not None
    if speaks and not replacing:
        raise ValueError('`retrofit` and access.password need auth = "replace" or "verify-and-replace" at a port')
    if speaks and any(not url.startswith("wss://") for url in urls):
        raise ValueError("`retrofit` and access.password are for wss:// only: no credential of ours goes in the clear")
    if len({entry.charger for entry in retrofit}) != len(retrofit):
        raise ValueError("a charger stands twice under `retrofit`")
