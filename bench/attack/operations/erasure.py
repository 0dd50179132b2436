"""This file erases what names somebody's transactions, then a site (SN-08); it guards that nothing brings it back.

The subject P1 is a pseudonym: at the center nothing else leads to a person. It stands in messages of snapshots alone,
in packed chunks, so each file is opened to look for it. A backup made before is restored afterwards, files beside it.
"""

import asyncio
import hashlib
import io
import json
import shutil

from bench.attack.fill import UnknownError
from bench.attack.operations.canaries import places
from bench.attack.operations.court import Move, step
from bench.attack.operations.ground import CHARGER, SITE, T0_MS, Actor, Center
from bench.attack.operations.papers import bodies_of, post_papers, until_here
from bench.attack.operations.restore import run_cli
from mcap.writer import CompressionType, Writer

_SUBJECTS = {"P1": "5ec4e7005ec4e700"}
_OTHER = "0d0d0d0d0d0d0d0d"
_API = "/api/v1/snapshots"
_NAMING, _FREE, _FOREIGN = (f"{T0_MS:012x}{number:020x}" for number in (81, 82, 83))


@step("erase")
async def erase(move: Move) -> None:
    """Erase a subject by its pseudonym, then a site; restore a backup of before; count what is left each time."""
    if set(move.arg) != {"subject"} or move.arg["subject"] not in _SUBJECTS:
        raise UnknownError(f"erase {move.arg!r}")
    center, pseudonym = move.center, _SUBJECTS[move.arg["subject"]]
    center.canaries = [pseudonym.encode()]
    admin = await center.person("*", "admin")
    await _fill(center, admin, pseudonym)
    await run_cli(center, "backup", str(center.folder / "saved"))
    await asyncio.to_thread(shutil.copytree, center.folder / "data/snapshots", center.folder / "beside")
    before = center.select("SELECT number, at_ms, who, what, subject, address FROM audit ORDER BY number")
    left = await _erased(center, admin, {"pseudonym": pseudonym}, 1)
    left += await _left(center, pseudonym)
    left += await _standing(center, admin, {_NAMING: 404, _FREE: 200, _FOREIGN: 200})
    left += await _erased(center, admin, {"site": SITE["B"]}, 1)
    left += await _standing(center, admin, {_FREE: 200, _FOREIGN: 404})
    await post_papers(center, "B", bodies_of(_FOREIGN, _file(_OTHER), charger=CHARGER["B"]))  # it comes again
    await post_papers(center, "A", bodies_of(_NAMING, _file(pseudonym), charger=CHARGER["A"])[:1])
    left += await _standing(center, admin, {_NAMING: 404, _FOREIGN: 404})
    after = center.select("SELECT number, at_ms, who, what, subject, address FROM audit ORDER BY number")
    is_whole = after[: len(before)] == before and [row[0] for row in after] == list(range(1, len(after) + 1))
    center.measures["audit_chain_still_verifies"] = is_whole
    said = [row[4] for row in after if row[3] == "snapshots-erased"]
    digest = hashlib.sha256(pseudonym.encode()).hexdigest()
    left += [] if said == [f"pseudonym=sha256:{digest}", f"site={SITE['B']}"] else [f"the audit says {said}"]
    left += await _restored(center, pseudonym)
    center.notes += left[:4]
    center.measures["rows_left"] = len(left)


async def _fill(center: Center, admin: Actor, pseudonym: str) -> None:
    """Let both gateways send; what is to be erased must be there, and findable, or nothing is shown.

    Raises:
        RuntimeError: It is not.
    """
    sent = [("A", _NAMING, pseudonym), ("A", _FREE, _OTHER), ("B", _FOREIGN, _OTHER)]
    for tenant, identity, name in sent:
        await post_papers(center, tenant, bodies_of(identity, _file(name), charger=CHARGER[tenant]))
        await until_here(center, admin, identity)
    if not await _left(center, pseudonym):
        raise RuntimeError("who looks for the pseudonym does not find it where it is")


def _file(pseudonym: str) -> bytes:
    """Write a snapshot in which a transaction ends."""
    out = io.BytesIO()
    writer = Writer(out, compression=CompressionType.ZSTD)
    writer.start("isolane-blackbox", "isolane")
    channel = writer.register_channel("/ocpp", "json", 0)
    told = {"type": "TransactionChanged", "charger": CHARGER["A"], "change": "ended", "pseudonym": pseudonym}
    writer.add_message(channel, T0_MS * 1_000_000, json.dumps(told).encode(), T0_MS * 1_000_000)
    writer.finish()  # type: ignore[no-untyped-call]
    return out.getvalue()


async def _erased(center: Center, admin: Actor, subject: dict[str, str], count: int) -> list[str]:
    reply = await center.ask(admin, "POST", f"{_API}/erase", subject)
    if reply.status != 200:
        raise RuntimeError(f"an erasure got {reply.status}: {reply.body[:200]!r}")
    told = json.loads(reply.body)
    wanted = {"erased": count, "held": 0, "unread": 0}
    return [] if told == wanted else [f"the erasure of {sorted(subject)} says {told}"]


async def _left(center: Center, pseudonym: str) -> list[str]:
    """Give where it stands: in snapshots' chunks, or as it is in any file of the center but the backup."""
    return await asyncio.to_thread(places, center.folder, [pseudonym.encode()])


async def _standing(center: Center, admin: Actor, wanted: dict[str, int]) -> list[str]:
    """Ask for snapshots, on page, list and as files."""
    wrong = []
    listed = {one["id"] for one in json.loads((await center.ask(admin, "GET", _API)).body)["snapshots"]}
    for identity, status in wanted.items():
        for path in (f"{_API}/{identity}", f"{_API}/{identity}/file", f"/snapshots/{identity}"):
            got = (await center.ask(admin, "GET", path)).status
            wrong += [] if got == status else [f"{path} got {got}"]
        wrong += [] if (identity in listed) is (status == 200) else [f"{identity} in the list"]
    rows = center.select("SELECT id, charger, card, sha256, file FROM snapshot")
    for row in (row for row in rows if wanted.get(row[0]) == 404):
        wrong += [] if tuple(row[1:]) == ("", b"", b"", "deleted") else [f"the table still tells of {row[0]}"]
    return wrong


async def _restored(center: Center, pseudonym: str) -> list[str]:
    """Bring the backup back, with the files that were copied beside it: what was erased must not be there."""
    await center.process.stop()
    data = center.folder / "data"
    await asyncio.to_thread(data.rename, center.folder / "old")
    log = str(center.folder / "old/revocations.log")
    await run_cli(center, "restore", "--revocations", log, str(center.folder / "saved"))
    await asyncio.to_thread(shutil.copytree, center.folder / "beside", data / "snapshots")
    await asyncio.to_thread(shutil.rmtree, center.folder / "old")
    await center.start()
    admin = await center.person("*", "admin")
    await until_here(center, admin, _FREE)
    center.suspects.add("rollback")
    center.deeds += [("restored", "made"), ("snapshots-erased", "again")]
    wrong = await _standing(center, admin, {_NAMING: 404, _FREE: 200, _FOREIGN: 404})
    return wrong + await _left(center, pseudonym)
