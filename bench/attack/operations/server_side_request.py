"""This file has the center told to send where it must not (OC-08); it guards that nothing inside hears of it.

Addresses are set by the settings' owner alone: no page and no path of the API takes one. So the real center is given
all of them as webhooks, an Alertmanager that redirects and an identity provider whose description leads inside, and
runs in a network namespace where whatever it could reach listens and counts (lair.py). Names that shall be reached are
among them: a center that sends nothing would prove nothing.
"""

import asyncio
import contextlib
import json
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import trustme
from bench.attack.fill import UnknownError
from bench.attack.operations.court import Move, sentence, step
from bench.attack.operations.ground import SITE, Center
from bench.attack.operations.lair import ALLOWED, NAMES, PUBLIC
from bench.attack.process import Process

from isolane.center.store.alert_book import SqlAlerts
from isolane.center.store.alert_port import Decisions, Opening, WayOut
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_database

_METHOD = "resolve once, check every address against an allow rule, pin the address, no redirects"
sentence("method", _METHOD)
_ONLY_NAMED: dict[str, list[str]] = {
    "dns-rebind": ["https://rebind.test/", "https://both.test/", "https://inside.test/", "https://metadata.test/"],
    "302 to 127.0.0.1": ["https://redirect.test/"],
}
_REACHED = {
    "https://hook.test/": "hook.test",
    "https://rebind.test/": "rebind.test",
    "https://allowed.test/": "allowed.test",
}
_LOG_INS = 14
_WAIT_S = 60.0
_REFUSED, _REFUSED_S = 2, 20.0
_NO_URL = "is not a URL that can be posted to"


class _Inside(Process):
    """A process in the lair's namespaces."""

    lair_pid = 0

    def _apart(self) -> list[str]:
        return [shutil.which("nsenter") or "/usr/bin/nsenter", "-t", str(self.lair_pid), "-n", "-m"]


