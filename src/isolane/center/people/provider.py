"""This file asks an OpenID Connect provider who somebody is; it guards that only that provider's word counts.

Authorization code with PKCE (S256), state and nonce. What is under way is kept here under a cookie of the browser that
began it, so that nobody ends a log-in that another has begun. The provider is reached over https only, at its own host
or at hosts that the settings name, without following redirects, and its answers are bounded in size and time: a
discovery document cannot send the center anywhere else. ID tokens must be signed with RS256, ES256 or EdDSA by a key of
the provider's set, be for this client, fresh, and carry the nonce.
"""

import asyncio
import json
import secrets
import ssl
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx
from authlib.oauth2.rfc6749.parameters import (  # type: ignore[import-untyped]
    prepare_grant_uri,
    prepare_token_request,
)
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from isolane.center.people.settings import ProviderSettings
from isolane.center.store.people_port import Refusal, RefusedError
from isolane.center.store.people_views import EVERYWHERE, Role
from isolane.core.failures import IsolaneError
from isolane.core.ids import check_name

_ALGORITHMS: Final = ["RS256", "ES256", "EdDSA"]
_ANSWER_BYTES_MAX = 262_144
_ANSWER_S = 10.0
_PENDING_S = 600.0
_PENDING_MAX = 1000
_KNOWN_S = 3600.0
"""How long discovery and keys are believed; a key that is not known is asked for at once."""
_REFETCH_S = 10.0
_LEEWAY_S = 60
_SUBJECT_CHARS_MAX = 255
"""OpenID Connect Core 1.0, section 2."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom the provider vouches for, in our words."""

    subject: str
    name: str
    role: str
    tenants: str


@dataclass(frozen=True, slots=True)
class _Pending:
    state: str
    nonce: str
    verifier: str
    begun_s: float


