"""This file tests what lets the network in; it guards that nothing does without TLS and somebody to log in."""

from collections.abc import Callable
from pathlib import Path

import pytest

from isolane.center.people.office import Office, check_access
from isolane.center.people.settings import AccessSettings, ProviderSettings
from isolane.center.store.catalogue import SqlCatalogue
from isolane.config.values import Address, Secret
from isolane.core.failures import IsolaneError

ORIGIN = "https://center.example.org"
PEM = Path("center.pem")
PROVIDER = ProviderSettings(
    issuer="https://login.example.org",
    client_id="center",
    client_secret=Secret("env:NOTHING", Path()),
    roles={"a": "admin"},
    tenants={"a": "*"},
)


@pytest.mark.parametrize("console", ["127.0.0.9:0", "[::1]:8080", "localhost:8080"])
def test_loopback_has_many_names(console: str) -> None:
    check_access(Address.parse(console), AccessSettings())


@pytest.mark.parametrize("console", ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080", "example.org:80"])
def test_the_console_is_never_shown_to_the_network_without_tls(console: str) -> None:
    with pytest.raises(IsolaneError, match="would show the console to the network"):
        check_access(Address.parse(console), AccessSettings())
    for access in (
        AccessSettings(origin=ORIGIN, certificate=PEM, key=PEM),
        AccessSettings(origin=ORIGIN, proxies=("10.0.0.5",)),
    ):
        check_access(Address.parse(console), access)


@pytest.mark.parametrize(
    ("access", "sentence"),
    [
        (AccessSettings(certificate=PEM), "go together"),
        (AccessSettings(certificate=PEM, key=PEM), "has no origin"),
        (AccessSettings(proxies=("10.0.0.5",)), "has no origin"),
        (AccessSettings(provider=PROVIDER), "has no origin"),
        (AccessSettings(origin=ORIGIN), "origin needs TLS"),
        (AccessSettings(origin="http://center.example.org", proxies=("10.0.0.5",)), "origin needs TLS"),
        (AccessSettings(origin=f"{ORIGIN}/path", proxies=("10.0.0.5",)), "is not https"),
        (AccessSettings(origin="center.example.org", proxies=("10.0.0.5",)), "is not https"),
        (AccessSettings(origin=ORIGIN, proxies=("proxy.example",)), "no IP address"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(access: AccessSettings, sentence: str) -> None:
    with pytest.raises(IsolaneError, match=sentence):
        check_access(Address("127.0.0.1", 0), access)


async def test_the_network_waits_for_the_first_user(open_catalogue: Callable[[], SqlCatalogue]) -> None:
    office = Office(open_catalogue(), AccessSettings(origin=ORIGIN, proxies=("10.0.0.5",)))
    assert office.session_cookie == "__Host-isolane-session"
    with pytest.raises(IsolaneError, match="nobody can log in yet") as raised:
        await office.require_people()
    assert "isolane center user add" in str(raised.value)
    assert office.hosts() == {"center.example.org"}
    office.close()
    on_loopback = Office(open_catalogue(), AccessSettings())
    await on_loopback.require_people()
    on_loopback.close()


async def test_a_route_that_nobody_has_a_right_to_keeps_the_center_from_starting(
    open_catalogue: Callable[[], SqlCatalogue],
) -> None:
    office = Office(open_catalogue(), AccessSettings())

    async def nothing(*_: object) -> None:
        raise AssertionError

    routes = [("GET", "/api/v1/sites"), ("DELETE", "/api/v1/everything")]
    with pytest.raises(IsolaneError, match="nobody may ask for DELETE /api/v1/everything"):
        office.gate(nothing, routes, problem=lambda *_: nothing, page=lambda *_: nothing, bounce=lambda _: nothing)
    office.close()
