"""This file has two people act at a gateway from their browsers; it guards that it takes both, and can be proved.

Center, gateway process, and a signer for each of the two are real; so is Chromium. What they see at the end is checked
once more on the command line, without any of them.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from bench.screenshots.browser import ARGUMENTS, CHROMIUM, log_in
from cryptography.hazmat.primitives import serialization as form
from playwright.async_api import Browser, Page, async_playwright

from isolane.center.app import _Center
from isolane.center.ingest.settings import HttpsIngest
from isolane.center.people.settings import AccessSettings
from isolane.center.settings import CenterSettings
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.command_settings import CommandSettings
from isolane.center.store.database import open_catalogue
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.people_port import NewPerson
from isolane.center.store.people_views import EVERYWHERE, Caller, Role, Scope, Visit, set_caller
from isolane.cli.main import main
from isolane.config.values import Address
from isolane.security.signing import PublicKey
from support.broker import make_pki
from support.circles import PASSPHRASE, Circle
from support.health_process import Health
from support.idle_charger import charging
from support.outboxes import GATEWAY
from support.signer_process import SignerProcess
from support.signers import holder

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

PASSWORD = "correct horse battery"
_COMMANDS = """
[health.commands]
key = "{key}"
manifest = "{manifest}"
state = "commands"

[health.commands.verbs]
ask_chargers = true

