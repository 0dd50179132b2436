"""This file has schemathesis ask the center as everybody (OC-11); it guards that what it finds is counted, all of it.

A role asks for what it may with the case's number of examples, in every phase, and for what it may not with a few: the
gate ends those before anything reads them. What ends the session that it asks with has a session of its own. Live
streams never end and are left out. First the tool must find what a sick server has.
"""

import asyncio
import contextlib
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path

from bench.attack.fill import UnknownError
from bench.attack.operations.court import Move
from bench.attack.operations.ground import PASSWORD, Actor, Center
from bench.attack.operations.sick import sick_server

from isolane.center.people.identify import NOBODY
from isolane.center.people.rights import RIGHTS
from isolane.center.store.people_views import Caller, Role, Scope

_TOOL = Path(sys.executable).with_name("schemathesis")
_API = "/api/v1"
_RUN_S = 2400.0
_FEW = 20
_QUICK = (Role.ADMIN, "")
"""Roles that are tried when there is little time; programs and nobody have none."""
_ALL = "examples,coverage,fuzzing,stateful"
_AT_ONCE = 2
_MEASURES = {
    "ST101": "server_errors",
    "ST102": "server_errors",
    "ST103": "undocumented_status",
    "ST401": "auth_ignored",
}
_ENDS_SESSION = {f"DELETE {_API}/session", f"PUT {_API}/password", f"DELETE {_API}/sessions/{{session}}"}
_FAILURE = re.compile(r"^- (ST\d{3}) (.*)")
_PLACE = re.compile(r"^_{3,} (.+?) _{3,}$")
_CASES = re.compile(r"^ +(\d+) generated", re.MULTILINE)
_SETTINGS = """
seed = 1

[generation]
database = "none"

# No JSON Schema says that one field must be greater than another, what is too easy to guess in a password, or which
# tenants there are.
[[operations]]
include-path = ["/api/v1/series", "/api/v1/kpis/exclusions", "/api/v1/users", "/api/v1/users/{user}", "/api/v1/tokens"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "422", "429", "5xx"]
"""


@dataclass(frozen=True)
class _Errand:
    """One run: as whom, for which routes, with how many examples."""

    actor: Actor
    routes: Sequence[str]
    number: int
    phases: str = "fuzzing"

    def settings(self) -> str:
        """Write its settings: who asks stands there, so that the tool also asks without."""
        if self.actor.token:
            return f"{_SETTINGS}\n[auth.openapi.token]\nbearer = {json.dumps(self.actor.token)}\n"
        cookie = self.actor.cookies.get("isolane-session", "")
        return f"{_SETTINGS}\n[auth.openapi.session]\napi_key = {json.dumps(cookie)}\n" if cookie else _SETTINGS


async def run(move: Move, words: list[str]) -> None:
    """Run `schemathesis run ... --checks all --max-examples N` as every role.

    Raises:
        UnknownError: It is asked for in another way, or is not installed.
    """
    wanted = {"run", "--checks", "all", "--max-examples"}
    if not wanted <= set(words) or not _TOOL.is_file():
        raise UnknownError(f"{' '.join(words[:8])} ({_TOOL})")
    await _must_find()
    center = move.center
    most = int(words[words.index("--max-examples") + 1])
    number = 1 if center.quick else most
    reply = await center.ask(Actor("", "", ""), "GET", f"{_API}/openapi.json")
    described = json.loads(reply.body)["paths"]
    known = [f"{method.upper()} {path}" for path, methods in described.items() for method in methods]
    routes = [route for route in known if "/live" not in route]
    if not center.quick:
        await _warm_up(center, routes)
    errands = await _errands(center, routes, number)
    found, others, cases = Counter[str](), list[str](), 0
    # An administrator may end everybody else's sessions, and does.
    for group in (False, True):
        chosen = [errand for errand in errands if (errand.actor.role == Role.ADMIN) is group]
        for errand, (failures, count) in zip(chosen, await _do(center, chosen), strict=True):
            cases += count
            for code, text in failures:
                found[_MEASURES.get(code, code)] += 1
                others.append(f"{errand.actor.name}: {code} {text}")
    center.notes += others[:12]
    center.notes.append(f"{cases} requests in {len(errands)} runs, {number} examples a route")
    for measure in set(_MEASURES.values()):
        center.measures[measure] = found[measure]
    strange = sorted(set(found) - set(_MEASURES.values()))
    if strange:
        center.measures["undocumented_status"] = f"what the description says does not hold: {', '.join(strange)}"


async def _warm_up(center: Center, routes: list[str]) -> None:
    """Have an administrator ask for everything in every way once, then note anew what the center holds."""
    admin = await center.person("*", "admin")
    once = _Errand(admin, [route for route in routes if route not in _ENDS_SESSION], 1, "coverage")
    await _ask(f"http://127.0.0.1:{center.port}{_API}/openapi.json", once)
    center.base = (center.process.use(), center.disk_bytes())
    center.notes.append("memory is compared with what the center holds after one round of the tool")


