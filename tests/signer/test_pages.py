"""This file signs on the signer's own pages, before a center that lies; it guards that the bytes alone are believed."""

import json
import re
from collections.abc import AsyncIterator
from html import unescape

import httpx
import msgspec
import pytest

from isolane.security.envelope import COMMAND, assemble, parse, signature_of, verify
from isolane.signer.center_link import CenterLink
from isolane.signer.desk import Desk
from isolane.signer.guard import Guard
from isolane.signer.locked_key import LockedKey
from isolane.signer.pages import signer_pages
from isolane.signer.pinned_keys import PinnedKeys
from isolane.signer.signed_log import SignedLog
from isolane.signer.visits import Visits
from isolane.wire.command import Request, write
from support.circles import PASSPHRASE, UTC_S, Circle
from support.proposing import ProposingCenter, text_of
from support.signers import holder, manifest, signed
from support.web_page import response

HOSTILE = "<img src=x onerror=alert(1)>"
OWN = "http://127.0.0.1:8790"
_FIELD = re.compile(r'name="(form_token|digest)" value="([^"]*)"')


class Sitting:
    """Ann before her signer."""

    def __init__(self, circle: Circle, center: ProposingCenter, link: CenterLink, remember_minutes: int = 0) -> None:
        self.circle, self.center, self.now_s = circle, center, float(UTC_S + 2)
        self.log = SignedLog(circle.folder / "ann.log")
        self.key = LockedKey(circle.folder / "ann.pem")
        self.visits = Visits()
        desk = Desk(
            link=link, key=self.key, keys=PinnedKeys(circle.keys), log=self.log, gateways=None,
            remember_minutes=remember_minutes, utc_s=lambda: self.now_s,
        )  # fmt: skip
        app = Guard(signer_pages(desk, self.visits, center.url), 8790)
        self.client = httpx.AsyncClient(base_url=OWN, transport=httpx.ASGITransport(app))

    async def enter(self) -> None:
        answer = await self.client.get(f"/enter?code={self.visits.code}")
        assert answer.headers["location"] == "/"

    async def post(self, path: str, **form: str) -> httpx.Response:
        return await self.client.post(path, data=form, headers={"origin": OWN, "sec-fetch-site": "same-origin"})

    async def sign(self, jti: str, passphrase: str = PASSPHRASE, **changed: str) -> httpx.Response:
        fields = dict(_FIELD.findall((await self.client.get(f"/sign/{jti}")).text))
        return await self.post(f"/sign/{jti}", passphrase=passphrase, **(fields | changed))


@pytest.fixture
async def link(circle: Circle, center: ProposingCenter) -> AsyncIterator[CenterLink]:
    (circle.folder / "token").write_text("iso_secret\n")
    async with CenterLink(center.url, circle.folder / "token") as one:
        yield one


@pytest.fixture
async def sitting(circle: Circle, center: ProposingCenter, link: CenterLink) -> AsyncIterator[Sitting]:
    one = Sitting(circle, center, link, remember_minutes=15)
    yield one
    await one.client.aclose()
    one.log.close()


async def test_what_is_signed_is_what_was_shown_and_it_is_written_down(sitting: Sitting) -> None:
    await sitting.enter()
    command = sitting.circle.command("freeze.set")
    jti = sitting.center.propose(command)
    page = unescape((await sitting.client.get(f"/sign/{jti}")).text)
    assert "freeze the gateway: it refuses every command but reading" in page
    assert "gw-99" not in page
    assert "it changes nothing" not in page
    assert "Time left" in page
    done = await sitting.sign(jti)
    assert "The center has your signature" in done.text
    assert f"{sitting.center.url}/commands/{jti}" in done.text
    [(named, body)] = sitting.center.signatures
    assert (named, body["kid"]) == (jti, sitting.key.kid)
    public = sitting.circle.ann.signer.public_key
    signature = signature_of(body["kid"], public, body["signature"], COMMAND)
    verify(parse(assemble(write(command), [signature]), COMMAND), {sitting.key.kid: public})
    [line] = [json.loads(each) for each in (sitting.circle.folder / "ann.log").read_bytes().splitlines()]
    assert (line["jti"], line["gateway"], line["verb"], line["ticket"]) == (jti, "gw-01", "freeze.set", "T-1")
    assert b"Authorization: Bearer iso_secret" in sitting.center.asked[0]


