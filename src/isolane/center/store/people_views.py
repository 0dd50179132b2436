"""This file defines who asks and what is shown of people; it guards that no view holds a secret or its hash.

All times are UTC in ms.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

EVERYWHERE = "*"
"""Instead of tenants' names: all of them, and sites that belong to none."""


GATE = "isolane.gate"
"""Where the gate leaves, in a request's scope, the path of the route that it has let the request through to."""


class Role(StrEnum):
    """What a person is at the center; what each may do is in ``people.rights``."""

    VIEWER = "viewer"
    DISPATCHER = "dispatcher"
    TECHNICIAN = "technician"
    ENGINEER = "engineer"
    ADMIN = "admin"


class Scope(StrEnum):
    """What a program may do with its token."""

    TELEMETRY_READ = "telemetry:read"
    BOOKS_READ = "books:read"
    AUDIT_READ = "audit:read"
    COMMANDS_READ = "commands:read"
    COMMANDS_SIGN = "commands:sign"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as his session or token says and nothing else.

    Attributes:
        name: Person's or token's name; "" for whoever reaches a center without people.
        role: His role; None for a program, which has scopes instead.
        tenants: Names of his tenants, None for all.
        sites: Sites he may know of, None for all. Every answer holds facts of these only.
        scopes: A program's.
        form_token: What a form of his must carry; "" where none is needed.
        open: Whether the center has no people yet and is open to whoever reaches it.
    """

    name: str
    role: Role | None
    tenants: frozenset[str] | None
    sites: frozenset[str] | None
    scopes: frozenset[Scope] = frozenset()
    form_token: str = ""
    open: bool = False

    def sees(self, site: str) -> bool:
        """Tell whether he may know of a site."""
        return self.sites is None or site in self.sites


@dataclass(frozen=True, slots=True)
class Visit:
    """How a request came.

    Attributes:
        address: From where, as seen by the center or told by a proxy that it trusts.
        agent: What the browser calls itself, cut.
        session: The session cookie's value, "" without one.
        device: The cookie that says which browser this is, "" without one.
        pending: The cookie of a log-in that is under way at an identity provider, "" without one.
    """

    address: str = ""
    agent: str = ""
    session: str = ""
    device: str = ""
    pending: str = ""


class AtSite(Protocol):
    """Anything that belongs to a site."""

    @property
    def site(self) -> str:
        """Site name."""
        ...


_AtSite = TypeVar("_AtSite", bound=AtSite)

_CALLER: ContextVar[Caller | None] = ContextVar("caller", default=None)
_VISIT: ContextVar[Visit] = ContextVar("visit", default=Visit())  # noqa: B039 - it is frozen


def set_caller(who: Caller, how: Visit) -> None:
    """Say who asks in this request, and how; for the gate that has found out, and nobody else."""
    _CALLER.set(who)
    _VISIT.set(how)


def visit() -> Visit:
    """Give how this request came."""
    return _VISIT.get()


def caller_or_none() -> Caller | None:
    """Give who asks; None outside a request that has passed the gate."""
    return _CALLER.get()


def caller() -> Caller:
    """Give who asks in this request.

    Raises:
        LookupError: No gate stands before this request: it must not be answered.
    """
    found = _CALLER.get()
    if found is None:
        raise LookupError("this request has passed no gate")
    return found


def seen(entries: list[_AtSite]) -> list[_AtSite]:
    """Give the entries of sites that the caller may know of."""
    who = caller()
    return entries if who.sites is None else [entry for entry in entries if entry.site in who.sites]


@dataclass(frozen=True, slots=True)
class PersonEntry:
    """Somebody who may log in.

    Attributes:
        name: What he logs in with.
        role: See `Role`.
        tenants: Names of his tenants; ``*`` for all.
        has_password: Whether he can log in with one.
        from_provider: Whether an identity provider vouches for him.
        disabled: Whether he may not log in.
        created_ms: Since when he is known.
    """

    name: str
    role: str
    tenants: list[str]
    has_password: bool
    from_provider: bool
    disabled: bool
    created_ms: int


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """A log-in that holds; `id` ends it and opens nothing."""

    id: str
    person: str
    created_ms: int
    seen_ms: int
    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class TokenEntry:
    """A program's token, without its secret.

    `state` is "valid", "expired", "revoked", or "stopped" while who made it is disabled.
    """

    number: int
    name: str
    scopes: list[str]
    tenants: list[str]
    created_ms: int
    created_by: str
    expires_ms: int
    state: str


@dataclass(frozen=True, slots=True)
class TenantEntry:
    """A tenant and its sites."""

    name: str
    sites: list[str]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what, to what, when, from where; `number` only grows."""

    number: int
    at_ms: int
    who: str
    what: str
    subject: str
    address: str
