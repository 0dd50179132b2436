"""This file checks that the [value] table says no to what cannot work."""

from pathlib import Path

import pytest

from isolane.config.load import load
from isolane.core.failures import IsolaneError
from isolane.value.settings import ValueSettings

CSMS = '[value.csms]\nurl = "wss://csms.example/ocpp"\n'
VERIFYING = '[value.access]\nauth = "verify"\ncredentials = "credentials"\n'
LISTEN = '[[value.listen]]\naddress = "127.0.0.1:0"\n'


def settings(tmp_path: Path, text: str) -> ValueSettings:
    (tmp_path / "site.toml").write_text('[value]\nmetrics = "127.0.0.1:0"\n' + text)
    return load(tmp_path / "site.toml", "value", ValueSettings)


def test_the_least_that_is_needed(tmp_path: Path) -> None:
    made = settings(tmp_path, CSMS + LISTEN)
    assert made.allow is None
    assert made.compression == "each-message"
    assert made.limits.message_bytes == 8 * 1024 * 1024


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (LISTEN, "csms"),
        (CSMS, "listen"),
        (CSMS + "[value]\nlisten = []", "TOML"),
        (CSMS.replace("wss", "https") + LISTEN, "ws://"),
        (CSMS.replace("csms.example", "u:p@csms.example") + LISTEN, "credentials"),
        (CSMS.replace("/ocpp", "/ocpp?a=1") + LISTEN, "query"),
        (CSMS.replace("/ocpp", "/oc pp") + LISTEN, "ASCII"),
        (CSMS.replace("wss", "ws") + 'ca = "ca.pem"\n' + LISTEN, "wss"),
        (CSMS + 'urls = ["https://b.example"]\n' + LISTEN, "b.example"),
        (CSMS + 'certificate = "a.pem"\n' + LISTEN, "both or neither"),
        (CSMS + LISTEN + 'certificate = "a.pem"\n', "both or neither"),
        (CSMS + LISTEN + 'client_ca = "a.pem"\n', "needs"),
        (CSMS + LISTEN + 'path = "ocpp/"\n', "begin with /"),
        (CSMS + "[value.limits]\nmessage_byte = 1\n" + LISTEN, "message_bytes"),
        (CSMS + "[value.limits]\nfragments = 0\n" + LISTEN, "fragments"),
    ],
)
def test_what_cannot_work_is_refused_in_words(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(IsolaneError, match=says):
        settings(tmp_path, text)
