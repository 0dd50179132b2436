"""This file writes pieces of SQL and patterns wherever a request says something (OC-07); it guards that all is data.

Every parameter of every path of the API's description and every field of its bodies has each payload, alone, the rest
of the request being as it should; so have the fields of the console's forms, and the console's pages in all names that
a page knows at once. Rows that were there must be there afterwards; what is only asked for changes none.
"""

import contextlib
import json
import re
import sqlite3
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from bench.attack.fill import UnknownError
from bench.attack.operations.court import Move, step
from bench.attack.operations.forgery import FORMS
from bench.attack.operations.ground import CHARGER, GATEWAY, PASSWORD, SIGNAL, SITE, T0_MS, Actor, Center
from bench.attack.operations.proposals import VERB
from bench.attack.operations.request import Reply

from isolane.center.people.rights import RIGHTS

_SLOW_MS = 2000
_QUICK = 2
_BUSY_S = 30
_SQL = re.compile(
    rb"sqlite3?\.|OperationalError|ProgrammingError|psycopg|SQLSTATE|syntax error|unrecognized token|no such table|"
    rb"no such column|sqlalchemy",
    re.IGNORECASE,
)
_PATCHED = ("a-technician", "a-viewer", "fuzz-site")
"""What the requests change, as they may."""
_VALUES: dict[str, Any] = {
    "site": SITE["A"], "charger": CHARGER["A"], "device": CHARGER["A"], "signal": SIGNAL["A"], "from_ms": T0_MS,
    "to_ms": T0_MS + 60_000, "points": 10, "month": "2023-11", "by": "port", "port": 1, "number": 1, "limit": 5,
    "level": 0, "state": "open", "rule": "attack", "before": 9, "user": _PATCHED[0], "tenant": "a", "session": "x",
    "format": "json", "name": "a-fuzz", "role": "viewer", "tenants": ["a"], "password": PASSWORD, "old": "x",
    "new": "y",
    "scopes": ["telemetry:read"], "days": 1, "minutes": 5, "reason": "utility", "evidence": "x", "model": "x",
    "firmware": "x", "rated_w": 1, "text": "x", "assignee": "x", "subject": "x", "disabled": False, "q": "x",
    "next": "/", "path:path": "x", "gateway": GATEWAY["A"], "verb": VERB, "args": {"charger": CHARGER["A"]},
    "ticket": "x", "kid": "0" * 64, "signature": "x", "id": "0" * 32,
}  # fmt: skip
"""What each word of a request may be; what is not here is left out."""
_NAMES = (
    "site", "device", "charger", "rule", "level", "state", "before", "month", "by", "port", "next", "q", "name",
    "gateway", "verb", "again",
)  # fmt: skip
_ENDS = {"/api/v1/session", "/api/v1/password", "/logout", "/account/password"}
"""What would log out who asks, or have him wait for having guessed too often."""


@dataclass(frozen=True)
class _Ask:
    """One request with one payload in it."""

    method: str
    target: str
    content: object = None
    form: str = ""


