"""This file checks that settings which would be weaker than they look are refused in words."""

from pathlib import Path

import pytest

from isolane.config.load import load
from isolane.core.failures import IsolaneError
from isolane.value.settings import ValueSettings

WSS = '[value.csms]\nurl = "wss://csms.example/ocpp"\n'
PLAIN = '[[value.listen]]\naddress = "127.0.0.1:0"\n'
TLS = PLAIN + 'certificate = "a.pem"\nkey = "a.key"\n'
MUTUAL = TLS + 'client_ca = "ca.pem"\n'
ENTRY = '[[value.retrofit]]\ncharger = "CP1"\npassword = "env:CP1"\n'


def settings(tmp_path: Path, text: str) -> ValueSettings:
    (tmp_path / "site.toml").write_text('[value]\nmetrics = "127.0.0.1:0"\n' + text)
    return load(tmp_path / "site.toml", "value", ValueSettings)


def access(lines: str) -> str:
    return f"[value.access]\n{lines}\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (WSS + PLAIN + "profile = 2\n", "profile 2"),
        (WSS + PLAIN + "profile = 4\n", "<= 3"),
        (WSS + TLS + "profile = 1\n", "profile 1"),
        (WSS + TLS + "profile = 3\n", "profile 3"),
        (WSS + MUTUAL + "profile = 2\n", "profile 2"),
        (WSS + TLS + 'crl = "crl.pem"\n', "client_ca"),
        (WSS + TLS + 'second_certificate = "b.pem"\n', "both or neither"),
        (WSS + PLAIN + 'second_certificate = "b.pem"\nsecond_key = "b.key"\n', "needs"),
        (WSS + PLAIN + access('auth = "verify"'), "access.credentials"),
        (WSS + PLAIN + 'auth = "verify-and-replace"\n', "access.credentials"),
        (WSS + PLAIN + "profile = 0\n" + access('auth = "verify"\ncredentials = "c"'), "profile 0 has no password"),
        (WSS + PLAIN + 'profile = 1\nauth = "replace"\n', "verify-and-replace"),
        (WSS + PLAIN + access('learn = "from-csms"'), "nothing is stored"),
        (WSS + PLAIN + ENTRY, "need auth"),
        (WSS + PLAIN + access('password = "env:ALL"'), "need auth"),
        (WSS.replace("wss", "ws") + PLAIN + 'auth = "replace"\n' + ENTRY, "in the clear"),
        (WSS + PLAIN + 'auth = "replace"\n' + ENTRY + ENTRY, "stands twice"),
        (WSS + PLAIN + 'auth = "replace"\n' + ENTRY.replace("CP1", "C/1"), "cannot be an identity"),
        (WSS + PLAIN + 'auth = "replace"\n[[value.retrofit]]\ncharger = "CP1"\n', "give a `password`"),
        (WSS + PLAIN + 'auth = "replace"\n' + ENTRY + 'certificate = "x.pem"\n', "both or neither"),
        (WSS + PLAIN + 'auth = "replace"\n' + ENTRY.replace("env:", ""), "by reference"),
    ],
)
def test_what_contradicts_itself_is_refused_in_words(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(IsolaneError) as failure:
        settings(tmp_path, text)
    assert says in str(failure.value)


@pytest.mark.parametrize(
    "text",
    [
        PLAIN + "profile = 0\n",
        PLAIN + "profile = 1\n",
        TLS + "profile = 2\n",
        MUTUAL + 'profile = 3\ncrl = "crl.pem"\n',
        PLAIN + 'profile = 0\nauth = "replace"\n' + ENTRY,
        PLAIN + 'profile = 1\nauth = "verify-and-replace"\n' + access('credentials = "c"') + ENTRY,
        MUTUAL + "profile = 3\n" + TLS + access('auth = "verify"\ncredentials = "c"'),
        MUTUAL + access('auth = "verify"\ncredentials = "c"\n[value.access.serials]\n"CP 1" = "SN-1"'),
    ],
)
def test_what_fits_is_taken(tmp_path: Path, text: str) -> None:
    made = settings(tmp_path, WSS + text)
    assert not any(listener.verifies(made.access) for listener in made.listen if listener.client_ca is not None)


def test_a_port_may_differ_from_the_site(tmp_path: Path) -> None:
    text = WSS + PLAIN + TLS + 'auth = "pass"\n' + access('auth = "verify"\ncredentials = "c"')
    made = settings(tmp_path, text)
    assert [listener.verifies(made.access) for listener in made.listen] == [True, False]
    assert not any(listener.replaces(made.access) for listener in made.listen)
