"""This file defines [center.access]; it guards that what lets people in from the network is said in one place."""

from pathlib import Path
from typing import Annotated

import msgspec

from isolane.config.values import Secret


class ProviderSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An OpenID Connect identity provider that vouches for people."""

    issuer: Annotated[
        str, msgspec.Meta(description="Address of the provider, https://host[/path], as its tokens name it")
    ]
    client_id: Annotated[str, msgspec.Meta(description="What the provider calls this center", max_length=256)]
    client_secret: Annotated[Secret, msgspec.Meta(description="What this center proves itself with")]
    hosts: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="Further host[:port] that the provider's endpoints may have; else the issuer's alone"),
    ] = ()
    ca: Annotated[
        Path | None, msgspec.Meta(description="PEM certificates that may sign the provider's; none: the system's")
    ] = None
    scopes: Annotated[str, msgspec.Meta(description="What is asked for, words parted by spaces")] = (
        "openid profile email"
    )
    name_claim: Annotated[
        str, msgspec.Meta(description="Claim of the ID token that gives somebody's name here, if his name is free")
    ] = "preferred_username"
    role_claim: Annotated[str, msgspec.Meta(description="Claim that `roles` reads; text or a list of texts")] = "roles"
    roles: Annotated[
        dict[str, str],
        msgspec.Meta(
            description="Role by value of `role_claim`: viewer, dispatcher, technician, engineer or admin. Of several "
            "the highest; who has none does not get in"
        ),
    ]
    tenant_claim: Annotated[str, msgspec.Meta(description="Claim that `tenants` reads; text or a list of texts")] = (
        "tenant"
    )
    tenants: Annotated[
        dict[str, str],
        msgspec.Meta(description='Tenant by value of `tenant_claim`; "*" for all. Who has none does not get in'),
    ]


class AccessSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How people get to the console and the API."""

    origin: Annotated[
        str | None,
        msgspec.Meta(
            description="What browsers have in their address line, https://host[:port]; needed with `certificate`, "
            "`proxies` or `provider`"
        ),
    ] = None
    certificate: Annotated[
        Path | None, msgspec.Meta(description="PEM chain for HTTPS on [center] console; none for plain HTTP")
    ] = None
    key: Annotated[Path | None, msgspec.Meta(description="PEM private key of `certificate`")] = None
    proxies: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description="Addresses of proxies that end TLS before the console; their X-Forwarded-For is believed"
        ),
    ] = ()
    idle_minutes: Annotated[
        int, msgspec.Meta(description="A session that was not used for so long is over, min", ge=2, le=10_080)
    ] = 60
    session_hours: Annotated[
        int, msgspec.Meta(description="A session is over after so long, used or not, h", ge=1, le=720)
    ] = 12
    requests_per_s: Annotated[
        float, msgspec.Meta(description="Requests a second of one person, token or address; more get 429", ge=1, le=1e5)
    ] = 50.0
    burst_requests: Annotated[
        int, msgspec.Meta(description="Requests that may come at once after a rest", ge=10, le=100_000)
    ] = 400
    streams_max: Annotated[
        int,
        msgspec.Meta(
            description="Live streams that one person or token may hold at once; more get 429. A page with live values "
            "holds one; the center has 200",
            ge=1,
            le=200,
        ),
    ] = 20
    security_contact: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description="Whom to tell of a vulnerability, for /.well-known/security.txt (RFC 9116): https://, mailto: "
            "or tel:; the first is preferred. None: no such file"
        ),
    ] = ()
    security_expires: Annotated[
        str | None,
        msgspec.Meta(
            description="When that has to be looked at again, 2030-01-01T00:00:00Z; from then on no such file"
        ),
    ] = None
    provider: Annotated[
        ProviderSettings | None, msgspec.Meta(description="Identity provider that vouches for people (OIDC)")
    ] = None

    @property
    def is_public(self) -> bool:
        """Whether the network may reach the console, directly or through a proxy."""
        return self.certificate is not None or bool(self.proxies)
