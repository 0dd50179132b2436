"""This file logs in through a real OpenID Connect provider; it guards that only that provider's word counts."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from isolane.center.people.provider import Provider
from isolane.center.people.settings import AccessSettings, ProviderSettings
from isolane.center.store.people_views import Role
from isolane.config.values import Secret
from isolane.core.failures import IsolaneError
from isolane.security.tls import client_context
from support.front import Front
from support.oidc_provider import CLIENT, SECRET, OidcProvider
from support.patience import PATIENCE_S

ORIGIN = "https://center.example.org"
DISPATCH = {"preferred_username": "Night@example.org", "roles": ["other", "om-dispatch"], "tenant": "n"}


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[OidcProvider]:
    async with OidcProvider(tmp_path).running() as one:
        one.claims = dict(DISPATCH)
        yield one


@pytest.fixture
async def front(tmp_path: Path, provider: OidcProvider) -> AsyncIterator[Front]:
    """A center behind a proxy that trusts the provider."""
    (tmp_path / "secret").write_text(SECRET, encoding="utf-8")
    settings = ProviderSettings(
        issuer=provider.issuer,
        client_id=CLIENT,
        client_secret=Secret("file:secret", tmp_path),
        ca=provider.ca,
        roles={"om-view": "viewer", "om-dispatch": "dispatcher", "om-admin": "admin"},
        tenants={"n": "north", "ops": "*"},
    )
    access = AccessSettings(origin=ORIGIN, proxies=("127.0.0.1",), provider=settings)
    async with Front(tmp_path / "center", access).running() as one:
        await one.fill()
        yield one


class Browser:
    """Follows redirects by hand, as one whose address bar says ORIGIN."""

    def __init__(self, front: Front, provider: OidcProvider) -> None:
        self._center = front.client(host="center.example.org")
        self._provider = httpx.AsyncClient(verify=client_context(provider.ca), timeout=PATIENCE_S)
        self.cookies: dict[str, str] = {}

    async def close(self) -> None:
        await self._center.aclose()
        await self._provider.aclose()

    async def get(self, path: str) -> httpx.Response:
        """Ask the center; cookies are kept by hand, since the socket is plain and they are Secure."""
        shown = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = await self._center.get(path, headers={"cookie": shown, "sec-fetch-site": "cross-site"})
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        self._center.cookies.clear()
        return answer

    async def to_provider(self) -> str:
        """Begin; gives the address that the provider sends back to."""
        begun = await self.get("/login/provider")
        assert begun.status_code == 303, begun.text
        back = await self._provider.get(begun.headers["location"])
        assert back.headers["location"].startswith(f"{ORIGIN}/login/callback?")
        return str(back.headers["location"]).removeprefix(ORIGIN)

    async def log_in(self) -> httpx.Response:
        """Go the whole way."""
        return await self.get(await self.to_provider())

    async def me(self) -> dict[str, Any]:
        answer = await self.get("/api/v1/session")
        return dict(answer.json()) if answer.status_code == 200 else {}


Open = Callable[[], Browser]


@pytest.fixture
async def open_browser(front: Front, provider: OidcProvider) -> AsyncIterator[Open]:
    async with AsyncExitStack() as closing:

        def open_one() -> Browser:
            one = Browser(front, provider)
            closing.push_async_callback(one.close)
            return one

        yield open_one


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_whom_the_provider_vouches_for_gets_in(
    open_browser: Open, provider: OidcProvider, algorithm: str
) -> None:
    provider.algorithm = algorithm
    browser = open_browser()
    assert "/login/provider" in (await browser.get("/login")).text
    done = await browser.log_in()
    # The provider's redirect is foreign; the page that it leads to asks again from here, with the Strict cookie.
    assert 'http-equiv="refresh"' in done.text
    assert (await browser.me()) == {"name": "night", "role": "dispatcher", "tenants": ["north"], "open": False}
    assert [site["site"] for site in (await browser.get("/api/v1/sites")).json()] == ["depot"]
    again = open_browser()
    await again.log_in()
    assert (await again.me())["name"] == "night"


async def test_rights_follow_the_provider(open_browser: Open, provider: OidcProvider, front: Front) -> None:
    first, second = open_browser(), open_browser()
    await first.log_in()
    provider.claims |= {"roles": "om-view", "tenant": ["n", "ops"]}
    await second.log_in()
    assert (await second.me())["role"] == "viewer"
    assert (await second.me())["tenants"] == ["*"]
    assert (await first.me()) == {}
    note = front.center.office.desk._audit.line("user-changed")
    front.center.office.desk._sessions.forget(await front.records.change_person("night", note, disabled=True))
    assert (await second.me()) == {}
    assert (await open_browser().log_in()).status_code == 401
    told = [(line.who, line.what) for line in await front.records.audit(None, 20)]
    assert ("provider", "user-added") in told
    assert ("night", "log-in-by-provider") in told
    assert told[0] == ("", "log-in-refused")


@pytest.mark.parametrize(
    "claims",
    [
        {"roles": ["root"]},
        {"roles": []},
        {"roles": {"om-admin": True}},
        {"tenant": "other"},
        {"tenant": None},
        {"preferred_username": "../x"},
        {"preferred_username": None},
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": [CLIENT, "another"]},
        {"azp": "another"},
        {"iss": "https://evil.example"},
        {"exp": int(time.time()) - 3600},
        {"iat": int(time.time()) + 3600},
        {"sub": None},
        {"sub": "x" * 256},
        {"sub": 7},
    ],
)
async def test_claims_that_do_not_fit_let_nobody_in(
    open_browser: Open, provider: OidcProvider, front: Front, claims: dict[str, Any]
) -> None:
    provider.claims |= claims
    provider.sign = lambda made: provider.signed({key: value for key, value in made.items() if value is not None})
    browser = open_browser()
    assert (await browser.log_in()).status_code == 403
    assert (await browser.me()) == {}
    assert await front.records.people() == []


async def test_a_token_of_another_hand_lets_nobody_in(open_browser: Open, provider: OidcProvider) -> None:
    stranger = RSAKey.generate_key(2048, {"kid": "rsa"})
    forged = [
        lambda made: jwt.encode({"alg": "RS256", "kid": "rsa"}, made, stranger),
        lambda made: jwt.encode({"alg": "HS256", "kid": "rsa"}, made, OctKey.import_key("x" * 32)),
        lambda made: f"{provider.signed(made)[:-8]}AAAAAAAA",
        lambda made: "eyJhbGciOiJub25lIn0." + provider.signed(made).split(".")[1] + ".",
        lambda _: "",
        lambda _: "x.y.z",
    ]
    for sign in forged:
        provider.sign = sign
        assert (await open_browser().log_in()).status_code == 403


async def test_nobody_ends_what_another_has_begun(open_browser: Open) -> None:
    victim, attacker = open_browser(), open_browser()
    of_attacker = await attacker.to_provider()
    assert (await victim.get(of_attacker)).status_code == 403
    await victim.to_provider()
    assert (await victim.get(of_attacker)).status_code == 403
    back = await victim.to_provider()
    state = parse_qs(urlsplit(back).query)["state"][0]
    assert (await victim.get(back.replace(state, state[::-1]))).status_code == 403
    assert (await victim.get(back)).status_code == 403
    back = await victim.to_provider()
    assert (await victim.get(back)).status_code == 200
    assert (await victim.get(back)).status_code == 403


async def test_a_description_leads_nowhere_else(open_browser: Open, provider: OidcProvider) -> None:
    good = dict(provider.facts)
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        for url in (
            f"http://{provider.host}/elsewhere",
            "https://169.254.169.254/latest",
            "https://127.1/elsewhere",
            f"https://{provider.host}@evil.example/",
            "file:///etc/passwd",
            None,
        ):
            provider.facts = {**good, name: url}
            assert (await open_browser().get("/login/provider")).status_code == 403
    provider.facts = {**good, "issuer": "https://evil.example"}
    assert (await open_browser().get("/login/provider")).status_code == 403
    provider.facts = {**good, "padding": "x" * 300_000}
    assert (await open_browser().get("/login/provider")).status_code == 403
    assert "elsewhere" not in provider.asked
    provider.facts = good
    assert (await open_browser().log_in()).status_code == 200


async def test_a_name_that_is_taken_is_not_taken_over(open_browser: Open, front: Front) -> None:
    await front.add("night", Role.ADMIN, "*")
    assert (await open_browser().log_in()).status_code == 409


async def test_new_keys_are_asked_for(open_browser: Open, provider: OidcProvider, front: Front) -> None:
    assert (await open_browser().log_in()).status_code == 200
    provider.keys["RS256"] = RSAKey.generate_key(2048, {"kid": "renewed"})
    asked = front.center.office.door._provider
    assert asked is not None
    asked._keys_s -= 60
    assert (await open_browser().log_in()).status_code == 200
    assert provider.asked.count("keys") == 2


@pytest.mark.parametrize("issuer", ["http://login.example.org", "https://", "https://a@b", "https://a/?x", "login"])
def test_an_issuer_is_an_address_over_tls(issuer: str, tmp_path: Path) -> None:
    secret = Secret("file:x", tmp_path)
    settings = ProviderSettings(issuer=issuer, client_id="x", client_secret=secret, roles={}, tenants={})
    with pytest.raises(IsolaneError, match="is not https"):
        Provider(settings, ORIGIN)


def test_roles_are_ours(tmp_path: Path) -> None:
    secret = Secret("file:x", tmp_path)
    settings = ProviderSettings(
        issuer="https://a.example", client_id="x", client_secret=secret, roles={"a": "root"}, tenants={}
    )
    with pytest.raises(IsolaneError, match="names root"):
        Provider(settings, ORIGIN)