class Provider:
    """One provider; see the top of this file.

    Args:
        settings: Which.
        redirect_url: Where it sends browsers back to.

    Raises:
        IsolaneError: The settings cannot be.
    """

    def __init__(self, settings: ProviderSettings, redirect_url: str) -> None:
        self._settings = settings
        self._redirect_url = redirect_url
        self._issuer = settings.issuer.rstrip("/")
        self._hosts = {urlsplit(settings.issuer).netloc, *settings.hosts}
        _check(settings)
        self._tls = ssl.create_default_context(cafile=None if settings.ca is None else str(settings.ca))
        self._pending: OrderedDict[str, _Pending] = OrderedDict()
        self._facts: dict[str, Any] = {}
        self._facts_s = float("-inf")
        self._keys: KeySet | None = None
        self._keys_s = float("-inf")

    async def begin(self) -> tuple[str, str]:
        """Begin a log-in: the provider's address to go to, and a cookie's value that the browser brings back."""
        facts = await self._discovered()
        one = _Pending(_secret(), _secret(), _secret(), time.monotonic())
        url: str = prepare_grant_uri(
            facts["authorization_endpoint"],
            self._settings.client_id,
            "code",
            redirect_uri=self._redirect_url,
            scope=self._settings.scopes,
            state=one.state,
            nonce=one.nonce,
            code_challenge=create_s256_code_challenge(one.verifier),
            code_challenge_method="S256",
        )
        cookie = _secret()
        self._pending[cookie] = one
        while len(self._pending) > _PENDING_MAX:
            self._pending.popitem(last=False)
        return url, cookie

    async def end(self, query: dict[str, str], cookie: str) -> Vouched:
        """End a log-in with what the provider sent back.

        Args:
            query: Of the redirect.
            cookie: That the browser brought.

        Raises:
            RefusedError: It is none of ours, or not believed.
        """
        one = self._pending.pop(cookie, None)
        if one is None or time.monotonic() - one.begun_s > _PENDING_S:
            raise _refused("no log-in is under way in this browser; begin again")
        if not secrets.compare_digest(query.get("state", "").encode(), one.state.encode()):
            raise _refused("the answer is not to our question")
        if query.get("iss", self._settings.issuer) != self._settings.issuer:
            raise _refused("another provider has answered")
        if "code" not in query:
            raise _refused("the provider has not let this person in")
        facts = await self._discovered()
        body = prepare_token_request(
            "authorization_code", redirect_uri=self._redirect_url, code=query["code"], code_verifier=one.verifier
        )
        token = await self._ask("POST", facts["token_endpoint"], body)
        return self._vouched(await self._claims(token, one.nonce))

    # Facts and keys

    async def _discovered(self) -> dict[str, Any]:
        if time.monotonic() - self._facts_s > _KNOWN_S:
            facts = await self._ask("GET", f"{self._issuer}/.well-known/openid-configuration")
            if facts.get("issuer") != self._settings.issuer:
                raise _refused("the provider's description is of another issuer")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                self._check_url(str(facts.get(name)))
            self._facts, self._facts_s = facts, time.monotonic()
        return self._facts

    def _check_url(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or parts.netloc not in self._hosts:
            raise _refused("the provider's description leads to a host that the settings do not name")

    async def _ask(self, method: str, url: str, form: str = "") -> dict[str, Any]:
        """Ask the provider for a JSON object; with a form the center proves who it is."""
        self._check_url(url)
        settings, body = self._settings, bytearray()
        client = httpx.AsyncClient(verify=self._tls, timeout=_ANSWER_S, trust_env=False, follow_redirects=False)
        asked: dict[str, Any] = {}
        if form:
            asked["content"] = form
            asked["headers"] = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
            asked["auth"] = (quote(settings.client_id, ""), quote(settings.client_secret.read(), ""))
        try:
            async with asyncio.timeout(_ANSWER_S), client, client.stream(method, url, **asked) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise _refused("the provider does not answer this, or not now")
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > _ANSWER_BYTES_MAX:
                        raise _refused("the provider's answer is too large")
            found = json.loads(body)
        except (httpx.HTTPError, TimeoutError, ValueError) as error:
            raise _refused("the provider does not answer this, or not now") from error
        if not isinstance(found, dict):
            raise _refused("the provider's answer cannot be read")
        return found

    async def _claims(self, answer: dict[str, Any], nonce: str) -> dict[str, Any]:
        """Check the ID token of an answer and give its claims; a key that is not known yet is asked for once."""
        token = str(answer.get("id_token", ""))
        try:
            decoded = jwt.decode(token, await self._key_set(renew=False), algorithms=_ALGORITHMS)
        except (JoseError, ValueError):
            try:
                decoded = jwt.decode(token, await self._key_set(renew=True), algorithms=_ALGORITHMS)
            except (JoseError, ValueError) as error:
                raise _refused("the provider's token is not signed by the provider") from error
        wanted = {"iss": self._settings.issuer, "aud": self._settings.client_id, "nonce": nonce}
        options = {name: {"essential": True, "value": value} for name, value in wanted.items()}
        facts = {"nonce": nonce, "client_id": self._settings.client_id, "access_token": answer.get("access_token")}
        claims = CodeIDToken(decoded.claims, decoded.header, options, facts)
        try:
            claims.validate(leeway=_LEEWAY_S)
        except (JoseError, ValueError, TypeError) as error:
            raise _refused("the provider's token is not for this log-in") from error
        return dict(claims)

    async def _key_set(self, *, renew: bool) -> KeySet:
        age_s = time.monotonic() - self._keys_s
        if self._keys is None or age_s > _KNOWN_S or (renew and age_s > _REFETCH_S):
            found = await self._ask("GET", str((await self._discovered())["jwks_uri"]))
            try:
                self._keys = KeySet.import_key_set({"keys": found["keys"]})
            except (JoseError, KeyError, TypeError, ValueError) as error:
                raise _refused("the provider's keys cannot be read") from error
            self._keys_s = time.monotonic()
        return self._keys

    def _vouched(self, claims: dict[str, Any]) -> Vouched:
        """Put claims into our words."""
        settings = self._settings
        roles = [settings.roles[value] for value in _texts(claims.get(settings.role_claim)) if value in settings.roles]
        tenants = [
            settings.tenants[value] for value in _texts(claims.get(settings.tenant_claim)) if value in settings.tenants
        ]
        if not roles or not tenants:
            raise _refused("the provider vouches for this person, and nothing says what he may do here")
        name = str(claims.get(settings.name_claim, "")).partition("@")[0].lower()
        try:
            check_name("user", name)
        except IsolaneError as error:
            raise _refused(f"the provider's {settings.name_claim} cannot be a name here") from error
        subject = claims["sub"]
        if not isinstance(subject, str) or not subject.isprintable() or not 0 < len(subject) <= _SUBJECT_CHARS_MAX:
            raise _refused("the provider's sub cannot be kept")
        role = max((Role(word) for word in roles), key=tuple(Role).index)
        words = EVERYWHERE if EVERYWHERE in tenants else " ".join(sorted(set(tenants)))
        return Vouched(f"{self._issuer} {subject}", name, role, words)


def _secret() -> str:
    return secrets.token_urlsafe(48)


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _check(settings: ProviderSettings) -> None:
    parts = urlsplit(settings.issuer)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
        raise IsolaneError(
            f"[center.access.provider] issuer = {settings.issuer!r} is not https://host[/path]",
            "copy it from the provider's .well-known/openid-configuration",
        )
    unknown = sorted(set(settings.roles.values()) - set(Role))
    if unknown:
        raise IsolaneError(f"[center.access.provider] roles names {', '.join(unknown)}", f"there are {', '.join(Role)}")


def _refused(sentence: str) -> RefusedError:
    return RefusedError(Refusal.FORBIDDEN, sentence)