[[health.commands.verbs.disruptive.chargers]]
charger = "CP-1"
evses = 1
"""
_WAIT_S = 90.0


class Whole:
    """Center, gateway and two signers.

    Attributes:
        url: Of the console.
        tabs: Console tab of each person.
        heard: Errors and warnings of all pages.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.circle = folder, Circle(folder, int(time.time()))
        self.url, self.tabs, self.heard = "", dict[str, Page](), list[str]()
        self.signers: dict[str, SignerProcess] = {}
        self.gateway, self.witness = holder(folder, GATEWAY, "viewer").signer, holder(folder, "witness", "viewer")
        self.gateways = folder / "gateways"
        self.gateways.mkdir()
        self.pem(self.gateways / f"{GATEWAY}.pem", self.gateway.public_key)
        self.pem(folder / "witness.pem", self.witness.signer.public_key)

    @staticmethod
    def pem(path: Path, key: PublicKey) -> None:
        path.write_bytes(key.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo))

    @asynccontextmanager
    async def running(self, browser: Browser) -> AsyncIterator["Whole"]:
        """Start all of it, log both in, and end all of it."""
        async with AsyncExitStack() as closing:
            pki = make_pki(self.folder / "pki", GATEWAY)
            https = HttpsIngest(
                address=Address("127.0.0.1", 0),
                certificate=pki.server.certificate,
                key=pki.server.key,
                client_ca=pki.ca,
            )
            commands = CommandSettings(
                manifest=self.circle.keys, gateway_keys=self.gateways, witness=self.folder / "witness-viewer.pem"
            )
            settings = CenterSettings(
                data=self.folder / "data",
                console=Address("127.0.0.1", 0),
                access=AccessSettings(requests_per_s=1e5, burst_requests=100_000),
                https=https,
                commands=commands,
            )
            catalogue = SqlCatalogue(open_catalogue(settings.store, settings.data))
            closing.push_async_callback(catalogue.close)
            telemetry = EmbeddedTelemetry(settings.data / "telemetry", settings.store)
            closing.push_async_callback(telemetry.close)
            self.center = _Center(settings, catalogue, telemetry)
            closing.callback(self.center.office.close)
            tokens = await asyncio.create_task(self._people())
            running: list[asyncio.Future[None]] = [
                asyncio.ensure_future(task()) for name, task in self.center.tasks.items() if name != "alerts"
            ]
            serving = [asyncio.create_task(server.run()) for server in self.center.servers]
            closing.push_async_callback(self._stop, running, serving)
            self.url = self.center.url
            ingest = self.center.ways_in.servers[0].address.port
            box = self.folder / "box"
            box.mkdir()
            (box / "keys.jws").write_bytes(self.circle.keys.read_bytes())
            link = f'type = "https"\nurl = "https://127.0.0.1:{ingest}"\n'
            key = self.folder / f"{GATEWAY}-viewer.pem"
            health = Health(box, pki, link + _COMMANDS.format(key=key, manifest=box / "keys.jws"))
            # Tap and relay keep their own settings in this folder, whose sockets all three share.
            health._settings = health._settings.rename(box / "health.toml")
            closing.callback(health.kill)
            health.launch()
            self.charger = await closing.enter_async_context(charging(box))
            for person, token in tokens.items():
                one = SignerProcess(self.folder, person, self.url, token, self.gateways)
                self.signers[person] = one
                closing.callback(one.stop)
            for person, one in self.signers.items():
                await asyncio.to_thread(one.wait)
                self.tabs[person] = await self._tab(browser, person, one.page)
            end = time.monotonic() + _WAIT_S
            while await self.center.commands.statement(GATEWAY) is None:
                assert time.monotonic() < end, health.text[-3000:]
                await asyncio.sleep(0.1)
            yield self

    async def _people(self) -> dict[str, str]:
        """Add the two people and a token for each one's signer."""
        set_caller(Caller("terminal", Role.ADMIN, None, None), Visit("terminal"))
        desk, tokens = self.center.office.desk, {}
        for person, role in (("ann", Role.ADMIN), ("bob", Role.ENGINEER)):
            await desk.add_person(NewPerson(person, role, [EVERYWHERE], PASSWORD))
        set_caller(Caller("ann", Role.ADMIN, None, None), Visit("terminal"))
        for person in ("ann", "bob"):
            scopes = [Scope.COMMANDS_READ, Scope.COMMANDS_SIGN]
            _, tokens[person] = await desk.add_token(f"{person}-signer", scopes, [EVERYWHERE], 1)
        return tokens

    async def _tab(self, browser: Browser, person: str, signer: str) -> Page:
        """Open a browser of somebody who is logged in at the center and at the own signer."""
        context = await browser.new_context(viewport={"width": 1280, "height": 1000})
        context.on("console", lambda told: self.heard.append(told.text) if told.type in {"error", "warning"} else None)
        page = await context.new_page()
        await page.goto(signer)
        assert "Your key" in await page.inner_text("main")
        await log_in(page, self.url, person, PASSWORD)
        return page

    async def _stop(self, running: list[asyncio.Future[None]], serving: list[asyncio.Task[None]]) -> None:
        await self.center.live.close()
        self.center.ways_in.relay.end()
        for server in self.center.servers:
            server.stop()
        await asyncio.gather(*serving)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    # What people do

    async def propose(self, person: str, verb: str, **fields: str) -> str:
        """Fill the form; give the command's page."""
        page = self.tabs[person]
        await page.goto(f"{self.url}/commands/new?gateway={GATEWAY}&verb={verb}")
        for name, value in {"reason": "smoke at the site", **fields}.items():
            await page.fill(f"[name='{name}']", value)
        await page.click("form[method=post] button[type=submit]")
        await page.wait_for_url(re.compile(r"/commands/[A-Za-z0-9_-]{22}$"))
        return page.url

    async def sign(self, person: str, address: str) -> str:
        """Follow the link to the own signer, and sign there; give what the signer said of the command."""
        page = self.tabs[person]
        await page.goto(address)
        await page.click(".command-signer summary")
        await page.fill("#signer-port", str(self.signers[person].port))
        async with page.context.expect_page() as opened:
            await page.click("text=Look at it in your signer")
        own = await opened.value
        await own.wait_for_load_state()
        words = await own.inner_text("#words")
        await own.fill("[name=passphrase]", PASSPHRASE)
        await own.click("form button[type=submit]")
        await own.get_by_text("The center has your signature").wait_for()
        await own.close()
        return words

    async def state(self, person: str, address: str, state: str) -> str:
        """Wait until the page, which reads itself anew, shows a state; give its text."""
        page = self.tabs[person]
        if page.url != address:
            await page.goto(address)
        await page.locator(f"#state[data-state='{state}']").wait_for(timeout=_WAIT_S * 1000)
        return await page.inner_text("main")

    async def proof(self, person: str) -> Path:
        """Download the proof of the command that somebody looks at, as soon as the center vouches for that tree."""
        page = self.tabs[person]
        await page.get_by_text("which this center has found to go on from all before").wait_for(timeout=_WAIT_S * 1000)
        async with page.expect_download() as loading:
            await page.click("text=Download the proof")
        proof = self.folder / "proof.json"
        await (await loading.value).save_as(proof)
        return proof

    def verify(self, proof: Path) -> int:
        """Verify a proof with the command, which knows keys alone and reaches nobody."""
        verify = ["audit", "verify", str(proof), "--gateway", GATEWAY, "--key", str(self.gateways / f"{GATEWAY}.pem")]
        trusted = ["--keys", str(self.circle.keys), "--center", f"center:{self.folder / 'witness.pem'}"]
        return main([*verify, *trusted])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Whole]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        async with Whole(tmp_path_factory.mktemp("whole")).running(chromium) as one:
            yield one
        await chromium.close()


