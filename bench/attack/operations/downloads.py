"""This file asks for a snapshot by what is no id, and for ranges without end (OC-09); it guards that bytes stay bytes.

The snapshot begins as a page with a script would: a browser that guesses types would show it.
"""

import re
from urllib.parse import quote

from bench.attack.fill import UnknownError, unescape
from bench.attack.operations.court import Move, sentence, step
from bench.attack.operations.ground import CHARGER, T0_MS, Actor, Center
from bench.attack.operations.papers import bodies_of, post_papers, until_here
from bench.attack.operations.request import Reply

_SERVED = "attachment, nosniff, sandbox CSP"
_ID = f"{T0_MS:012x}{7:020x}"
_PAGE = b"<!doctype html><html><script>alert(1)</script>" + b" " * 4000
_API = "/api/v1/snapshots"
_RANGES = re.compile(r"bytes=0-0,1-1,\.\.\.x(\d+)")
sentence("served_as", _SERVED)


@step("download")
async def download(move: Move) -> None:
    """Ask for a file by a name, as it is and escaped, as a snapshot and as a path behind one."""
    center = move.center
    actor = await center.person("A", "viewer")
    await _send(center, actor)
    name = unescape(str(move.arg))
    raw = re.sub(r"[\r\n\x00 ]", lambda match: f"%{ord(match[0]):02x}", name)
    allowed, wrong = move.case.expect["status_in"], []
    for target in (raw, quote(name, safe=""), f"{_ID}/{raw}", f"{_ID}%2f{quote(name, safe='')}"):
        for path in (f"{_API}/{target}/file", f"{_API}/{target}"):
            reply = await center.ask(actor, "GET", path)
            if reply.status not in allowed:
                wrong.append(f"{path} got {reply.status}")
            if re.search(r"(?im)^x:", reply.head) or b"root:" in reply.body:
                wrong.append(f"{path} was believed")
    _also(center, "status_in", wrong)
    _also(center, "served_as", await _as_bytes(center, actor))


@step("range")
async def ranges(move: Move) -> None:
    """Ask for very many ranges at once."""
    match = _RANGES.fullmatch(str(move.arg))
    if match is None:
        raise UnknownError(f"range {move.arg!r}")
    center = move.center
    actor = await center.person("A", "viewer")
    count = int(match[1])
    asked = "bytes=" + ",".join(f"{at}-{at}" for at in range(count))
    reply = await center.ask(actor, "GET", f"{_API}/{_ID}/file", fields=(f"Range: {asked}",))
    wrong = [] if reply.status in move.case.expect["status_in"] else [f"{count} ranges got {reply.status}"]
    if len(reply.raw) > len(_PAGE):
        wrong.append(f"{count} ranges got {len(reply.raw)} bytes")
    _also(center, "status_in", wrong)


async def _as_bytes(center: Center, actor: Actor) -> list[str]:
    reply: Reply = await center.ask(actor, "GET", f"{_API}/{_ID}/file")
    head = reply.head.lower()
    signs = (
        "content-type: application/octet-stream",
        f'content-disposition: attachment; filename="{_ID}.mcap"',
        "x-content-type-options: nosniff",
        "content-security-policy: sandbox",
    )
    wrong = [f"no {sign}" for sign in signs if sign not in head]
    return wrong if reply.body == _PAGE else [*wrong, f"the file is another: {reply.status}"]


def _also(center: Center, name: str, wrong: list[str]) -> None:
    before = center.measures.get(name) or ""
    center.measures[name] = "; ".join([*([before] if before else []), *wrong][:4])


async def _send(center: Center, actor: Actor) -> None:
    """Have A's gateway send the snapshot by the way all things come, once, and wait until it is here."""
    if center.seeded == [_ID]:
        return
    center.seeded = [_ID]
    await post_papers(center, "A", bodies_of(_ID, _PAGE, charger=CHARGER["A"]))
    await until_here(center, actor, _ID)
