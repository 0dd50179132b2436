"""This file checks the values settings are made of."""

from pathlib import Path

import pytest

from isolane.config.values import Address, Secret


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:9101", "127.0.0.1", 9101), ("[::1]:0", "::1", 0), ("gateway.lan:443", "gateway.lan", 443)],
)
def test_an_address_reads_and_writes_itself(text: str, host: str, port: int) -> None:
    address = Address.parse(text)
    assert (address.host, address.port) == (host, port)
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", "127.0.0.1", ":80", "host:", "host:65536", "host:-1", "host:٣", "::1:80", "host:8o"]
)
def test_what_is_no_address_says_how_one_looks(text: str) -> None:
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:9101"):
        Address.parse(text)


def test_a_secret_is_read_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tap.key").write_bytes(b"\x00abc\n")
    monkeypatch.setenv("ISOLANE_TEST_KEY", "xyz")
    assert Secret.parse("file:tap.key", tmp_path).read() == b"\x00abc"
    assert Secret.parse("env:ISOLANE_TEST_KEY", tmp_path).read() == b"xyz"


@pytest.mark.parametrize("text", ["hunter2", "", "file:", "env:", "FILE:x"])
def test_a_literal_secret_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="by reference") as refused:
        Secret.parse(text, Path())
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("reference", ["file:absent", "env:ISOLANE_ABSENT"])
def test_a_secret_that_is_not_there_says_where_it_was_looked_for(reference: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"(absent|ABSENT)"):
        Secret.parse(reference, tmp_path).read()
