"""This file asks the enrolment listener over real sockets, as others' EST clients would: curl, with openssl."""

import asyncio
import base64
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from isolane.center.ingest.enrolment import FAILURES_MAX, Enrolment
from isolane.center.ingest.est import EstApp
from isolane.center.ingest.settings import EnrolmentSettings
from isolane.center.ingest.suspicion import Suspicions
from isolane.center.serve import WebServer
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.enrolment_book import EnrolmentBook
from isolane.config.values import Address
from isolane.security.authority import Authority
from isolane.security.enrolment_code import EnrolmentCode, code_id
from isolane.security.est import REQUEST_BYTES_MAX, read_certificates, write_request
from isolane.security.event_lines import EventLines, Kind
from isolane.security.leg_folder import LegFolder, subject_of
from isolane.security.legs import PURPOSES
from isolane.security.tls import client_context, server_context
from support.center_process import CenterPki
from support.patience import PATIENCE_S

TYPE = {"content-type": "application/pkcs10"}


@dataclass
class Door:
    """An enrolment listener and a code for gw-5."""

    port: int
    ca: Path
    issuer: Authority
    code: EnrolmentCode
    clock: list[float]
    events: EventLines

    def client(self, gateway: str = "gw-5", secret: str = "") -> httpx.AsyncClient:
        login = (gateway, secret or self.code.secret.hex())
        url = f"https://127.0.0.1:{self.port}/.well-known/est"
        return httpx.AsyncClient(verify=client_context(self.ca), base_url=url, auth=login, timeout=PATIENCE_S)


@pytest.fixture
async def door(open_catalogue: Callable[[], SqlCatalogue], pki: CenterPki, tmp_path: Path) -> AsyncIterator[Door]:
    issuer = Authority(tmp_path / "issuer")
    issuer.create("north", purposes=list(PURPOSES.values()), name="gateways")
    settings = EnrolmentSettings(address=Address("127.0.0.1", 0), issuer=tmp_path / "issuer", server_ca=pki.ca, days=7)
    book, clock, events = EnrolmentBook(open_catalogue()), [0.0], EventLines()
    enrolment = Enrolment(settings, book, lambda: clock[0])
    app = EstApp(enrolment, lambda: [enrolment.certificate], Suspicions(events))
    server = WebServer("test", app, settings.address, tls=server_context(pki.server.certificate, pki.server.key))
    code = EnrolmentCode.make(b"listener")
    await book.give_code(code_id(code.secret), "gw-5", ["health", "receipt"], 1, "terminal:somebody")
    task = asyncio.create_task(server.run())
    yield Door(server.address.port, pki.ca, issuer, code, clock, events)
    server.stop()
    await task


def request(tmp_path: Path, name: str = "gw-5") -> bytes:
    return write_request(LegFolder(tmp_path / "leg").request(subject_of(name)))


def run(*words: str | Path) -> bytes:
    return subprocess.run(words, check=True, capture_output=True).stdout


def enrol_by_hand(door: Door, folder: Path) -> x509.Certificate:
    """Enrol with nothing of ours."""
    key, der, sent = folder / "key.pem", folder / "request.der", folder / "request"
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=gw-5", "-keyout", key)
    run("openssl", "req", "-new", *new, "-outform", "DER", "-out", der)
    sent.write_bytes(base64.b64encode(der.read_bytes()))
    curl = ("curl", "--silent", "--show-error", "--fail", "--cacert", door.ca)
    login = ("--user", f"gw-5:{door.code.secret.hex()}", "--header", "content-type: application/pkcs10")
    for what, more in (("cacerts", ()), ("simpleenroll", (*login, "--data-binary", f"@{sent}"))):
        answer = run(*curl, *more, f"https://127.0.0.1:{door.port}/.well-known/est/{what}")
        (folder / what).write_bytes(base64.b64decode(answer))
        pem = folder / f"{what}.pem"
        run("openssl", "pkcs7", "-inform", "DER", "-in", folder / what, "-print_certs", "-out", pem)
    verify = ("openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", folder / "cacerts.pem")
    assert b"OK" in run(*verify, folder / "simpleenroll.pem")
    return x509.load_pem_x509_certificates((folder / "simpleenroll.pem").read_bytes())[0]


async def test_curl_and_openssl_enrol(door: Door, tmp_path: Path) -> None:
    own = await asyncio.to_thread(enrol_by_hand, door, tmp_path)
    assert (own.not_valid_after_utc - own.not_valid_before_utc).days == 7


async def test_an_answer_that_got_lost_is_given_again(door: Door, tmp_path: Path) -> None:
    async with door.client() as http:
        first, again = [await http.post("/simpleenroll", content=request(tmp_path), headers=TYPE) for _ in range(2)]
    assert (first.status_code, first.content) == (200, again.content)
    assert first.headers["content-type"] == "application/pkcs7-mime; smime-type=certs-only"
    assert first.headers["content-transfer-encoding"] == "base64"
    assert len(read_certificates(first.content)) == 1


async def test_what_is_wrong_gets_no_certificate(door: Door, tmp_path: Path) -> None:
    good = request(tmp_path)
    async with door.client() as http:
        for path, body, headers, status in (
            ("/simpleenroll", request(tmp_path / "other", "gw-6"), TYPE, 400),
            ("/simpleenroll", b"no request", TYPE, 400),
            ("/simpleenroll", b"A" * (REQUEST_BYTES_MAX + 1), TYPE, 413),
            ("/simpleenroll", good, {"content-type": "text/plain"}, 415),
            ("/value/simpleenroll", request(tmp_path / "value", "gw-5:value"), TYPE, 401),
            ("/other/simpleenroll", good, TYPE, 404),
            ("/simplereenroll", good, TYPE, 404),
            ("/serverkeygen", good, TYPE, 404),
        ):
            answer = await http.post(path, content=body, headers=headers)
            assert answer.status_code == status, (path, answer.text)
        assert (await http.get("/simpleenroll")).status_code == 405
    async with httpx.AsyncClient(verify=client_context(door.ca), timeout=PATIENCE_S) as http:
        answer = await http.post(
            f"https://127.0.0.1:{door.port}/.well-known/est/simpleenroll", content=good, headers=TYPE
        )
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Basic realm="enrolment"')
    assert door.events.counts[Kind.IDENTITY] == 1


async def test_guessing_ends_soon_and_begins_again_later(door: Door, tmp_path: Path) -> None:
    good = request(tmp_path)
    async with door.client(secret="00" * 10) as http:
        tries = [
            (await http.post("/simpleenroll", content=good, headers=TYPE)).status_code for _ in range(FAILURES_MAX)
        ]
        assert tries == [401] * FAILURES_MAX
        assert (await http.post("/simpleenroll", content=good, headers=TYPE)).status_code == 429
    async with door.client() as http:
        assert (await http.post("/simpleenroll", content=good, headers=TYPE)).status_code == 429
        door.clock[0] += 901
        assert (await http.post("/simpleenroll", content=good, headers=TYPE)).status_code == 200


async def test_a_ca_that_cannot_be_read_is_no_answer_and_no_crash(
    door: Door, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "issuer/ca.key").rename(tmp_path / "away")
    async with door.client() as http:
        answer = await http.post("/simpleenroll", content=request(tmp_path), headers=TYPE)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
        assert "est-unavailable" in caplog.text
        (tmp_path / "away").rename(tmp_path / "issuer/ca.key")
        assert (await http.post("/simpleenroll", content=request(tmp_path), headers=TYPE)).status_code == 200
