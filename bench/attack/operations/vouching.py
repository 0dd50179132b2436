"""This file asks the gateway itself what was done; it guards that the center's own note vouches for what it says."""

import asyncio
import sys
import time
from typing import Any

from bench.attack.observe import BACK_S
from bench.attack.operations.ground import Center
from bench.attack.operations.taking import NAME, Taking


async def vouched(site: Taking) -> list[str]:
    """Wait until the center vouches for all that the audit has now, and verify it; say what is wrong."""
    lines, end = len(site.journal()), time.monotonic() + BACK_S
    while site.note()[0] < lines and time.monotonic() < end:  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.2)
    size, note = site.note()
    wrong = [f"the center vouches for {size} of {lines} lines"] if size < lines else []
    wrong += [] if "\n\u2014 center " in note else ["the center has not co-signed"]
    kept = site.center.folder / "vouched.note"
    await asyncio.to_thread(kept.write_text, note, encoding="utf-8")
    words = ("audit", "verify", str(site.state / "audit"), "--gateway", NAME, "--witness", str(kept))
    key = ("--key", str(site.gateway.folder / "receipt.pub"))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "isolane", *words, *key),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    wrong += [f"isolane audit verify: {said.decode().strip()[-200:]}"] if process.returncode else []
    kinds = site.select("SELECT DISTINCT kind FROM command_suspicion")
    return wrong + [f"the center suspects the gateway: {kind}" for (kind,) in kinds]


async def once(center: Center) -> str:
    """Each command that all have signed was let through once by the gateway, with the digest shown, and done once."""
    site: Any = center.kept.get("commands")
    if not isinstance(site, Taking) or not site.true:
        return "nobody has signed anything"
    through = site.accepted()
    wrong = [] if sorted(through) == sorted(site.true.items()) else [f"let through {through}, signed {site.true}"]
    question = "SELECT jti, count(*) FROM command_receipt WHERE state = 'done' GROUP BY jti"
    ended = dict(site.select(question))
    wrong += [] if ended == dict.fromkeys(site.true, 1) else [f"receipts of what is done: {ended}"]
    return "; ".join(wrong)
