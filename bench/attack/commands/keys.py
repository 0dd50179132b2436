"""This file attacks with keys that are no longer good and manifests that may not follow; it guards that none counts."""

import asyncio
import time
from typing import Any

from bench.attack.commands import forge
from bench.attack.commands.attempts import kind
from bench.attack.commands.court import Move, ending
from bench.attack.commands.forge import Attempt, attempt
from bench.attack.commands.ground import CommandGround
from bench.attack.commands.people import Holder, manifest
from bench.attack.fill import UnknownError

from isolane.wire.errand import Down


class _Keys:
    """Which manifest is in force, and who is in it.

    Attributes:
        version: In force.
        holders: In it.
        roots: Who signs the next.
        sent: Each manifest that was good, by version.
    """

    def __init__(self, ground: CommandGround) -> None:
        self.ground = ground
        self.version, self.holders, self.roots = 1, ground.people.known, ground.people.roots
        self.sent = {1: (ground.folder / "keys-1.jws").read_bytes()}

    async def follow(self, holders: list[Holder], roots: list[Holder] | None = None, *, life_s: int = 86_400) -> None:
        """Bring the next manifest, signed as it has to be, and wait until the gateway says that it follows it."""
        signers = self.roots if roots is None else [*self.roots, *roots]
        self.version, self.holders = self.version + 1, holders
        self.roots = self.roots if roots is None else roots
        data = self.sent[self.version] = manifest(self.version, holders, signers, life_s=life_s)
        self.ground.bring(data, Down.KEYS)
        await self.ground.until(lambda: self.ground.said.keys_ver == self.version, f"manifest {self.version}")

    async def refused(self, data: bytes, reason: str) -> str:
        """Bring a manifest that may not follow; give what is wrong."""
        before = self.ground.gateway.text().count(f"key-manifest: {reason}")
        wanted = before + 1
        self.ground.manifests[f"manifest {reason}"] += 1
        self.ground.bring(data, Down.KEYS)
        # Only the first of a minute has a line: that it was looked at is told by a command that comes behind it.
        jti, command = self.ground.true_command("status", self.signer)
        self.ground.bring(command)
        ended = await self.ground.ended(jti)
        seen = self.ground.gateway.text().count(f"key-manifest: {reason}")
        wrong = [] if ended.state == "done" else [f"keys in force are refused: {ended.reason}"]
        wrong += [] if self.ground.said.keys_ver == self.version else [f"it follows {self.ground.said.keys_ver}"]
        return "; ".join(wrong) if seen <= wanted else "told more than once"

    @property
    def signer(self) -> Holder:
        """Give somebody who is in the manifest and may read."""
        return next(each for each in self.holders if each.role == "operator")


def _keys(move: Move) -> _Keys:
    if "keys" not in move.kept:
        move.kept["keys"] = _Keys(move.ground)
    keys: _Keys = move.kept["keys"]
    return keys


def _by(move: Move, who: Holder, reason: str, label: str, **changed: Any) -> list[Attempt]:  # noqa: ANN401 - members
    """Have somebody ask, alone and with an approver."""
    ground = move.ground
    read = ground.told("status", who=who, **changed)
    reset = ground.told(who=who, **changed)
    return [
        attempt(f"{label} reads", forge.sign(read, who), reason),
        attempt(f"{label} resets", forge.sign(reset, who, ground.people.bob), reason),
    ]


@kind("key")
async def _key(move: Move, value: Any) -> list[Attempt]:  # noqa: ANN401 - YAML
    people, keys, wrong = move.ground.people, _keys(move), move.kept.setdefault("wrong", [])
    match value:
        case "revoked":
            await keys.follow([each for each in keys.holders if each is not people.olga])
            return _by(move, people.olga, "unknown-key", "a revoked key")
        case "previous_after_overlap":
            new = people.holder("ann", "operator", "ann-new")
            move.kept["ann"] = new
            await keys.follow([*keys.holders, new])
            for each in (people.ann, new):
                ended = await move.ground.do("status", each, who=each)
                wrong += [] if ended.state == "done" else [f"during the overlap: {ended.reason}"]
            await keys.follow([each for each in keys.holders if each is not people.ann])
            return _by(move, people.ann, "unknown-key", "the key before")
        case "manifest_v-1":
            for version in (1, keys.version - 1):
                wrong.extend(filter(None, [await keys.refused(keys.sent[version], "rollback")]))
            old = _by(move, people.ann, "unknown-key", "after a rollback", keys_ver=keys.version - 1)
            told = move.ground.told("status", who=keys.signer, keys_ver=keys.version - 1)
            return [*old, attempt("signed for the old one", forge.sign(told, keys.signer), "keys-version")]
        case "old_root":
            roots = [people.holder(name, "root") for name in ("ruth", "remo")]
            rest = [each for each in keys.holders if each.role != "root"]
            before = keys.roots
            await keys.follow([*rest, *roots], roots)
            evil = manifest(keys.version + 1, [*before, *rest, people.eve], before)
            wrong.extend(filter(None, [await keys.refused(evil, "threshold")]))
            half = manifest(keys.version + 1, [*roots, *rest, people.eve], [roots[0], before[0]])
            wrong.extend(filter(None, [await keys.refused(half, "signature")]))
            return _by(move, people.eve, "unknown-key", "whom old roots have let in")
        case "manifest_expired":
            return await _expired(move, keys)
    raise UnknownError(f"key: {value}")


async def _expired(move: Move, keys: _Keys) -> list[Attempt]:
    """Bring one that has expired, and let the one in force expire."""
    ground, wrong = move.ground, move.kept["wrong"]
    past = manifest(keys.version + 1, keys.holders, keys.roots, issued_s=int(time.time()) - 7200, life_s=3600)
    wrong.extend(filter(None, [await keys.refused(past, "expired")]))
    await keys.follow(keys.holders, life_s=4)
    await asyncio.sleep(4)  # it is the manifest that has to age
    late = _by(move, keys.signer, "keys-expired", "after its end")
    before, handled = await ground.refusals(), await ground.handled()
    for each in late:
        ground.bring(each.data)
    await ground.brought_in(len(late), handled)
    found = dict(await ground.refusals() - before)
    wrong += [] if found == {"keys-expired": len(late)} else [f"keys that have expired: {found}"]
    await keys.follow(keys.holders)
    return []


@ending("forge")
async def _conclude(move: Move) -> None:
    """See that versions only grew, in what was stated and in a process that was started anew."""
    if "keys" not in move.kept:
        return
    ground, keys = move.ground, _keys(move)
    await ground.restart()
    await ground.free()
    versions = [each.keys_ver for each in ground.statements()]
    fine = versions == sorted(versions) and versions[-1] == keys.version
    move.measures["manifest_version_monotone"] = fine or f"stated were {versions}"
    ground.people.ann = move.kept["ann"]
