"""This file has a gateway meet a center of last week (OC-22); it guards that the gateway follows none of what is older.

Since the backup was made the gateway has taken a newer key manifest, without a key that was lost, and the center has
co-signed a longer audit. With the backup the settings' key manifest of last week has come back too. Whoever owns that
center then brings the old manifest, and has the lost key sign.
"""

import asyncio
import contextlib
import shutil
import time
from typing import Final

from bench.attack.operations.court import sentence
from bench.attack.operations.ground import Center
from bench.attack.operations.taking import API, NAME, WAIT_S, Taking, keys, signature, taking
from bench.attack.operations.vouching import vouched

sentence("gateways_detect", "manifest/checkpoint rollback")
_FORGED_S: Final = 61
_WEEK_MS: Final = 7 * 86_400_000
_EVENT: Final = "security-event type=rollback "
_FORGOTTEN: Final = 'isolane_center_command_forgotten_total{{kind="{}"}}'


async def last_week(center: Center) -> Taking:
    """Have commands done by keys of last week, and the center vouch for what the gateway has written."""
    async with taking(center) as site:
        await _do(site, "freeze.set", "admin")
        await _vouched(site)
    site.kept["lines"] = site.note()[0]
    return site


async def go_on(site: Taking) -> None:
    """Put a manifest without the lost key in force, and have commands done by the new one."""
    (site.center.folder / "keys.jws").write_bytes(keys(site, 2, "admin", also=("admin's new",)))
    await site.center.process.stop()
    await site.center.start()
    async with taking(site.center):
        stated = "SELECT keys_ver FROM command_statement WHERE gateway = ?"
        await site.until(lambda: site.select(stated, NAME) == [(2,)], "that the gateway states manifest 2")
        for _ in range(2):
            await _do(site, "freeze.set", "admin's new")
        await _vouched(site)
        await site.until(lambda: _kept(site) == site.note()[0], "the center's note at the gateway")
    site.kept["vouched"] = site.note()[0]
    shutil.copyfile(site.center.folder / "keys.jws", site.center.folder / "keys-2.jws")
    (site.center.folder / "keys.jws").write_bytes(site.kept["keys"])


async def found_out(site: Taking) -> list[str]:
    """Let the gateway meet the older center, and see what both tell; then mend it. Give what is wrong."""
    center, wrong = site.center, list[str]()
    # A backup of last week has no command that is still good; this one was made a minute ago.
    site.change("UPDATE command SET exp_ms = exp_ms - ?", _WEEK_MS)
    if site.note()[0] != site.kept["lines"]:
        wrong.append(f"restored was a center that vouches for {site.note()[0]} lines, not {site.kept['lines']}")
    async with taking(center):
        wrong += await _both_tell(site)
        wrong += await _old_keys(site)
        wrong += await _lost_key(site)
        center.kept["audit"] = "; ".join(await _written(site))
        wrong += await _mended(site)
    center.notes.append(
        f"the gateway has {site.kept['vouched']} lines vouched for, the restored center {site.kept['lines']}"
    )
    return wrong


async def _both_tell(site: Taking) -> list[str]:
    """The center learns from the gateway's statement that it is older, the gateway from the note that comes."""
    for kind in ("keys", "checkpoint"):
        await site.until(lambda: site.metric(_FORGOTTEN.format(kind)) >= 1, f"the center's word of {kind}")  # noqa: B023 - it is awaited here
    told = f"note: of {site.kept['lines']} lines after one of {site.kept['vouched']}"
    await site.until(lambda: told in site.gateway.text(), "the gateway's word of the older note")
    if not any(_EVENT in line and told in line for line in site.gateway.text().splitlines()):
        return ["the older note is no security event at the gateway"]
    lines = [line for line in site.center.process.text().splitlines() if f"{_EVENT}gateway={NAME}" in line]
    wrong = [] if lines else ["the center tells nobody that it is older than its gateway"]
    kept = _kept(site)
    wrong += [] if kept >= site.kept["vouched"] else [f"the gateway has kept a note of {kept} lines"]
    return wrong + ([] if _follows(site, 2) else ["the gateway follows older keys"])


