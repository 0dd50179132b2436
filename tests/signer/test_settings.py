"""This file starts a signer wrongly; it guards that it is never shown to the network."""

import dataclasses
from pathlib import Path

import pytest

from isolane.config.values import Address
from isolane.core.failures import IsolaneError
from isolane.signer.settings import SignerSettings

GOOD = SignerSettings(
    key=Path("ann.pem"),
    center="https://center.example.org",
    token_file=Path("ann.token"),
    keys=Path("keys.jws"),
    log=Path("ann.log"),
)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"listen": Address("0.0.0.0", 8790)}, "is not on loopback"),
        ({"listen": Address("10.0.0.5", 8790)}, "is not on loopback"),
        ({"listen": Address("center.example.org", 8790)}, "is not on loopback"),
        ({"center": "http://center.example.org"}, "would show the token"),
        ({"center": "center.example.org"}, "is no address of a center"),
        ({"center": "https://ann:x@center.example.org"}, "is no address of a center"),
        ({"center": "https://center.example.org/else"}, "is no address of a center"),
        ({"center": "https://center.example.org:none"}, "is no address of a center"),
        ({"remember_minutes": 31}, "30 minutes at most"),
        ({"remember_minutes": 5, "center": "http://127.0.0.1:8080"}, "one signature at a time"),
    ],
)
def test_what_would_let_others_in_is_refused(changed: dict[str, object], sentence: str) -> None:
    with pytest.raises(IsolaneError, match=sentence):
        dataclasses.replace(GOOD, **changed).check()  # type: ignore[arg-type]


def test_what_is_good_is_taken() -> None:
    GOOD.check()
    dataclasses.replace(GOOD, center="http://[::1]:8080", listen=Address("::1", 0)).check()
    dataclasses.replace(GOOD, center="https://center.example.org:8443/", remember_minutes=30).check()