async def _do(center: Center, errands: list[_Errand]) -> list[tuple[list[tuple[str, str]], int]]:
    """Do errands, some at once; who has not ended his own session must still be in.

    Raises:
        RuntimeError: He is not.
    """
    turn = asyncio.Semaphore(_AT_ONCE)

    async def do(errand: _Errand) -> tuple[list[tuple[str, str]], int]:
        async with turn:
            found = await _ask(f"http://127.0.0.1:{center.port}{_API}/openapi.json", errand)
        me = await center.ask(errand.actor, "GET", f"{_API}/session")
        if errand.actor.cookies and me.status != HTTPStatus.OK and not _ENDS_SESSION & set(errand.routes):
            raise RuntimeError(f"{errand.actor.name} was logged out: what he asked afterwards proves nothing")
        return found

    return list(await asyncio.gather(*map(do, errands)))


async def _errands(center: Center, routes: list[str], number: int) -> list[_Errand]:
    """Give every role's runs."""
    errands, few = [], min(_FEW, number)
    for role in Role:
        tenant = "*" if role is Role.ADMIN else "A"
        actor, leaver = await center.person(tenant, role), await _leaver(center, tenant, role)
        who = Caller(actor.name, role, None if tenant == "*" else frozenset({"a"}), None)
        may = _may(routes, who)
        errands += [
            _Errand(actor, [route for route in may if route not in _ENDS_SESSION], number, _ALL),
            _Errand(leaver, [route for route in may if route in _ENDS_SESSION], few, "coverage,fuzzing"),
            _Errand(actor, [route for route in routes if route not in may], few),
        ]
    program = Caller("token", None, None, None, frozenset(Scope))
    for actor, who in ((await _program(center), program), (Actor("nobody", "", ""), NOBODY)):
        may = _may(routes, who)
        errands += [
            _Errand(actor, may, number, _ALL),
            _Errand(actor, [route for route in routes if route not in may], few),
        ]
    if center.quick:
        center.notes.append("--quick: one example a route, administrator, program and nobody, no coverage")
        errands = [replace(one, phases="fuzzing") for one in errands if one.phases == _ALL and one.actor.role in _QUICK]
    return [errand for errand in errands if errand.routes]


def _may(routes: Iterable[str], who: Caller) -> list[str]:
    allowed = {f"{right.method} {right.path}" for right in RIGHTS if right.allows(who)}
    return [route for route in routes if route in allowed]


async def _leaver(center: Center, tenant: str, role: Role) -> Actor:
    """Add somebody and log him in: who logs out does so everywhere.

    Raises:
        RuntimeError: He is not added.
    """
    name, tenants = f"leaver-{role}", [tenant.lower()]
    body = {"name": name, "role": str(role), "tenants": tenants, "password": PASSWORD}
    reply = await center.ask(await center.person("*", "admin"), "POST", f"{_API}/users", body)
    if reply.status != HTTPStatus.CREATED:
        raise RuntimeError(f"{name} was not added: {reply.status}")
    return await center.log_in(name, role, tenant)


async def _program(center: Center) -> Actor:
    """Make a token with every scope.

    Raises:
        RuntimeError: None is given.
    """
    body = {"name": "fuzz", "scopes": [str(scope) for scope in Scope], "tenants": ["*"], "days": 1}
    reply = await center.ask(await center.person("*", "admin"), "POST", f"{_API}/tokens", body)
    if reply.status != HTTPStatus.CREATED:
        raise RuntimeError(f"no token was made: {reply.status}")
    return Actor("program", "", "*", token=json.loads(reply.body)["secret"])


async def _ask(description: str, errand: _Errand) -> tuple[list[tuple[str, str]], int]:
    """Run the tool once; gives code and words of each failure, and how many requests it sent.

    Raises:
        RuntimeError: It could not do its work.
    """
    names = [word for route in errand.routes for word in ("--include-name", route)]
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "schemathesis.toml"
        settings.write_text(errand.settings(), encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            *(_TOOL, "--config-file", settings, "run", description, "--checks", "all", "-n", str(errand.number)),
            *("--phases", errand.phases, "--no-shrink", "--continue-on-failure", "--warnings", "off", *names),
            cwd=folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(_RUN_S):
                said = (await process.communicate())[0].decode("utf-8", "replace")
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    failures, count = read(said)
    if not count or (process.returncode and not failures):
        raise RuntimeError(f"schemathesis as {errand.actor.name} ended with {process.returncode}: {said[-600:]}")
    return failures, count


def read(said: str) -> tuple[list[tuple[str, str]], int]:
    """Read what the tool has printed: code and place of each failure, and how many requests it sent."""
    failures, place = [], ""
    for line in said.splitlines():
        header, failure = _PLACE.match(line), _FAILURE.match(line)
        place = header[1] if header else place
        if failure:
            failures.append((failure[1], f"{place}: {failure[2]}"))
    count = _CASES.search(said)
    return failures, int(count[1]) if count else 0


async def _must_find() -> None:
    """See that the tool finds what it is asked to find.

    Raises:
        RuntimeError: It does not.
    """
    with sick_server() as url:
        actor = Actor("the sick server", "", "", token="x" * 16)
        failures, _ = await _ask(f"{url}/openapi.json", _Errand(actor, ["GET /broken", "GET /odd", "GET /open"], 2))
    blind = set(_MEASURES.values()) - {_MEASURES.get(code) for code, _ in failures}
    if blind:
        raise RuntimeError(f"schemathesis does not find {', '.join(sorted(blind))} where they are: it proves nothing")