@step("fuzz")
async def fuzz(move: Move) -> None:
    """Ask with every payload everywhere.

    Raises:
        UnknownError: Other parameters or payloads are asked for.
    """
    if set(move.arg) != {"params", "payloads"} or move.arg["params"] != "all":
        raise UnknownError(f"fuzz {move.arg!r}")
    table = tomllib.loads((Path(__file__).parent / "payloads.toml").read_text(encoding="utf-8"))
    if move.arg["payloads"] not in table:
        raise UnknownError(f"payloads {move.arg['payloads']}")
    center, payloads = move.center, table[move.arg["payloads"]]
    if center.quick:
        center.notes.append(f"--quick: {len(payloads)} payloads became {_QUICK}")
        payloads = payloads[:: len(payloads) // _QUICK]
    of_a, of_all = await center.person("A", "admin"), await center.person("*", "admin")
    described = json.loads((await center.ask(of_a, "GET", "/api/v1/openapi.json")).body)
    everywhere = {(right.method, right.path) for right in RIGHTS if right.everywhere}
    known = {"number": _raise_alert(center.folder / "data/catalogue.sqlite3"), "jti": center.jti("A")}
    trial, count = _Trial(center), 0
    for method, path, wants in _operations(described):
        actor = of_all if (method, path) in everywhere else of_a
        for payload in payloads:
            for ask in _asks(method, path, wants, payload, known):
                await trial.ask(actor, ask)
                count += 1
    for payload in payloads:
        for ask in _of_console(of_a, payload, known):
            await trial.ask(of_a, ask)
            count += 1
    center.notes.append(f"{count} requests, the slowest {trial.slowest_ms:.0f} ms; answers {dict(trial.statuses)}")
    log = center.process.text().encode()
    told = [match[0] for match in [_SQL.search(log)] if match]
    center.measures["sql_errors"] = "; ".join(trial.wrong[:4] + [f"the log tells {one!r}" for one in told]) or 0
    center.measures["query_ms_max"] = trial.slowest_ms
    if trial.statuses[200] + trial.statuses[201] < count // 20:
        raise RuntimeError(f"hardly anything was let through: {dict(trial.statuses)}")


def _raise_alert(path: Path) -> int:
    """Put an alert of tenant A there; give its number."""
    row: dict[str, object] = dict.fromkeys(("device", "signal", "title", "seen", "why", "action", "part"), "x")
    row |= {"rule": "attack", "subject": "x", "site": SITE["A"], "level": 3, "state": "open", "opened_ms": T0_MS}
    row |= {"held": 0, "flapping": 0, "told": 0, "grouped": "[]", "open_key": "x"}
    words = f"INSERT INTO alert ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"  # noqa: S608 - our words
    with contextlib.closing(sqlite3.connect(path, timeout=_BUSY_S)) as database, database:
        return database.execute(words, tuple(row.values())).lastrowid or 0


class _Trial:
    """Asks, and holds each answer to what must be, and the rows that were there before it began."""

    def __init__(self, center: Center) -> None:
        self._center = center
        self._first = center.rows()
        self.statuses: Counter[int] = Counter()
        self.wrong: list[str] = []
        self.slowest_ms = 0.0

    async def ask(self, actor: Actor, ask: _Ask) -> None:
        """Ask once; once more if it was slow, since the machine may be."""
        before = self._center.rows()
        reply, took_ms = await self._timed(actor, ask)
        if took_ms > _SLOW_MS:
            took_ms = min(took_ms, (await self._timed(actor, ask))[1])
        self.slowest_ms = max(self.slowest_ms, took_ms)
        self.statuses[reply.status] += 1
        after = self._center.rows()
        if reply.status in {0, 500} or _SQL.search(reply.body):
            self.wrong.append(f"{ask.method} {ask.target}: {reply.status} {reply.body[:80]!r}")
        for name, rows in before.items():
            first = [row for row in self._first[name] if not set(_PATCHED) & set(row)]
            gone = Counter(first) - Counter(after[name])
            if gone or (ask.method == "GET" and after[name] != rows):
                self.wrong.append(f"{ask.method} {ask.target} has changed {name}")

    async def _timed(self, actor: Actor, ask: _Ask) -> tuple[Reply, float]:
        began = time.monotonic()
        kind = ("Content-Type: application/x-www-form-urlencoded",) if ask.form else ()
        reply = await self._center.ask(
            *(actor, ask.method, ask.target, ask.content),
            fields=kind,
            body=ask.form.encode(),
            own_page=bool(ask.form),
            listen_s=0.01,
        )
        return reply, (time.monotonic() - began) * 1000


def _operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, list[str]]]]:
    """Give method, path and the names that each place of it knows."""
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            wants: dict[str, list[str]] = {"path": [], "query": [], "body": []}
            for parameter in operation.get("parameters", []):
                wants.setdefault(parameter["in"], []).append(parameter["name"])
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            name = content.get("$ref", "").rpartition("/")[2]
            schema = described["components"]["schemas"].get(name, content)
            wants["body"] = list(schema.get("properties", {}))
            if path not in _ENDS:
                yield method.upper(), path, wants


def _asks(method: str, path: str, wants: dict[str, list[str]], payload: str, known: dict[str, Any]) -> Iterator[_Ask]:
    """Give the requests of an operation that hold the payload, one place at a time; `known` is what there is."""
    for where in ("path", "query", "body"):
        for name in wants[where]:
            words = {
                **_VALUES,
                **known,
                **({"site": _PATCHED[2]} if "{tenant}" in path else {}),
                name: payload,
            }
            target = _filled(path, words)
            query = [(one, words[one]) for one in wants["query"] if one in words]
            content = {one: words[one] for one in wants["body"] if one in words} if wants["body"] else None
            yield _Ask(method, f"{target}?{urlencode(query)}" if query else target, content)
            if content is not None and where == "body" and isinstance(_VALUES.get(name), list):
                yield _Ask(method, target, {**content, name: [payload]})


def _of_console(actor: Actor, payload: str, known: dict[str, Any]) -> Iterator[_Ask]:
    """Give pages with the payload in every name they may know, and forms with it in each of their fields."""
    query = urlencode([(name, payload) for name in _NAMES])
    for right in RIGHTS:
        if right.method != "GET" or right.path.startswith(("/api/", "/login", "/static")):
            continue
        words_known = {**_VALUES, **known}
        for words in [words_known, dict.fromkeys(words_known, payload)] if "{" in right.path else [words_known]:
            target = _filled(right.path, words)
            yield _Ask("GET", f"{target}?{query}")
    for target, fields in FORMS:
        for name in fields if target not in _ENDS else ():
            form = {**fields, name: payload, "form_token": actor.form_token}
            yield _Ask("POST", target, form=urlencode(form))


def _filled(path: str, words: dict[str, Any]) -> str:
    return re.sub(r"\{([^}]+)\}", lambda found: quote(str(words[found[1]]), safe="") or "%20", path)
