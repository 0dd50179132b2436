"""This file asks for every route as every role (OC-02); it guards that what the written table does not allow is denied.

The case's roles are read as the center's: operator is dispatcher, approver is engineer, auditor is a program with
audit:read, and a gateway has a certificate, which is nothing at the console.
"""

import re
import tomllib
from pathlib import Path

from bench.attack.fill import UnknownError
from bench.attack.operations.court import Move, sentence, step
from bench.attack.operations.ground import CHARGER, GATEWAY, SITE, Actor, Center, program
from bench.attack.operations.request import Reply

from isolane.center.people.rights import RIGHTS, Right

sentence("matches", "authz.yaml")
sentence("default", "deny")
_RANKS = ("viewer", "dispatcher", "engineer", "admin")
_ROLE = {"viewer": "viewer", "operator": "dispatcher", "approver": "engineer", "admin": "admin"}
_LETTERS = {
    "id": "0" * 32, "user": "nobody", "tenant": "nobody", "session": "0" * 16, "number": "4000000000", "path:path": "x",
}  # fmt: skip
_OWNED = ("{site}", "{gateway}", "{jti}")
"""What a path can name that is one tenant's."""
_BODIES = {"/api/v1/commands/{jti}/signatures": {"kid": "0" * 64, "signature": "x"}}
"""Bodies that have to be read before anybody looks whose the thing is; they change nothing either."""
_ENDS = {("DELETE", "/api/v1/session"), ("POST", "/logout")}
"""Routes after which the caller is somebody new."""


def allowed(table: dict[str, dict[str, list[str]]], actor: Actor, route: str) -> bool:
    """Tell what the written table says."""
    groups = ["anybody"]
    if actor.role in _RANKS:
        groups += _RANKS[: _RANKS.index(actor.role) + 1]
    if actor.tenant == "*":
        groups.append(f"{actor.role}_of_all")
    return any(route in table[group]["routes"] for group in groups if group in table)


@step("matrix")
async def matrix(move: Move) -> None:
    """Ask for each route as each role of each tenant, at a site of each tenant."""
    if set(move.arg) != {"roles", "tenants"}:
        raise UnknownError(f"matrix {move.arg!r}")
    table = tomllib.loads((Path(__file__).parent / "authz.toml").read_text(encoding="utf-8"))
    wrong, asked, strange = [], 0, set()
    for tenant in (*move.arg["tenants"], "*"):
        for role in move.arg["roles"]:
            actor = await _actor(move.center, role, tenant)
            for right in RIGHTS:
                for site in SITE:
                    if site != "A" and not _is_owned(right):
                        continue
                    reply = await _ask(move.center, actor, right, site)
                    if (right.method, right.path) in _ENDS and actor.cookies:
                        actor = await _actor(move.center, role, tenant)
                    route = f"{right.method} {right.path}"
                    asked += 1
                    foreign = tenant not in {"*", site} and _is_owned(right)
                    may = allowed(table, actor, route)
                    if not _as_it_should(reply, may=may, foreign=foreign):
                        wrong.append(f"{role} of {tenant}: {route} at {site}: {reply.status}")
                        strange |= set() if _is_listed(table, route) else {route}
            if actor.cookies:
                me = await move.center.ask(actor, "GET", "/api/v1/session")
                wrong += [] if me.status == 200 else [f"{role} of {tenant} was not logged in: {me.status}"]
    move.center.notes.append(f"{asked} requests to {len(RIGHTS)} routes")
    move.center.measures["matches"] = "; ".join(wrong[:4])
    move.center.measures["default"] = f"not in the written table: {sorted(strange)}" if strange else ""


def _is_owned(right: Right) -> bool:
    return any(word in right.path for word in _OWNED)


def _is_listed(table: dict[str, dict[str, list[str]]], route: str) -> bool:
    return any(route in group["routes"] for group in table.values())


def _as_it_should(reply: Reply, *, may: bool, foreign: bool) -> bool:
    """Tell whether an answer fits: a foreign site does not exist, whoever may not is told so, nothing breaks."""
    if reply.status in {0, 500}:
        return False
    if not may:
        return reply.is_denied
    return reply.status == 404 if foreign else not reply.is_denied


async def _actor(center: Center, role: str, tenant: str) -> Actor:
    if role == "auditor":
        return program(role, tenant)
    if role == "gateway":
        return Actor(role, role, tenant)
    if role not in _ROLE:
        raise UnknownError(f"role {role}")
    return await center.person(tenant, _ROLE[role])


async def _ask(center: Center, actor: Actor, right: Right, site: str) -> Reply:
    """Ask with a body that changes nothing: it shows who is let through, and the room behind refuses it."""
    words = {**_LETTERS, "site": SITE[site], "charger": CHARGER[site], "device": CHARGER[site]}
    words |= {"gateway": GATEWAY[site], "jti": center.jti(site)}
    target = re.sub(r"\{([^}]+)\}", lambda found: words[found[1]], right.path)
    target = f"{target}/style.css" if target == "/static" else target
    if right.method in {"GET", "HEAD", "DELETE"}:
        return await center.ask(actor, right.method, target, listen_s=0.01)
    if not right.is_form:
        return await center.ask(actor, right.method, target, _BODIES.get(right.path, {"no-such-field": 1}))
    form = f"form_token={actor.form_token}".encode()
    kind = ("Content-Type: application/x-www-form-urlencoded",)
    return await center.ask(actor, right.method, target, fields=kind, body=form, own_page=True)
