"""This file checks that a plain charger is lifted to wss with its own credential and nobody else's."""

import base64
import ssl
from pathlib import Path

import pytest
import trustme

from isolane.config.values import Secret
from isolane.core.failures import IsolaneError
from isolane.value.access.retrofit import Voices
from isolane.value.access.settings import Retrofit
from support.charger_ca import ChargerCa
from support.raw_peer import ask, end, raw_csms, request
from support.relay import relaying

LISTEN = '[[value.listen]]\naddress = "127.0.0.1:0"\npath = "/ocpp"\nprofile = 0\nauth = "replace"\n'


def secret(folder: Path, name: str, content: bytes) -> Secret:
    (folder / name).write_bytes(content)
    return Secret.parse(f"file:{name}", folder)


async def test_plain_chargers_reach_the_csms_with_what_is_theirs(tmp_path: Path) -> None:
    server, chargers = trustme.CA(), ChargerCa(tmp_path)
    server.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(chargers.ca))
    server.issue_cert("127.0.0.1").configure_cert(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    chargers.issue("CP1")
    (tmp_path / "cp2").write_text("ff00\n")
    (tmp_path / "all").write_text("site-password\n")
    listen = LISTEN + (
        '[[value.retrofit]]\ncharger = "CP1"\ncertificate = "CP1.pem"\nkey = "CP1.key"\n'
        '[[value.retrofit]]\ncharger = "CP2"\npassword = "file:cp2"\nis_hex = true\n'
        '[value.access]\npassword = "file:all"\n'
    )
    async with raw_csms(context=context) as csms:
        url = f'url = "wss://127.0.0.1:{csms.port}"\nca = "ca.pem"'
        async with relaying(tmp_path, url, listen=listen) as relay:
            seen = {}
            for charger in ("CP1", "CP2", "CP3"):
                peer = await ask(relay.ports[0], request(f"/ocpp/{charger}", "Authorization: Basic b3duOm93bg=="))
                assert peer.head.startswith(b"HTTP/1.1 101 ")
                above = await csms.accepted()
                facts = above.writer.get_extra_info("ssl_object").getpeercert() or {}
                names = [value for part in facts.get("subject", ()) for name, value in part if name == "commonName"]
                fields = [line for line in above.head.split(b"\r\n") if line.startswith(b"Authorization: ")]
                seen[charger] = (names, [base64.b64decode(field.split(b" ")[2]) for field in fields])
                await end(peer.writer)
                await end(above.writer)
            assert seen == {
                "CP1": (["CP1"], []),
                "CP2": ([], [b"CP2:\xff\x00"]),
                "CP3": ([], [b"CP3:site-password"]),
            }
            assert await relay.metric('isolane_value_certificate_expiry_seconds{certificate="CP1.pem"}') > 0
    assert "site-password" not in "".join(relay.log)


def test_what_is_read_again_is_used_and_what_is_wrong_changes_nothing(tmp_path: Path) -> None:
    chargers = ChargerCa(tmp_path)
    certificate, key, _ = chargers.issue("CP1")
    password = secret(tmp_path, "cp1", b"old\n")
    voices = Voices([Retrofit(charger="CP1", password=password, certificate=certificate, key=key)], None, chargers.ca)
    before = voices.of("CP1")
    assert before.authorization == "Basic " + base64.b64encode(b"CP1:old").decode()
    chargers.issue("CP1")
    secret(tmp_path, "cp1", b"new")
    voices.reload()
    after = voices.of("CP1")
    assert after.authorization == "Basic " + base64.b64encode(b"CP1:new").decode()
    assert after.context is not before.context
    voices.hold_to([Retrofit(charger="CP2", password=password)])
    assert voices.of("CP1").authorization is None
    assert voices.of("CP2").authorization == "Basic " + base64.b64encode(b"CP2:new").decode()
    voices.hold_to([Retrofit(charger="CP1", password=password, certificate=certificate, key=key)])
    after = voices.of("CP1")
    key.write_text("no key")
    with pytest.raises(IsolaneError, match="unencrypted key"):
        voices.reload()
    assert voices.of("CP1") is after
    assert voices.of("CP2").authorization is None


@pytest.mark.parametrize(
    ("content", "form", "says"),
    [(b"secret", "hex", "is not hex"), (b"\n", "text", "empty"), (b"secret" * 30, "text", "too long")],
)
def test_a_secret_that_cannot_be_is_said_and_not_shown(tmp_path: Path, content: bytes, form: str, says: str) -> None:
    entry = Retrofit(charger="CP1", password=secret(tmp_path, "cp1", content), is_hex=form == "hex")
    with pytest.raises(IsolaneError, match=says) as failure:
        Voices([entry], None, None)
    assert "secret" not in str(failure.value)


def test_a_secret_that_is_absent_is_named(tmp_path: Path) -> None:
    absent = Retrofit(charger="CP1", password=Secret.parse("file:absent", tmp_path))
    with pytest.raises(IsolaneError, match="absent"):
        Voices([absent], None, None)