async def _old_keys(site: Taking) -> list[str]:
    """Have the center bring the manifest of last week, as whoever owns it can."""
    end = time.monotonic() + WAIT_S
    while "key-manifest: rollback" not in site.gateway.text():
        # Again and again: what the gateway states itself meanwhile takes its place.
        site.change("UPDATE command_statement SET keys_ver = 0, keys_sent_ms = 0 WHERE gateway = ?", NAME)
        await asyncio.sleep(2)
        if time.monotonic() > end:
            return ["an older manifest that is brought is not refused, or not told of"]
    return [] if _follows(site, 2) else ["the gateway follows older keys"]


async def _lost_key(site: Taking) -> list[str]:
    """Have a command proposed as of last week, which that center may not, and signed by the lost key."""
    admin = await site.center.person("A", "admin")
    body = {"gateway": NAME, "verb": "freeze.set", "args": {}, "ticket": "T-1", "reason": "x"}
    site.change("UPDATE command_statement SET keys_ver = 2 WHERE gateway = ?", NAME)
    refused = await site.center.ask(admin, "POST", API, body)
    wrong = [] if refused.status == 409 else [f"it proposes by older keys: {refused.status}"]
    site.change("UPDATE command_statement SET keys_ver = 1 WHERE gateway = ?", NAME)
    shown = await site.propose(admin, "freeze.set")
    signed = await site.hand_in(admin, shown, signature(shown.payload, site.people["admin"]))
    wrong += [] if signed.status == 200 else [f"the older center does not know the lost key: {signed.status}"]
    refusals = ("refused: unknown-key", "refused: keys-version")
    await site.until(lambda: any(each in site.gateway.text() for each in refusals), "a refusal of the lost key")
    return wrong + ([f"the gateway has let {shown.jti} through"] if shown.jti in dict(site.accepted()) else [])


async def _written(site: Taking) -> list[str]:
    """Have a minute pass; then what was refused is in the gateway's audit."""
    site.gateway.pass_s(_FORGED_S)
    wanted = ("manifest rollback", "note rollback")
    with contextlib.suppress(RuntimeError):
        await site.until(lambda: all(site.forged(each) for each in wanted), "the audit's line", 30)
    keyless = site.forged("unknown-key") + site.forged("keys-version")
    wrong = [f"the gateway's audit does not tell of a {each}" for each in wanted if not site.forged(each)]
    return wrong + ([] if keyless else ["the gateway's audit does not tell of the lost key"])


async def _mended(site: Taking) -> list[str]:
    """Start the center with the newest manifest; then it commands as before, and vouches for all there is."""
    shutil.copyfile(site.center.folder / "keys-2.jws", site.center.folder / "keys.jws")
    question = "SELECT max(version) FROM command_manifest"
    began = site.center.began
    await site.center.process.stop()
    await site.center.start()
    site.center.began = began  # its log goes on
    await site.until(lambda: site.select(question) == [(2,)], "manifest 2 at the center")
    site.change("UPDATE command_statement SET keys_ver = 2 WHERE gateway = ?", NAME)
    try:
        await _do(site, "freeze.set", "admin's new")
    except RuntimeError as error:
        return [f"with the newest keys: {error}"]
    return await vouched(site)


def _kept(site: Taking) -> int:
    """Give how many lines the note has that the gateway has on its disk."""
    file = site.state / "witness.note"
    return int(file.read_text("utf-8").split("\n")[1]) if file.exists() else 0


def _follows(site: Taking, version: int) -> bool:
    """Tell whether the gateway's audit says that it follows this manifest, and no other since."""
    lines = [line["keys_ver"] for line in site.journal() if line["kind"] in {"boot", "keys"}]
    return bool(lines) and lines[-1] == version


async def _do(site: Taking, verb: str, holder: str) -> None:
    """Have the admin of A command something that one may.

    Raises:
        RuntimeError: It is not done.
    """
    wrong = await site.do(await site.center.person("A", "admin"), verb, holder)
    if wrong:
        raise RuntimeError(wrong)


async def _vouched(site: Taking) -> None:
    wrong = await vouched(site)
    if wrong:
        raise RuntimeError("; ".join(wrong))