async def test_without_a_session_there_is_nothing_to_see_or_to_press(sitting: Sitting) -> None:
    jti = sitting.center.propose(sitting.circle.command())
    for path in ("/", f"/sign/{jti}"):
        page = await sitting.client.get(path)
        assert page.status_code == 403
        assert "Whose page is this?" in page.text
    for path in (f"/sign/{jti}", "/find", "/lock"):
        assert (await sitting.post(path, passphrase=PASSPHRASE, digest="x", form_token="x")).status_code == 403
    assert sitting.center.signatures == []
    assert sitting.center.asked == []
    assert "not the code" in (await sitting.post("/enter", code="guess")).text
    led = await sitting.post("/enter", code=sitting.visits.code, next=f"/sign/{jti}")
    assert led.headers["location"] == f"/sign/{jti}"
    away = await sitting.post("/enter", code=sitting.visits.code, next="//evil.example.org/x")
    assert away.headers["location"] == "/"


async def test_a_form_of_another_session_or_without_a_token_signs_nothing(sitting: Sitting) -> None:
    await sitting.enter()
    jti = sitting.center.propose(sitting.circle.command())
    for token in ("", "guess"):
        assert (await sitting.sign(jti, form_token=token)).status_code == 403
    assert (await sitting.sign(jti, digest="0" * 64)).status_code == 409
    assert sitting.center.signatures == []


async def test_what_cannot_be_explained_has_no_form_and_is_not_signed(sitting: Sitting) -> None:
    await sitting.enter()
    strange = sitting.circle.command(
        "charger.explode", req=Request(sub="ann", role="operator", ticket="", reason=HOSTILE)
    )
    jti = sitting.center.propose(strange)
    page = (await sitting.client.get(f"/sign/{jti}")).text
    assert "Do not sign this." in page
    assert "passphrase" not in page.lower()
    assert HOSTILE not in page
    assert "charger.explode is no verb of this release" in page
    good = sitting.circle.command()
    token = dict(_FIELD.findall((await sitting.client.get(f"/sign/{sitting.center.propose(good)}")).text))["form_token"]
    digest = re.search(r"<code>([0-9a-f]{64})</code>", page)
    assert digest
    forced = await sitting.post(f"/sign/{jti}", passphrase=PASSPHRASE, digest=digest[1], form_token=token)
    assert "It is not signed" in unescape(forced.text)
    swapped = sitting.center.propose(good, under="A" * 22)
    assert "it is another command" in (await sitting.client.get(f"/sign/{swapped}")).text
    assert sitting.center.signatures == []
    assert sitting.log.newest() == []


async def test_what_expires_between_look_and_signature_is_not_signed(sitting: Sitting) -> None:
    await sitting.enter()
    jti = sitting.center.propose(sitting.circle.command())
    fields = dict(_FIELD.findall((await sitting.client.get(f"/sign/{jti}")).text))
    sitting.now_s += 300
    late = await sitting.post(f"/sign/{jti}", passphrase=PASSPHRASE, **fields)
    assert "it has expired" in late.text
    assert sitting.center.signatures == []


async def test_a_wrong_passphrase_signs_nothing_and_a_kept_one_is_asked_for_once(sitting: Sitting) -> None:
    await sitting.enter()
    jti = sitting.center.propose(sitting.circle.command())
    assert "does not open the key" in (await sitting.sign(jti, "wrong")).text
    assert "The key is locked" in (await sitting.sign(jti, "")).text
    assert sitting.center.signatures == []
    assert "The center has your signature" in (await sitting.sign(jti, minutes="5")).text
    other = sitting.center.propose(sitting.circle.command())
    assert "unlocked for" in (await sitting.client.get(f"/sign/{other}")).text
    assert "The center has your signature" in (await sitting.sign(other, "")).text
    token = dict(_FIELD.findall((await sitting.client.get("/")).text))["form_token"]
    assert (await sitting.post("/lock", form_token=token)).status_code == 303
    assert "The key is locked" in (await sitting.sign(other, "")).text


