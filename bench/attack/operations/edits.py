"""This file changes proposals after they were shown (OC-17); it guards that no approval then counts for other bytes.

There is no way to change one but to own the center's database. What is tried: paths and bodies that would, signatures
over other bytes, and approvals that come too late, a second time or from who may not; then the true one.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

from bench.attack.fill import UnknownError
from bench.attack.operations.approvals import signed, whole
from bench.attack.operations.court import Move, step
from bench.attack.operations.ground import Actor
from bench.attack.operations.request import Reply
from bench.attack.operations.signer_page import TAKEN, SignerPage, signing
from bench.attack.operations.taking import API, NAME, Shown, Taking, signature, taking
from bench.attack.operations.vouching import vouched

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.command_book import SqlCommands
from isolane.center.store.command_views import Asked
from isolane.center.store.database import open_database
from isolane.center.store.port import UnavailableError

_LIFE_S = 4
_REFUSED = frozenset({409, 422})
_NO_WAY = frozenset({403, 404, 405, 415, 422})
_LINES = "SELECT count(*) FROM audit WHERE what = 'command-signature-refused'"
_EDITS: dict[str, Any] = {
    "verb": "freeze.set", "args": {"force": True}, "aud": "gw-canary-b", "pre": ["in-window"], "exp": 4_000_000_000,
    "appr": {"class": "R4", "need": 1}, "jti": "A" * 22, "req": {"sub": "a-engineer", "role": "approver"},
}  # fmt: skip


@step("edit_then_approve")
async def edit_then_approve(move: Move) -> None:
    """Show a proposal, try each way to change it, approve each time, and at last approve what was shown.

    Raises:
        UnknownError: It is to be something else.
    """
    if move.arg is not True:
        raise UnknownError(f"edit_then_approve {move.arg!r}")
    center = move.center
    dispatcher, engineer = await center.person("A", "dispatcher"), await center.person("A", "engineer")
    admin = await center.person("*", "admin")
    async with taking(center) as site, signing(site, admin) as signer:
        tries = _Tries(site, dispatcher, engineer, signer)
        await site.do(tries.dispatcher, "freeze.set", "dispatcher")
        await tries.late()
        shown = await site.propose(tries.dispatcher, "freeze.clear")
        page = await signer.look(shown.jti)
        await tries.own(shown)
        await tries.paths(shown)
        await tries.other_bytes(shown)
        await tries.beneath(shown)
        tries.wrong += [] if page.digest == shown.digest else ["the signer shows another digest"]
        reply = await signer.press(page, shown.jti)
        tries.wrong += [] if TAKEN in reply.body else [f"the true approval: {reply.status}"]
        tries.wrong += [await site.done(shown), *whole(site, shown)]
        await tries.again(shown)
        wrong = [*center.kept.get("wrong", []), *filter(None, [*tries.wrong, signed(center)])]
        center.measures["signed_commands"] = "; ".join(wrong[:6])
        center.kept["audit"] = "; ".join(_recorded(site) + await vouched(site))
    center.deeds += [("command-proposed", shown.jti), ("command-signed", shown.jti), *tries.deeds]
    center.notes.append(f"{tries.number} ways to approve what is not as it was shown, each refused; then the true one")


class _Tries:
    """What is tried, and what was wrong about it."""

    def __init__(self, site: Taking, dispatcher: Actor, engineer: Actor, signer: SignerPage) -> None:
        self.site, self.dispatcher, self.engineer, self.signer = site, dispatcher, engineer, signer
        self.wrong: list[str] = []
        self.deeds: list[tuple[str, str]] = []
        self.number = 0

    async def late(self) -> None:
        """Approve what has expired, and what was withdrawn."""
        expired, taken_back = await self._short(), await self.site.propose(self.dispatcher, "freeze.clear")
        for each in (expired, taken_back):
            await self._must_sign(each)
        tab = await self.signer.look(taken_back.jti)
        await self.site.must(self.dispatcher, f"{API}/{taken_back.jti}/withdraw", None)
        self.deeds.append(("command-withdrawn", taken_back.jti))
        await self._pressed("withdrawn", await self.signer.press(tab, taken_back.jti))
        await self._refused("withdrawn", taken_back, taken_back.payload, "engineer")
        end_s = json.loads(expired.payload)["exp"]
        await asyncio.sleep(max(0.0, end_s - time.time()) + 0.2)  # it is the command that has to age
        await self._refused("expired", expired, expired.payload, "engineer")

    async def own(self, shown: Shown) -> None:
        """Approve one's own proposal with another key of one's own, before and after the first, and the first twice."""
        await self._refused("her approver's key first", shown, shown.payload, "dispatcher approves")
        await self._must_sign(shown)
        for name in ("dispatcher", "dispatcher approves", "viewer", "stranger", "root"):
            await self._refused(name, shown, shown.payload, name)

    async def paths(self, shown: Shown) -> None:
        """Ask for a change by each method, by another proposal of the same name, and in a signature's body."""
        ask, path = self.site.center.ask, f"{API}/{shown.jti}"
        for method in ("PATCH", "PUT", "DELETE", "POST"):
            self._no_way(f"{method} {path}", await ask(self.dispatcher, method, path, _EDITS))
            page = await ask(self.dispatcher, method, path, {"payload": "e30", "state": "ready"})
            self._no_way(f"{method} {path} with bytes", page)
        for method in ("PATCH", "PUT", "DELETE"):
            self._no_way(f"{method} of the page", await ask(self.dispatcher, method, f"/commands/{shown.jti}", _EDITS))
        wanted = {"gateway": NAME, "verb": "freeze.clear", "args": {}, "ticket": "T-1", "reason": "x"}
        signed_one = signature(shown.payload, self.site.people["engineer"])
        for name in ("jti", "payload", "digest", "state", "exp_ms", "person"):
            more = {name: shown.jti}
            self._no_way(f"a proposal with {name}", await ask(self.dispatcher, "POST", API, wanted | more))
            body = await ask(self.engineer, "POST", f"{path}/signatures", signed_one | more)
            self._no_way(f"a signature with {name}", body)

    async def other_bytes(self, shown: Shown) -> None:
        """Sign other bytes than those that were shown: edited, and of another proposal that says the same."""
        for label, payload in _edited(shown):
            await self._refused(label, shown, payload, "engineer")
        other = await self.site.propose(self.dispatcher, "freeze.clear")
        await self._must_sign(other)
        await self._refused("another's signature", shown, other.payload, "engineer")
        await self._refused("its signature for another", other, shown.payload, "engineer")
        await self.signer.look(other.jti)
        tab = await self.signer.look(shown.jti)
        await self._unsigned("another digest in the form", await self.signer.press(tab, shown.jti, other.digest), shown)

    async def beneath(self, shown: Shown) -> None:
        """Own the database and change the bytes between what is shown and what is pressed."""
        tab = await self.signer.look(shown.jti)
        for label, payload in _edited(shown):
            self.site.change("UPDATE command SET payload = ? WHERE jti = ?", payload, shown.jti)
            await self._refused(f"{label} beneath", shown, shown.payload, "engineer")
            await self._pressed(f"{label} beneath", await self.signer.press(tab, shown.jti))
        self.site.change("UPDATE command SET payload = ? WHERE jti = ?", shown.payload, shown.jti)

    async def again(self, shown: Shown) -> None:
        """Approve what is done already, and bring its approval to a new one."""
        for name in ("dispatcher", "engineer"):
            await self._refused("replayed", shown, shown.payload, name)
        new = await self.site.propose(self.dispatcher, "freeze.clear")
        await self._must_sign(new)
        await self._refused("replayed for a new one", new, shown.payload, "engineer")

    async def _short(self) -> Shown:
        """Propose what lives for some seconds: the API has no word for it, the store has."""
        asked = Asked(
            gateway=NAME, verb="freeze.clear", args={}, person="a-dispatcher", ticket="T-1", reason="x",
            proposed_by="a-dispatcher", tenant="a", life_s=_LIFE_S,
        )  # fmt: skip
        catalogue = SqlCatalogue(open_database(self.site.center.folder / "data/catalogue.sqlite3"))
        try:
            for _ in range(100):
                try:
                    made = await SqlCommands(catalogue).propose(asked)
                    return await self.site.look(self.dispatcher, made.jti)
                except UnavailableError:  # the center has written meanwhile
                    await asyncio.sleep(0.1)
        finally:
            await catalogue.close()
        raise RuntimeError("the center's database is never free")

    async def _must_sign(self, shown: Shown) -> None:
        own = signature(shown.payload, self.site.people["dispatcher"])
        await self.site.must(self.dispatcher, f"{API}/{shown.jti}/signatures", own)

    async def _refused(self, label: str, shown: Shown, payload: bytes, name: str) -> None:
        """Hand in what must not be taken, over any bytes, by anybody; the audit has a line of it."""
        before = self.site.select(_LINES)[0][0]
        reply = await self.site.hand_in(self.engineer, shown, signature(payload, self.site.people[name]))
        self.wrong += [] if reply.status in _REFUSED else [f"{label}: {reply.status}"]
        await self._noted(label, before, shown.jti)

    async def _pressed(self, label: str, reply: Reply) -> None:
        """See that the center has not taken what was pressed in the signer."""
        self.number += 1
        self.site.refused += 1
        is_refused = TAKEN not in reply.body and b"The center" in reply.body
        self.wrong += [] if is_refused else [f"{label}, pressed: {reply.status}"]

    async def _unsigned(self, label: str, reply: Reply, shown: Shown) -> None:
        """See that the signer has not signed at all."""
        self.number += 1
        people = self.site.select("SELECT person FROM command_signature WHERE jti = ?", shown.jti)
        is_fine = reply.status == 409 and people == [("a-dispatcher",)]
        self.wrong += [] if is_fine else [f"{label}: {reply.status}, signed by {people}"]

    async def _noted(self, label: str, before: int, jti: str) -> None:
        self.number += 1
        self.site.refused += 1
        after = self.site.select(_LINES)[0][0]
        self.wrong += [] if after == before + 1 else [f"{label}: {after - before} lines in the audit"]
        self.deeds.append(("command-signature-refused", jti))

    def _no_way(self, label: str, reply: Reply) -> None:
        self.number += 1
        self.wrong += [] if reply.status in _NO_WAY else [f"{label}: {reply.status}"]


def _edited(shown: Shown) -> Iterator[tuple[str, bytes]]:
    """Give the bytes that were shown with one member changed each, and with a byte more."""
    told = json.loads(shown.payload)
    for name, value in _EDITS.items():
        changed = told | {name: value}
        yield f"another {name}", json.dumps(changed, ensure_ascii=False, separators=(",", ":")).encode()
    yield "a byte more", shown.payload + b" "


def _recorded(site: Taking) -> list[str]:
    """Each refused signature has one line; none is of what was taken."""
    lines = int(site.select(_LINES)[0][0])
    return [] if lines == site.refused else [f"{site.refused} signatures were refused, the audit tells of {lines}"]
