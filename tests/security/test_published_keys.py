"""This file gives listeners and links the keys that everybody has: none of them comes up."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from bench.supply.printed_key import PRINTED, write_identity

from isolane.core.failures import IsolaneError
from isolane.security.published_keys import is_published
from isolane.security.tls import Chain, charger_context, client_context, server_context
from support.charger_ca import ChargerCa


@pytest.mark.parametrize("name", sorted(PRINTED))
def test_a_printed_key_is_nobodys_identity(tmp_path: Path, name: str) -> None:
    chain, key = write_identity(tmp_path, name)
    makers: tuple[Callable[[], ssl.SSLContext], ...] = (
        lambda: server_context(chain, key),
        lambda: client_context(None, chain, key),
        lambda: charger_context([Chain(chain, key)]),
    )
    for make in makers:
        with pytest.raises(IsolaneError, match="a test key that everybody has"):
            make()


def test_a_key_of_ones_own_is_none_of_them(tmp_path: Path) -> None:
    chain, _, _ = ChargerCa(tmp_path).issue("CP1")
    assert not is_published(chain)


def test_a_file_without_certificate_holds_no_printed_key(tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("nothing\n")
    assert not is_published(tmp_path / "none.pem")
