"""This file states what pages and API may ask of people and machines; it guards that who asks is never an argument.

Whoever calls is known from the request (`people_views.caller`, `people_views.visit`), so no page can mistake him. Names
of people whom the caller may not know of are answered as if they did not exist.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from isolane.center.store.people_views import (
    AuditEntry,
    Caller,
    PersonEntry,
    Role,
    Scope,
    SessionEntry,
    TenantEntry,
    TokenEntry,
)


class Refusal(StrEnum):
    """Why something was not done."""

    WRONG = "wrong"
    """Name and password do not belong together."""
    TOO_MANY = "too-many"
    """Too many log-ins have failed; later."""
    BUSY = "busy"
    """Too many log-ins are being looked at; later."""
    FORBIDDEN = "forbidden"
    """The caller may not do this to that."""
    MISSING = "missing"
    """There is nothing of that name."""
    TAKEN = "taken"
    """There is something of that name."""
    INVALID = "invalid"
    """The value cannot be."""


class RefusedError(Exception):
    """Nothing was done.

    Args:
        refusal: Why.
        sentence: The same for a person, without a full stop.
    """

    def __init__(self, refusal: Refusal, sentence: str) -> None:
        super().__init__(sentence)
        self.refusal = refusal
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Somebody who is to be added; without a password only an identity provider can vouch for him."""

    name: str
    role: Role
    tenants: list[str]
    password: str | None = None


@dataclass(frozen=True, slots=True)
class PersonChange:
    """What is to be changed; None stays."""

    role: Role | None = None
    tenants: list[str] | None = None
    disabled: bool | None = None
    password: str | None = None


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A log-in that held: who it is and the Set-Cookie lines for his browser."""

    caller: Caller
    cookies: list[str]


class Door(Protocol):
    """Coming and going. Every method raises `RefusedError`."""

    @property
    def has_provider(self) -> bool:
        """Whether one can log in through an identity provider."""
        ...

    async def log_in(self, name: str, password: str) -> LoggedIn:
        """Check a password and open a session; the browser's former session ends."""
        ...

    async def log_out(self) -> list[str]:
        """End all sessions of the caller; gives Set-Cookie lines."""
        ...

    async def change_password(self, old: str, new: str) -> LoggedIn:
        """Change the caller's password; all his sessions end and this browser gets a new one."""
        ...

    async def to_provider(self) -> tuple[str, str]:
        """Begin a log-in at the identity provider: the address to go to and a Set-Cookie line."""
        ...

    async def from_provider(self, query: dict[str, str]) -> LoggedIn:
        """End it with what the provider sent back."""
        ...


class Desk(Protocol):
    """Keeping people, machines and tenants. Every method raises `RefusedError`."""

    async def people(self) -> list[PersonEntry]:
        """Give those whose tenants are all the caller's, by name."""
        ...

    async def add_person(self, new: NewPerson) -> PersonEntry:
        """Add somebody with no more tenants than the caller has."""
        ...

    async def change_person(self, name: str, change: PersonChange) -> PersonEntry:
        """Change somebody else; all his sessions end."""
        ...

    async def sessions(self, person: str | None = None) -> list[SessionEntry]:
        """Give the caller's own, or those of somebody whom he may change."""
        ...

    async def end_session(self, id_: str) -> None:
        """End one of the caller's, or of somebody whom he may change."""
        ...

    async def tokens(self) -> list[TokenEntry]:
        """Give those whose tenants are all the caller's, newest first."""
        ...

    async def add_token(self, name: str, scopes: list[Scope], tenants: list[str], days: int) -> tuple[TokenEntry, str]:
        """Make one; its secret is given this once."""
        ...

    async def revoke_token(self, number: int) -> None:
        """End one for good."""
        ...

    async def tenants(self) -> list[TenantEntry]:
        """Give all, by name."""
        ...

    async def add_tenant(self, name: str) -> TenantEntry:
        """Add one."""
        ...

    async def assign(self, site: str, tenant: str) -> None:
        """Give a site to a tenant."""
        ...

    async def audit(self, before: int | None, limit: int) -> list[AuditEntry]:
        """Give lines, newest first; those before a number, if one is given."""
        ...