class _Voice:
    """Speaks to the lair."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def ask(self, command: str = "") -> dict[str, Any]:
        """Send a command and read its answer.

        Raises:
            RuntimeError: It has ended.
        """
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("the lair has no pipe")
        if command:
            self.process.stdin.write(f"{command}\n".encode())
            await self.process.stdin.drain()
        line = await asyncio.wait_for(self.process.stdout.readline(), _WAIT_S)
        if not line:
            raise RuntimeError("the lair could not be made")
        answer: dict[str, Any] = json.loads(line)
        return answer


@step("set_webhook")
async def set_webhook(move: Move) -> None:
    """Set all addresses of the case at once, in its first turn; have an alert sent; count who was reached.

    Raises:
        UnknownError: A form of address is not known, or this user can make no namespace.
    """
    center = move.center
    if "connected_to_private" in center.measures:
        return
    if os.geteuid():
        raise UnknownError("set_webhook: only root can make a network namespace")
    forms = next(item["for_each"]["u"] for item in move.case.do if "set_webhook" in item)
    urls, unfit = _urls([str(form) for form in forms])
    if center.quick:
        center.notes.append(f"--quick: of {len(unfit)} addresses that settings must refuse one is tried")
        unfit = unfit[:1]
    center.suspects.add("address")
    await center.process.stop()
    outside, plain = center.process, (center.folder / "center.toml").read_text(encoding="utf-8")
    async with _lair(center.folder) as voice:
        center.process = inside = _Inside("center", center.folder / "center.toml", center.folder / "center.log")
        inside.lair_pid = voice.process.pid
        wrong = [f"the center starts with {url}" for url in unfit if await _starts(center, plain, url)]
        _set(center, plain, urls)
        await _raise_alert(center.folder / "data", len(urls))
        await center.start()
        outcomes = await _outcomes(center, len(urls) + 1)
        statuses = [(await voice.ask(f"get {center.port} /login/provider"))["status"] for _ in range(_LOG_INS)]
        await center.process.stop()
        seen = await voice.ask("report")
    (center.folder / "center.toml").write_text(plain, encoding="utf-8")
    center.process = outside
    await center.start()
    await center.ask(await center.person("A", "viewer"), "GET", "/api/v1/alerts")
    _measure(center, seen, dict(zip(urls, outcomes, strict=False)), statuses)
    if wrong:
        center.measures["method"] = "; ".join([center.measures["method"], *wrong]).strip("; ")


def _urls(forms: list[str]) -> tuple[list[str], list[str]]:
    """Give the addresses that settings take, and those that they must refuse."""
    urls, unfit = list(_REACHED), list[str]()
    for form in forms:
        if form in _ONLY_NAMED:
            urls += _ONLY_NAMED[form]
        elif form.startswith("http://"):
            both = [form, form.replace("http:", "https:", 1)]
            unfit += both if "@" in form else []
            urls += both if "@" not in form else []
        elif form in {"gopher://", "file:///"}:
            unfit.append(f"{form}127.0.0.1/x")
        else:
            raise UnknownError(f"address {form}")
    return list(dict.fromkeys(urls)), unfit


@contextlib.asynccontextmanager
async def _lair(folder: Path) -> AsyncIterator[_Voice]:
    """Make the namespaces and what lies in wait there."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    authority.issue_cert(*NAMES, PUBLIC).private_key_and_cert_chain_pem.write_to_path(folder / "lair.pem")
    (folder / "secret").write_text("0123456789abcdef" * 2, encoding="ascii")
    (folder / "secret").chmod(0o600)
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:2 attempts:1\n", encoding="ascii")
    (folder / "nsswitch.conf").write_text("hosts: dns\n", encoding="ascii")
    process = await asyncio.create_subprocess_exec(
        *("unshare", "-n", "-m", sys.executable, "-m", "bench.attack.operations.lair", str(folder)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        voice = _Voice(process)
        await voice.ask()
        yield voice
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _set(center: Center, plain: str, urls: list[str]) -> None:
    """Write settings with all of it; `plain` ends with the table of access."""
    secret = f'secret = "file:{center.folder / "secret"}"'
    ca = f'ca = "{center.folder / "ca.pem"}"'
    text = [plain, 'origin = "https://center.test"\nproxies = ["127.0.0.2"]\n[center.access.provider]']
    text += ['issuer = "https://idp.test"', 'client_id = "x"', secret.replace("secret", "client_secret", 1), ca]
    text += ['roles = { a = "viewer" }', 'tenants = { a = "a" }', "[center.alerts]", "retry_s = 3600"]
    for number, url in enumerate(urls):
        allow = f'["{ALLOWED}/32"]' if "allowed.test" in url else "[]"
        text += ["[[center.alerts.webhook]]", f'name = "w{number}"', f'url = "{url}"', secret, 'level = "L0"', ca]
        text += [f"allow = {allow}", "timeout_s = 5"]
    text += ["[[center.alerts.alertmanager]]", 'name = "am"', 'url = "https://redirect.test/am"', 'level = "L0"', ca]
    (center.folder / "center.toml").write_text("\n".join(text) + "\n", encoding="utf-8")


async def _starts(center: Center, plain: str, url: str) -> bool:
    """Tell whether the center takes an address; if not it says that this address is none."""
    _set(center, plain, [url])
    told = center.process.text().count(_NO_URL)
    process = await center.process.launch()
    try:
        code = await asyncio.wait_for(process.wait(), _REFUSED_S)
    except TimeoutError:
        return True
    finally:
        await center.process.kill()
    return code != _REFUSED or center.process.text().count(_NO_URL) == told


async def _raise_alert(data: Path, number: int) -> None:
    """Put an alert into the queue of every way out."""
    catalogue = SqlCatalogue(open_database(data / "catalogue.sqlite3"))
    ways = tuple(WayOut(name, 0, frozenset({"opened"})) for name in [*(f"w{one}" for one in range(number)), "am"])
    one = Opening("attack", "attack", SITE["A"], "", "", 3, "attack", "attack", "attack", "attack", "")
    try:
        await SqlAlerts(catalogue).decide(Decisions(openings=[one]), ways, time.time_ns() // 1_000_000)
    finally:
        await catalogue.close()


async def _outcomes(center: Center, number: int) -> list[str]:
    """Wait until every message was tried; give what came of each, in the order of the ways.

    Raises:
        RuntimeError: Some were not tried.
    """
    question = "SELECT attempts, outcome FROM alert_delivery WHERE event = 'opened' ORDER BY number"
    end = time.monotonic() + _WAIT_S
    while sum(attempts > 0 for attempts, _ in center.select(question)) < number:
        if time.monotonic() > end:
            raise RuntimeError(f"not every message was tried: {center.select(question)}")
        await asyncio.sleep(0.1)
    return [outcome for _, outcome in center.select(question)]


def _measure(center: Center, seen: dict[str, Any], outcomes: dict[str, str], statuses: list[int]) -> None:
    """Count who was reached, and see that what shall be reached was."""
    inside = [place for place in seen["came"] if place[0] not in {PUBLIC, ALLOWED}]
    center.measures["connected_to_private"] = len(inside)
    wrong = [f"{url} has come to {outcomes[url]}" for url in _REACHED if not outcomes[url].startswith("HTTP 2")]
    refused = [url for url in outcomes if url not in _REACHED and "redirect" not in url]
    wrong += [f"{url} has come to {outcomes[url]}" for url in refused if "not public" not in outcomes[url]]
    wrong += [] if outcomes["https://redirect.test/"] == "HTTP 302" else ["the redirect was taken for an answer"]
    for name in ("rebind.test", "both.test", "inside.test"):
        way = f"w{list(outcomes).index(f'https://{name}/')}"
        told = center.select(f"SELECT sum(attempts) FROM alert_delivery WHERE way = '{way}'")[0][0]  # noqa: S608 - our words
        asked = seen["questions"].get(name, 0)
        wrong += [] if asked == told else [f"{name} was resolved {asked} times for {told} attempts"]
    wrong += [] if seen["posts"].get("redirect.test", 0) >= 2 else ["nobody was redirected"]
    if seen["posts"].get("idp.test", 0) < _LOG_INS or statuses[-1] not in {302, 303}:
        wrong.append(f"the identity provider was not asked, or never believed: {statuses}")
    if any(status in {302, 303} for status in statuses[:-1]):
        wrong.append(f"a description that leads elsewhere was believed: {statuses}")
    center.measures["method"] = "; ".join(wrong)
    center.notes.append(f"{len(outcomes)} addresses, {len(statuses)} log-ins, connections {seen['came']}")