async def test_what_the_log_does_not_take_is_not_signed(sitting: Sitting, monkeypatch: pytest.MonkeyPatch) -> None:
    await sitting.enter()
    jti = sitting.center.propose(sitting.circle.command())

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("isolane.signer.signed_log.os.write", full)
    assert "the log cannot be written" in (await sitting.sign(jti)).text
    assert sitting.center.signatures == []


async def test_a_newer_manifest_is_taken_from_roots_and_from_nobody_else(sitting: Sitting) -> None:
    await sitting.enter()
    jti = sitting.center.propose(sitting.circle.command(keys_ver=2))
    eves = [holder(sitting.circle.folder, name, "root") for name in ("eve", "mallory")]
    known = [*eves, sitting.circle.ann]
    sitting.center.manifests = [signed(manifest(2, known, issued=UTC_S, expires=UTC_S + 9999), eves)]
    assert "made for key manifest 2, pinned is 1" in (await sitting.client.get(f"/sign/{jti}")).text
    sitting.center.manifests = [sitting.circle.manifest(2)]
    assert "The center has your signature" in (await sitting.sign(jti)).text


async def test_the_home_page_lists_what_waits_and_what_was_signed(sitting: Sitting) -> None:
    await sitting.enter()
    empty = (await sitting.client.get("/")).text
    assert "Nothing. What somebody proposes" in empty
    assert "Nothing yet." in empty
    jti = sitting.center.propose(sitting.circle.command("freeze.set"))
    sitting.center.propose(sitting.circle.command("no.such"))
    sitting.center.proposals["junk"] = {"payload": text_of(b"{}"), "statement": ""}
    await sitting.sign(jti)
    page = (await sitting.client.get("/")).text
    assert f'href="/sign/{jti}"' in page
    assert "not to be signed" in page
    assert "ann, T-1" in page
    token = dict(_FIELD.findall(page))["form_token"]
    led = await sitting.post("/find", form_token=token, jti=f" https://center.example.org/commands/{jti} ")
    assert led.headers["location"] == f"/sign/{jti}"
    assert (await sitting.post("/find", form_token=token, jti="nonsense")).headers["location"] == "/"


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("401 Unauthorized", "does not know this signer's token"),
        ("403 Forbidden", "needs the scopes commands:read and commands:sign"),
        ("409 Conflict", "takes no signature for this command any more"),
        ("422 Unprocessable", "does not take this signature"),
        ("418 Teapot", "answers with 418"),
    ],
)
async def test_a_center_that_takes_no_signature_is_told_of_in_our_words(
    sitting: Sitting, status: str, sentence: str
) -> None:
    await sitting.enter()
    jti = sitting.center.propose(sitting.circle.command())
    sitting.center.status = status
    assert sentence in unescape((await sitting.sign(jti)).text)
    assert len(sitting.log.newest()) == 1


async def test_no_answer_of_the_center_breaks_a_page(sitting: Sitting) -> None:
    await sitting.enter()
    jti = sitting.center.propose(sitting.circle.command())
    answers = {
        b"<html>": "not what was asked for",
        b'{"payload": "%%"}': "not what was asked for",
        b'{"payload": "e30"}': "is no command",
        b"[" * 99: "not what was asked for",
        b" " * (5 << 20): "too long",
    }
    for body, sentence in answers.items():
        sitting.center.raw = response(body, more="Content-Type: application/json\r\n")
        page = await sitting.client.get(f"/sign/{jti}")
        assert (page.status_code, sentence in page.text) == (409, True), (body[:20], page.text)
    sitting.center.raw = None
    assert "no such command" in (await sitting.client.get(f"/sign/{'z' * 22}")).text
    assert "no name of a command" in (await sitting.client.get("/sign/short")).text
    await sitting.center.stop()
    assert "cannot be reached" in (await sitting.client.get(f"/sign/{jti}")).text
    assert "cannot be reached" in (await sitting.client.get("/")).text


async def test_texts_of_people_are_shown_as_they_are(sitting: Sitting) -> None:
    await sitting.enter()
    said = Request(sub="ann", role="operator", ticket=HOSTILE, reason="</dd>")
    jti = sitting.center.propose(msgspec.structs.replace(sitting.circle.command(), req=said))
    page = (await sitting.client.get(f"/sign/{jti}")).text
    assert HOSTILE not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
