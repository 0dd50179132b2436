"""This file asks tenant A's people for what is B's (OC-03) and slips fields in (OC-16); it guards that A stays A."""

from typing import Any

from bench.attack.fill import UnknownError
from bench.attack.operations.court import Move, step
from bench.attack.operations.ground import CHARGER, GATEWAY, PASSWORD, SIGNAL, SITE, T0_MS, Actor, Center
from bench.attack.operations.proposals import VERB
from bench.attack.operations.request import Reply

_TO_MS = T0_MS + 60_000
_SERIES = "site={}&charger={}&signal={}&from_ms=" + f"{T0_MS}&to_ms={_TO_MS}"


def _named(where: str, tenant: str) -> list[tuple[str, str, Any]]:
    """Give requests that name a tenant's things: method, target, body."""
    site, charger, signal = SITE[tenant], CHARGER[tenant], SIGNAL[tenant].replace("/", "%2F")
    series = f"/api/v1/series?{_SERIES.format(site, charger, signal)}"
    why = {"ticket": "x", "reason": "x"}
    user, word = f"{tenant.lower()}-viewer", tenant.lower()
    plate = {"site": site, "charger": charger, "model": "x", "rated_w": 1}
    span = {"site": site, "charger": charger, "from_ms": T0_MS, "to_ms": _TO_MS, "reason": "utility", "evidence": "x"}
    requests: dict[str, list[tuple[str, str, Any]]] = {
        "path": [
            ("GET", f"/api/v1/chargers/{site}/{charger}/signals", None),
            ("GET", f"/chargers/{site}/{charger}", None),
            ("PATCH", f"/api/v1/users/{user}", {"disabled": True}),
            ("GET", f"/api/v1/audits/{GATEWAY[tenant]}", None),
            ("GET", f"/audits/{site}/{GATEWAY[tenant]}", None),
        ],
        "query": [
            ("GET", f"/api/v1/chargers?site={site}", None),
            ("GET", f"/api/v1/chargers?site={SITE['A']}&site={site}", None),
            ("GET", series, None),
            ("GET", f"/api/v1/sessions?user={user}", None),
        ],
        "filter": [
            ("GET", f"/api/v1/ledger?site={site}", None),
            ("GET", f"/api/v1/alerts?site={site}", None),
            ("GET", f"/api/v1/commands?site={site}", None),
        ],
        "export": [("GET", f"{series}&format=csv", None)],
        "body": [
            ("POST", "/api/v1/silences", {"site": site, "minutes": 5, "reason": "x"}),
            (
                "POST",
                "/api/v1/commands",
                {"gateway": GATEWAY[tenant], "verb": VERB, "args": {"charger": charger}, **why},
            ),
            ("POST", "/api/v1/kpis/nameplates", plate),
            ("POST", "/api/v1/kpis/exclusions", span),
            ("POST", "/api/v1/users", {"name": f"new-{word}", "role": "viewer", "tenants": [word]}),
            ("POST", "/api/v1/tokens", {"name": "x", "scopes": ["telemetry:read"], "tenants": [word], "days": 1}),
        ],
        "feed": [("GET", f"/api/v1/live/{site}/{charger}", None)],
    }
    return requests[where]


async def _commands(center: Center, actor: Actor) -> list[str]:
    """Ask for A's proposed command by its name, which must be given, and for B's, also to sign and withdraw it."""
    wrong = []
    paths = ("/api/v1/commands/{}", "/api/v1/commands/{}/proof", "/commands/{}", "/fragments/commands/{}")
    for path in paths:
        await must_do(center, actor, ("GET", path.format(center.jti("A")), None))
    asked: list[tuple[str, str, Any]] = [("GET", path, None) for path in paths]
    asked += [
        ("POST", "/api/v1/commands/{}/signatures", {"kid": "0" * 64, "signature": "x"}),
        ("POST", "/api/v1/commands/{}/withdraw", None),
    ]
    for method, path, body in asked:
        before = center.rows()
        reply = await center.ask(actor, method, path.format(center.jti("B")), body)
        if reply.status != 404 or center.rows() != before:
            wrong.append(f"{method} {path} of B's: {reply.status}")
    return wrong


_LISTS = {
    "path": [
        "/",
        "/fragments/fleet",
        "/alarms",
        "/fragments/alarms",
        "/ledger",
        "/fragments/ledger",
        "/users",
        "/commands",
        "/fragments/commands",
        "/commands/new",
    ],
    "query": ["/api/v1/sites", "/api/v1/chargers", "/api/v1/users", "/api/v1/tokens", "/api/v1/sessions"],
    "filter": [
        "/api/v1/ledger",
        "/api/v1/quarantine",
        "/api/v1/alerts",
        "/api/v1/alerts/counts",
        "/api/v1/silences",
        "/api/v1/commands",
        "/api/v1/statements",
    ],
    "export": [
        "/api/v1/kpis?month=2023-11",
        "/api/v1/kpis?month=2023-11&format=csv",
        "/api/v1/kpis/nameplates",
        "/kpis",
    ],
    "body": ["/api/v1/kpis/exclusions"],
    "feed": ["/api/v1/live", "/api/v1/alerts/live"],
}
"""What names no site: there B must not show."""


