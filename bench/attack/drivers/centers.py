"""This file puts somebody else where the center should be; it guards that both ways to the center lead to him."""

import asyncio
import time

from bench.attack.drivers.broker import uplink_of
from bench.attack.fill import UnknownError
from bench.attack.steps import Turn, step
from bench.attack.uplink.hostile import KINDS, UNPROVEN, Hostile

_HOLD_S = 20.0
_VISITS = 4


@step("center.present")
async def present(turn: Turn) -> None:
    """Let the gateway meet him until it has come some times by each way, then let it find the center again."""
    kind, uplink, measures = str(turn.arg()), uplink_of(turn), turn.proof.measures
    if kind not in KINDS:
        raise UnknownError(f"center.present {kind}")
    real = uplink.mqtt.leads_to, uplink.https.leads_to
    await uplink.drained(20)
    before = await uplink.books()
    said = len(uplink.gateway.text())
    async with Hostile(kind, uplink.folder / "pki").serving() as hostile:
        for door in (uplink.mqtt, uplink.https):
            door.lead(hostile.port)
        await uplink.enqueue(5)
        came = len(uplink.mqtt.came), len(uplink.https.came)
        end = time.monotonic() + _HOLD_S
        while time.monotonic() < end:
            await asyncio.sleep(0.1)
            if len(uplink.mqtt.came) >= came[0] + _VISITS and len(uplink.https.came) >= came[1] + _VISITS:
                break
        books = await uplink.books()
        for door, port in zip((uplink.mqtt, uplink.https), real, strict=True):
            door.lead(port)
    if not hostile.came:
        raise RuntimeError("the gateway has not come")
    turn.proof.notes.append(f"{kind}: came {hostile.came} times, {hostile.heard_bytes} bytes in TLS")
    up = "link-up" in uplink.gateway.text()[said:]
    measures["connected"] = measures.get("connected", False) or up
    acked = books["acknowledged"] > before["acknowledged"]
    measures["html_200_counted_as_ack"] = measures.get("html_200_counted_as_ack", False) or acked
    wrong = measures.setdefault("unproven_got", [])
    if kind in UNPROVEN and (hostile.certificates or hostile.heard_bytes):
        wrong.append(f"{kind}: {hostile.certificates} certificates and {hostile.heard_bytes} bytes")
        uplink.entries.append(f"{kind} was told something")
