"""This file tests whom a webhook may reach; it guards that no form of an address gets around the rule."""

import ipaddress

import pytest

from isolane.center.alerts.addresses import (
    RefusedAddressError,
    is_allowed,
    parse_networks,
    parse_target,
    resolve,
)
from isolane.core.failures import IsolaneError


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "240.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "64:ff9b:1::7f00:1",
        "::7f00:1",
        "::ffff:0:7f00:1",
        "fec0::1",
        "2001:db8::1",
    ],
)
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not is_allowed(ipaddress.ip_address(address), ())


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_what_is_public_is_not(address: str) -> None:
    assert is_allowed(ipaddress.ip_address(address), ())


def test_only_the_networks_of_the_settings_are_let_through() -> None:
    allow = parse_networks("x", ["10.1.0.0/16", "fd00::/8"])
    assert is_allowed(ipaddress.ip_address("10.1.2.3"), allow)
    assert is_allowed(ipaddress.ip_address("::ffff:10.1.2.3"), allow)
    assert is_allowed(ipaddress.ip_address("fd00::7"), allow)
    assert not is_allowed(ipaddress.ip_address("10.2.0.1"), allow)
    assert not is_allowed(ipaddress.ip_address("127.0.0.1"), allow)
    with pytest.raises(IsolaneError, match="write networks"):
        parse_networks("x", ["10.1.0.1/16"])


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a/",
        "https://",
        "https://u:p@a/",
        "a/b",
        "https://a:99999/",
        "https://a/#f",
        "https://a/\r\nX: y",
        "file:///x",
    ],
)
def test_what_cannot_be_posted_to_is_told(url: str) -> None:
    with pytest.raises(IsolaneError, match="https://host/path"):
        parse_target("url", url)


def test_a_url_is_taken_apart() -> None:
    target = parse_target("url", "https://hooks.example:8443/a?b=c")
    assert (target.host, target.port, target.path, target.authority) == (
        "hooks.example",
        8443,
        "/a?b=c",
        "hooks.example:8443",
    )
    assert target.url_at("2606:4700::1") == "https://[2606:4700::1]:8443/a?b=c"
    assert parse_target("url", "https://[::1]").authority == "[::1]"


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "127.1", "0"]
)
async def test_no_spelling_of_loopback_gets_through(host: str) -> None:
    with pytest.raises(RefusedAddressError, match="not public"):
        await resolve(parse_target("url", f"https://{host}/"), ())


async def test_plain_http_is_for_allowed_networks_only() -> None:
    with pytest.raises(RefusedAddressError, match="plain http"):
        await resolve(parse_target("url", "http://1.1.1.1/"), ())
    allow = parse_networks("x", ["127.0.0.0/8"])
    assert await resolve(parse_target("url", "http://127.0.0.1/"), allow) == "127.0.0.1"
