"""This file tries to go on under a session that is over (OC-13); it guards that no ended cookie opens anything."""

from bench.attack.fill import UnknownError
from bench.attack.operations.court import Move, step
from bench.attack.operations.ground import PASSWORD, Actor, Center

_HOUR_MS = 3_600_000


@step("session")
async def session(move: Move) -> None:
    """Do each way in which a session ends; count the cookies that are good afterwards."""
    strange = set(move.arg) - set(_WAYS)
    if strange:
        raise UnknownError(f"session {sorted(strange)}")
    valid = 0
    for way in move.arg:
        old = await _WAYS[way](move.center)
        if await _opens(move.center, old):
            valid += 1
            move.center.notes.append(f"{way}: the old cookie is good")
    move.center.measures["old_cookie_valid"] = valid


async def _opens(center: Center, actor: Actor) -> bool:
    return (await center.ask(actor, "GET", "/api/v1/sites")).status == 200


async def _in(center: Center, role: str = "viewer") -> Actor:
    actor = await center.person("A", role)
    if not await _opens(center, actor):
        raise RuntimeError("a new session opens nothing")
    return actor


async def _fixate(center: Center) -> Actor:
    """Bring a cookie of the attacker's choice to the log-in."""
    planted = Actor("planted", "", "A", {"isolane-session": "A" * 43})
    body = {"name": "a-viewer", "password": PASSWORD}
    reply = await center.ask(planted, "POST", "/api/v1/session", body)
    if reply.status != 200 or not reply.cookies():
        raise RuntimeError(f"the log-in with a planted cookie got {reply.status}")
    taken = reply.cookies()["isolane-session"] == planted.cookies["isolane-session"]
    return Actor("victim", "viewer", "A", reply.cookies()) if taken else planted


async def _rotate(center: Center) -> Actor:
    """Be given another role."""
    old, admin = await _in(center, "technician"), await center.person("*", "admin")
    reply = await center.ask(admin, "PATCH", "/api/v1/users/a-technician", {"role": "engineer"})
    if reply.status != 200:
        raise RuntimeError(f"the role could not be changed: {reply.status}")
    return old


async def _logout(center: Center) -> Actor:
    """Log out in one of two browsers; the other's is the cookie that is tried."""
    old, other = await _in(center), await _in(center)
    reply = await center.ask(other, "DELETE", "/api/v1/session")
    if reply.status != 204 or await _opens(center, other):
        raise RuntimeError(f"logging out got {reply.status}")
    return old


async def _pwchange(center: Center) -> Actor:
    """Change the password in one of two browsers."""
    old, other = await _in(center, "dispatcher"), await _in(center, "dispatcher")
    body = {"old": PASSWORD, "new": f"{PASSWORD} again"}
    reply = await center.ask(other, "PUT", "/api/v1/password", body)
    if reply.status != 200:
        raise RuntimeError(f"changing the password got {reply.status}")
    return other if await _opens(center, other) else old


async def _idle(center: Center) -> Actor:
    """Rest for longer than a session may; its times are moved back instead."""
    return await _aged(center, "seen_ms", 1)


async def _absolute(center: Center) -> Actor:
    """Go on for longer than a session may, used all the time; its times are moved back instead."""
    return await _aged(center, "created_ms", 12)


async def _aged(center: Center, column: str, hours: int) -> Actor:
    old = await _in(center, "engineer")
    await center.again(f"UPDATE session SET {column} = {column} - ?", (hours * _HOUR_MS) + 60_000)  # noqa: S608 - our words
    return old


_WAYS = {
    "fixate": _fixate, "rotate": _rotate, "logout": _logout, "pwchange": _pwchange, "idle": _idle,
    "absolute": _absolute,
}  # fmt: skip