async def test_two_people_act_and_it_is_proved_without_the_center(
    whole: Whole, capsys: pytest.CaptureFixture[str]
) -> None:
    frozen = await whole.propose("ann", "freeze.set")
    words = await whole.sign("ann", frozen)
    assert "freeze the gateway: it refuses every command but reading" in words
    assert "Signed by gw-1 for these very bytes" in await whole.state("ann", frozen, "done")
    ended = await whole.propose("ann", "freeze.clear", ticket="T-7")
    assert "end the freeze" in await whole.sign("ann", ended)
    await whole.tabs["ann"].get_by_text("1 more to sign").wait_for()
    await whole.tabs["bob"].goto(f"{whole.url}/commands")
    await whole.tabs["bob"].click("text=freeze.clear at gw-1")
    assert "ann as operator" in await whole.sign("bob", whole.tabs["bob"].url)
    for person in ("ann", "bob"):
        told = await whole.state(person, ended, "done")
        assert "ann signed as operator" in told
        assert "bob signed as approver" in told
        assert "proved to be in its tree" in told
    proof = await whole.proof("bob")
    assert whole.verify(proof) == 0
    told = capsys.readouterr().out
    assert "signed by ann as operator, bob as approver" in told
    assert f"{GATEWAY} signed: done" in told
    assert "that very tree is co-signed by center" in told
    proof.write_text(proof.read_text(encoding="utf-8").replace('"done', '"fail'), encoding="utf-8")
    told_json = proof.read_text(encoding="utf-8")
    proof.write_text(re.sub(r'("signature\\":\\")(.)', r"\1_", told_json, count=1), encoding="utf-8")
    assert whole.verify(proof) == 1


async def test_two_people_restart_an_idle_charger(whole: Whole, capsys: pytest.CaptureFixture[str]) -> None:
    address = await whole.propose("ann", "charger.reset", **{"arg-charger": "CP-1"})
    for person in ("ann", "bob"):
        words = await whole.sign(person, address)
        assert "restart an idle charger" in words
        assert "CP-1 has no transaction" in words
    for person in ("ann", "bob"):
        told = await whole.state(person, address, "done")
        assert "Accepted" in told
        assert "proved to be in its tree" in told
    assert whole.charger.resets == [{"type": "OnIdle"}]
    assert whole.verify(await whole.proof("bob")) == 0
    told = capsys.readouterr().out
    assert "charger.reset" in told
    assert "signed by ann as operator, bob as approver" in told
    assert "that very tree is co-signed by center" in told


async def test_a_charger_with_a_transaction_is_not_disturbed(whole: Whole) -> None:
    await whole.charger.transaction("Started")
    address = await whole.propose("ann", "charger.reset", **{"arg-charger": "CP-1"})
    for person in ("ann", "bob"):
        await whole.sign(person, address)
    told = await whole.state("ann", address, "refused")
    assert "interlock" in told
    assert "Propose it again" in told
    assert len(whole.charger.resets) == 1


async def test_withdrawn_and_expired_commands_say_so_and_are_proposed_again(whole: Whole) -> None:
    page = whole.tabs["ann"]
    withdrawn = await whole.propose("ann", "freeze.clear")
    await page.click("form[method=post] button[type=submit]")
    assert "taken back" in await whole.state("ann", withdrawn, "withdrawn")
    late = await whole.propose("ann", "freeze.clear", ticket="T-9")
    clock = whole.center.commands._clock
    whole.center.commands._clock = lambda: time.time() + 301
    assert "Propose it again" in await whole.state("ann", late, "expired")
    whole.center.commands._clock = clock
    await page.click("text=Propose it again")
    assert await page.input_value("[name=ticket]") == "T-9"


async def test_the_audit_of_the_gateway_and_its_own_page(whole: Whole) -> None:
    page = whole.tabs["bob"]
    await page.goto(f"{whole.url}/audits/north/{GATEWAY}")
    told = await page.inner_text("main")
    assert "Every checkpoint that came goes on" in told
    assert f"{GATEWAY}, center" in told
    await page.goto(f"{whole.url}/chargers/north/gateway:{GATEWAY}")
    await page.get_by_text("Freeze this gateway").wait_for(timeout=30_000)
    assert [text for text in whole.heard if "40" not in text] == []
