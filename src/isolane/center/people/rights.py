"""This file says who may ask for what; it guards that a route that does not stand here is answered to nobody.

One line per route, in the order in which the application tries them. People need one of the line's roles, programs its
scope (a line without a scope is for people only). Everybody sees the sites of his own tenants alone: the gate refuses
a foreign `site` in path or query, and what a route lists it puts through `people_views.seen`. `EVERYWHERE` lines are
for those whose tenants are all.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from isolane.center.store.people_views import Caller, Role, Scope
from isolane.core.failures import IsolaneError


class Who(StrEnum):
    """Which people."""

    ANYBODY = "anybody"
    """Without a log-in."""
    ANY_ROLE = "any role"
    OPERATE = "dispatcher, technician, engineer, admin"
    ENGINEER = "engineer, admin"
    ADMIN = "admin"
    PERSON = "whoever is logged in"
    """About himself; not while the center has no people."""


_ROLES: Final[dict[Who, frozenset[Role]]] = {
    Who.ANYBODY: frozenset(Role),
    Who.ANY_ROLE: frozenset(Role),
    Who.PERSON: frozenset(Role),
    Who.OPERATE: frozenset(Role) - {Role.VIEWER},
    Who.ENGINEER: frozenset({Role.ENGINEER, Role.ADMIN}),
    Who.ADMIN: frozenset({Role.ADMIN}),
}


@dataclass(frozen=True, slots=True)
class Right:
    """One line of the table.

    Attributes:
        method: HTTP method.
        path: Path of the route, as it is written where the route is made; ``/static`` is a folder.
        who: People.
        scope: Programs; None for none.
        everywhere: Whether only those may whose tenants are all.
        is_form: Whether a page's form sends it; else a body must be JSON.
        is_stream: Whether the answer goes on for ever; it ends with the session.
    """

    method: str
    path: str
    who: Who
    scope: Scope | None = None
    everywhere: bool = False
    is_form: bool = False
    is_stream: bool = False

    def allows(self, caller: Caller) -> bool:
        """Tell whether a caller may, whatever the site."""
        if self.who is Who.ANYBODY:
            return True
        if self.everywhere and caller.tenants is not None:
            return False
        if caller.role is None:
            return self.scope is not None and self.scope in caller.scopes
        return caller.role in _ROLES[self.who] and not (caller.open and self.who is Who.PERSON)


_API = "/api/v1"
_READ, _BOOKS = Scope.TELEMETRY_READ, Scope.BOOKS_READ
_COMMANDS, _SIGN = Scope.COMMANDS_READ, Scope.COMMANDS_SIGN

RIGHTS: Final[tuple[Right, ...]] = (
    Right("GET", f"{_API}/openapi.json", Who.ANYBODY),
    Right("HEAD", f"{_API}/openapi.json", Who.ANYBODY),
    Right("GET", "/static", Who.ANYBODY),
    Right("HEAD", "/static", Who.ANYBODY),
    Right("GET", "/.well-known/security.txt", Who.ANYBODY),
    Right("HEAD", "/.well-known/security.txt", Who.ANYBODY),
    # Facts
    Right("GET", f"{_API}/sites", Who.ANY_ROLE, _READ),
    Right("GET", f"{_API}/chargers", Who.ANY_ROLE, _READ),
    Right("GET", f"{_API}/chargers/{{site}}/{{charger}}/signals", Who.ANY_ROLE, _READ),
    Right("GET", f"{_API}/series", Who.ANY_ROLE, _READ),
    Right("GET", f"{_API}/live/{{site}}/{{charger}}", Who.ANY_ROLE, _READ, is_stream=True),
    Right("GET", f"{_API}/live", Who.ANY_ROLE, _READ, is_stream=True),
    Right("GET", f"{_API}/ledger", Who.ANY_ROLE, _BOOKS),
    Right("GET", f"{_API}/quarantine", Who.ANY_ROLE, _BOOKS),
    Right("GET", f"{_API}/healthz", Who.ANYBODY),
    # Alerts
    Right("GET", f"{_API}/alerts", Who.ANY_ROLE, _READ),
    Right("GET", f"{_API}/alerts/counts", Who.ANY_ROLE, _READ),
    Right("GET", f"{_API}/alerts/live", Who.ANY_ROLE, _READ, is_stream=True),
    Right("GET", f"{_API}/alerts/{{number}}", Who.ANY_ROLE, _READ),
    Right("POST", f"{_API}/alerts/{{number}}/ack", Who.OPERATE),
    Right("POST", f"{_API}/alerts/{{number}}/comment", Who.OPERATE),
    Right("POST", f"{_API}/alerts/{{number}}/assign", Who.OPERATE),
    Right("POST", f"{_API}/alerts/{{number}}/close", Who.OPERATE),
    Right("GET", f"{_API}/silences", Who.ANY_ROLE, _READ),
    Right("POST", f"{_API}/silences", Who.OPERATE),
    Right("DELETE", f"{_API}/silences/{{number}}", Who.OPERATE),
    # Health
    Right("GET", f"{_API}/health/parts", Who.ANY_ROLE, _READ),
    Right("GET", f"{_API}/health/parts/{{number}}", Who.ANY_ROLE, _READ),
    Right("GET", f"{_API}/health/changes", Who.ANY_ROLE, _READ),
    Right("GET", f"{_API}/health/worst", Who.ANY_ROLE, _READ),
    # Snapshots
    Right("GET", f"{_API}/snapshots", Who.ANY_ROLE, _READ),
    Right("POST", f"{_API}/snapshots/erase", Who.ADMIN),
    Right("GET", f"{_API}/snapshots/{{id}}", Who.ANY_ROLE, _READ),
    Right("DELETE", f"{_API}/snapshots/{{id}}", Who.ADMIN),
    Right("GET", f"{_API}/snapshots/{{id}}/series", Who.ANY_ROLE, _READ),
    Right("GET", f"{_API}/snapshots/{{id}}/file", Who.ANY_ROLE, _READ),
    Right("GET", f"{_API}/snapshots/{{id}}/report", Who.ANY_ROLE, _READ),
    Right("PUT", f"{_API}/snapshots/{{id}}/hold", Who.ENGINEER),
    Right("DELETE", f"{_API}/snapshots/{{id}}/hold", Who.ENGINEER),
    # Figures
    Right("GET", f"{_API}/kpis", Who.ANY_ROLE, _READ),
    Right("GET", f"{_API}/kpis/evidence", Who.ANY_ROLE, _READ),
    Right("GET", f"{_API}/kpis/response", Who.ANY_ROLE, _READ),
    Right("GET", f"{_API}/kpis/exclusions", Who.ANY_ROLE, _READ),
    Right("POST", f"{_API}/kpis/exclusions", Who.ENGINEER),
    Right("DELETE", f"{_API}/kpis/exclusions/{{number}}", Who.ENGINEER),
    Right("GET", f"{_API}/kpis/nameplates", Who.ANY_ROLE, _READ),
    Right("POST", f"{_API}/kpis/nameplates", Who.ENGINEER),
    # Commands; which class a role may propose stands in store.command_rights
    Right("GET", f"{_API}/commands", Who.ANY_ROLE, _COMMANDS),
    Right("POST", f"{_API}/commands", Who.OPERATE),
    Right("GET", f"{_API}/commands/{{jti}}", Who.ANY_ROLE, _COMMANDS),
    Right("GET", f"{_API}/commands/{{jti}}/proof", Who.ANY_ROLE, _COMMANDS),
    Right("POST", f"{_API}/commands/{{jti}}/signatures", Who.OPERATE, _SIGN),
    Right("POST", f"{_API}/commands/{{jti}}/withdraw", Who.OPERATE),
    Right("GET", f"{_API}/verbs", Who.ANY_ROLE, _COMMANDS),
    Right("GET", f"{_API}/statements", Who.ANY_ROLE, _COMMANDS),
    Right("GET", f"{_API}/audits/{{gateway}}", Who.ANY_ROLE, _COMMANDS),
    Right("GET", f"{_API}/keys", Who.ANY_ROLE, _COMMANDS),
    # Coming and going
    Right("POST", f"{_API}/session", Who.ANYBODY),
    Right("GET", f"{_API}/session", Who.ANY_ROLE),
    Right("DELETE", f"{_API}/session", Who.PERSON),
    Right("PUT", f"{_API}/password", Who.PERSON),
    Right("GET", f"{_API}/sessions", Who.PERSON),
    Right("DELETE", f"{_API}/sessions/{{session}}", Who.PERSON),
    # People, machines, tenants
    Right("GET", f"{_API}/users", Who.ADMIN),
    Right("POST", f"{_API}/users", Who.ADMIN),
    Right("PATCH", f"{_API}/users/{{user}}", Who.ADMIN),
    Right("GET", f"{_API}/tokens", Who.ADMIN),
    Right("POST", f"{_API}/tokens", Who.ADMIN),
    Right("DELETE", f"{_API}/tokens/{{number}}", Who.ADMIN),
    Right("GET", f"{_API}/tenants", Who.ADMIN, everywhere=True),
    Right("POST", f"{_API}/tenants", Who.ADMIN, everywhere=True),
    Right("PUT", f"{_API}/tenants/{{tenant}}/sites/{{site}}", Who.ADMIN, everywhere=True),
    Right("GET", f"{_API}/audit", Who.ADMIN, Scope.AUDIT_READ, everywhere=True),
    Right("GET", f"{_API}/{{path:path}}", Who.ANY_ROLE),
    # Pages
    Right("GET", "/login", Who.ANYBODY),
    Right("POST", "/login", Who.ANYBODY, is_form=True),
    Right("GET", "/login/provider", Who.ANYBODY),
    Right("GET", "/login/callback", Who.ANYBODY),
    Right("POST", "/logout", Who.PERSON, is_form=True),
    Right("GET", "/account", Who.PERSON),
    Right("POST", "/account/password", Who.PERSON, is_form=True),
    Right("POST", "/account/sessions", Who.PERSON, is_form=True),
    Right("GET", "/users", Who.ADMIN),
    Right("POST", "/users", Who.ADMIN, is_form=True),
    Right("POST", "/users/tokens", Who.ADMIN, is_form=True),
    Right("POST", "/users/tokens/{number}", Who.ADMIN, is_form=True),
    Right("POST", "/users/{user}", Who.ADMIN, is_form=True),
    Right("GET", "/", Who.ANY_ROLE),
    Right("GET", "/fragments/fleet", Who.ANY_ROLE),
    Right("GET", "/ledger", Who.ANY_ROLE),
    Right("GET", "/fragments/ledger", Who.ANY_ROLE),
    Right("GET", "/alarms", Who.ANY_ROLE),
    Right("GET", "/fragments/alarms", Who.ANY_ROLE),
    Right("GET", "/alarms/{number}", Who.ANY_ROLE),
    Right("POST", "/alarms/{number}", Who.OPERATE, is_form=True),
    Right("GET", "/kpis", Who.ANY_ROLE),
    Right("GET", "/kpis/port", Who.ANY_ROLE),
    Right("GET", "/kpis/response", Who.ANY_ROLE),
    Right("GET", "/kpis/entries", Who.ANY_ROLE),
    Right("POST", "/kpis/exclusions", Who.ENGINEER, is_form=True),
    Right("POST", "/kpis/exclusions/{number}", Who.ENGINEER, is_form=True),
    Right("POST", "/kpis/nameplates", Who.ENGINEER, is_form=True),
    Right("GET", "/changes", Who.ANY_ROLE),
    Right("GET", "/fragments/changes", Who.ANY_ROLE),
    Right("GET", "/snapshots", Who.ANY_ROLE),
    Right("GET", "/snapshots/{id}", Who.ANY_ROLE),
    Right("POST", "/snapshots/{id}", Who.ENGINEER, is_form=True),
    Right("POST", "/snapshots/{id}/delete", Who.ADMIN, is_form=True),
    Right("GET", "/fragments/snapshots", Who.ANY_ROLE),
    Right("GET", "/fragments/snapshots/{id}", Who.ANY_ROLE),
    Right("GET", "/fragments/snapshots/{site}/{device}", Who.ANY_ROLE),
    Right("GET", "/fragments/alarms/{number}/snapshots", Who.ANY_ROLE),
    Right("GET", "/commands", Who.ANY_ROLE),
    Right("GET", "/fragments/commands", Who.ANY_ROLE),
    Right("GET", "/commands/new", Who.ANY_ROLE),
    Right("POST", "/commands", Who.OPERATE, is_form=True),
    Right("GET", "/commands/{jti}", Who.ANY_ROLE),
    Right("POST", "/commands/{jti}", Who.OPERATE, is_form=True),
    Right("GET", "/fragments/commands/{jti}", Who.ANY_ROLE),
    Right("GET", "/fragments/gateways/{site}/{gateway}", Who.ANY_ROLE),
    Right("GET", "/audits/{site}/{gateway}", Who.ANY_ROLE),
    Right("GET", "/health", Who.ANY_ROLE),
    Right("GET", "/health/fleet", Who.ANY_ROLE),
    Right("GET", "/chargers/{site}/{device}/health", Who.ANY_ROLE),
    Right("GET", "/fragments/health/{site}/{device}", Who.ANY_ROLE),
    Right("GET", "/chargers/{site}/{device}/siblings", Who.ANY_ROLE),
    Right("GET", "/fragments/siblings/{site}/{device}", Who.ANY_ROLE),
    Right("GET", "/chargers/{site}/{device}", Who.ANY_ROLE),
    Right("GET", "/{path:path}", Who.ANY_ROLE),
)


class RightsTable:
    """The table, ready to be asked.

    Args:
        rights: Its lines.
    """

    def __init__(self, rights: Iterable[Right] = RIGHTS) -> None:
        self._lines = [(_pattern(right.path), right) for right in rights]

    def find(self, method: str, path: str) -> tuple[Right, dict[str, str]] | None:
        """Find a request's line and what its path names; None if there is none, so that nobody may."""
        for pattern, right in self._lines:
            if right.method == method and (match := pattern.fullmatch(path)) is not None:
                return right, match.groupdict()
        return None

    def is_public(self, path: str) -> bool:
        """Tell whether nobody needs to log in to ask for a path, with one of its methods at least."""
        return any(right.who is Who.ANYBODY and pattern.fullmatch(path) for pattern, right in self._lines)

    def check(self, routes: Iterable[tuple[str, str]]) -> None:
        """Check that the table has each route of an application.

        Args:
            routes: Method and path of each.

        Raises:
            IsolaneError: It lacks some.
        """
        known = {(right.method, right.path) for _, right in self._lines}
        lacking = sorted(f"{method} {path}" for method, path in set(routes) - known)
        if lacking:
            raise IsolaneError(
                f"nobody may ask for {', '.join(lacking)}", "say who may in src/isolane/center/people/rights.py"
            )


def _pattern(path: str) -> re.Pattern[str]:
    """Read a path as the application does."""
    if path == "/static":
        return re.compile("/static/.*", re.DOTALL)
    steps = re.split(r"\{(\w+(?::path)?)\}", path)
    for at in range(1, len(steps), 2):
        name, _, kind = steps[at].partition(":")
        steps[at] = f"(?P<{name}>.*)" if kind else f"(?P<{name}>[^/]+)"
    return re.compile("".join(part if at % 2 else re.escape(part) for at, part in enumerate(steps)))