@step("swap_ids")
async def swap_ids(move: Move) -> None:
    """Ask for what is A's, which must be given, then the same of B's, which must not; and for all lists."""
    if {key: move.arg.get(key) for key in ("from", "to")} != {"from": "tenant A", "to": "tenant B"}:
        raise UnknownError(f"swap_ids {move.arg!r}")
    strange = set(move.arg["where"]) - set(_LISTS)
    if strange:
        raise UnknownError(f"swap_ids in {sorted(strange)}")
    center, wrong = move.center, []
    admin = await center.person("A", "admin")
    all_admin = await center.person("*", "admin")
    for where in move.arg["where"]:
        for own, foreign in zip(_named(where, "A"), _named(where, "B"), strict=True):
            before = center.rows()
            reply = await center.ask(admin, *foreign)
            if reply.status not in move.case.expect["status_in"]:
                wrong.append(f"{foreign[0]} {foreign[1]}: {reply.status}")
            if center.rows() != before:
                wrong.append(f"{foreign[0]} {foreign[1]} has changed something")
            await must_do(center, admin, own)
        wrong += await _commands(center, admin) if where == "path" else []
        for target in _LISTS[where]:
            await must_do(center, admin, ("GET", target, None))
    full = await center.ask(all_admin, "GET", "/api/v1/sites")
    if GATEWAY["B"].encode() not in full.raw:
        raise RuntimeError("B has nothing that could be seen")
    center.measures["status_in"] = "; ".join(wrong[:4])
    center.measures["bytes_of_B"] = center.foreign_bytes


async def must_do(center: Center, actor: Actor, request: tuple[str, str, Any]) -> Reply:
    """Ask for what is one's own: a refusal of everything would prove nothing.

    Raises:
        RuntimeError: It was not given.
    """
    reply = await center.ask(actor, *request)
    if reply.status not in {200, 201, 204}:
        raise RuntimeError(f"the control {request[0]} {request[1]} got {reply.status}: {reply.body[:200]!r}")
    return reply


_HAS = {("PATCH", "/api/v1/users/a-viewer"): {"role"}, ("POST", "/api/v1/users"): {"role"}}
"""Fields of the case that a route really has: an administrator gives roles by them."""


@step("patch")
async def patch(move: Move) -> None:
    """Send every body of the API twice: with fields that it does not have, and as it should be, which must be taken."""
    if set(move.arg) != {"extra"} or not move.arg["extra"]:
        raise UnknownError(f"patch {move.arg!r}")
    center, wrong, changed = move.center, [], 0
    admin = await center.person("*", "admin")
    slips = [{name: value} for name, value in move.arg["extra"].items()] + [dict(move.arg["extra"])]
    for method, target, body in bodies():
        for slip in slips:
            strange = {name: value for name, value in slip.items() if name not in _HAS.get((method, target), ())}
            if not strange:
                continue
            before = center.rows()
            reply = await center.ask(admin, method, target, {**body, **strange})
            changed += center.rows() != before
            if reply.status not in move.case.expect["status_in"]:
                wrong.append(f"{method} {target} with {sorted(strange)}: {reply.status}")
        if not changed and not wrong:  # what an attack has made already cannot be made again
            await must_do(center, admin, (method, target, body))
    center.measures["status_in"] = "; ".join(wrong[:4])
    center.measures["changed"] = changed
    await center.ask(await center.person("A", "admin"), "GET", "/api/v1/users")


def bodies() -> list[tuple[str, str, dict[str, Any]]]:
    """Give a valid body of each route that makes or changes something; the last one makes the caller another."""
    made = [request for request in _named("body", "A") if not request[1].endswith(("/users", "/tokens"))]
    return [
        *made,
        ("POST", "/api/v1/snapshots/erase", {"site": SITE["A"]}),
        ("POST", "/api/v1/tenants", {"name": "new"}),
        ("POST", "/api/v1/users", {"name": "new-one", "role": "viewer", "tenants": ["a"], "password": PASSWORD}),
        ("POST", "/api/v1/tokens", {"name": "x", "scopes": ["telemetry:read"], "tenants": ["a"], "days": 1}),
        ("PATCH", "/api/v1/users/a-viewer", {"disabled": False}),
        ("POST", "/api/v1/session", {"name": "a-viewer", "password": PASSWORD}),
    ]
