"""This file is a small OpenID Connect provider over TLS; it guards that the center talks to a real one in tests.

It lets everybody in at once, as whom `claims` says, and checks what a provider must: client, redirect, code, PKCE.
What a test changes in `facts`, `claims`, `sign` or `redirect_to` makes it misbehave.
"""

import asyncio
import base64
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode

import trustme
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from isolane.center.serve import WebServer
from isolane.config.values import Address
from isolane.security.tls import server_context

CLIENT, SECRET = "isolane center", "s:cret/+"


class OidcProvider:
    """One provider; `issuer` is its address, `ca` what signs its certificate."""

    def __init__(self, folder: Path) -> None:
        self.ca = folder / "provider-ca.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca)
        chain = authority.issue_cert("127.0.0.1")
        chain.private_key_and_cert_chain_pem.write_to_path(folder / "provider.pem")
        tls = server_context(folder / "provider.pem", folder / "provider.pem")
        self._app = FastAPI()
        self._server = WebServer("provider", self._app, Address("127.0.0.1", 0), tls=tls)
        self.host = f"127.0.0.1:{self._server.address.port}"
        self.issuer = f"https://{self.host}/realm"
        self.keys: dict[str, RSAKey | ECKey] = {
            "RS256": RSAKey.generate_key(2048, {"kid": "rsa"}),
            "ES256": ECKey.generate_key("P-256", {"kid": "ec"}),
        }
        self.facts: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        self.claims: dict[str, Any] = {}
        self.algorithm = "RS256"
        self.sign: Callable[[dict[str, Any]], str] = self.signed
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._add_routes()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["OidcProvider"]:
        """Serve."""
        serving = asyncio.create_task(self._server.run())
        yield self
        self._server.stop()
        await serving

    def signed(self, claims: dict[str, Any]) -> str:
        """Sign an ID token as the provider does."""
        key = self.keys[self.algorithm]
        return jwt.encode({"alg": self.algorithm, "kid": key.kid}, claims, key)

    def _add_routes(self) -> None:
        app = self._app

        @app.get("/realm/.well-known/openid-configuration")
        async def discovery() -> Response:
            self.asked.append("discovery")
            return JSONResponse(self.facts)

        @app.get("/realm/keys")
        async def keys() -> Response:
            self.asked.append("keys")
            return JSONResponse(KeySet(list(self.keys.values())).as_dict(private=False))

        @app.get("/elsewhere")
        async def elsewhere() -> Response:
            self.asked.append("elsewhere")
            return JSONResponse({})

        @app.get("/realm/authorize")
        async def authorize(request: Request) -> Response:
            query = dict(request.query_params)
            assert query["client_id"] == CLIENT
            assert query["response_type"] == "code"
            assert query["code_challenge_method"] == "S256"
            code = f"code-{len(self._codes)}"
            self._codes[code] = query
            back = urlencode({"code": code, "state": query["state"], "iss": self.issuer})
            return RedirectResponse(f"{query['redirect_uri']}?{back}", 302)

        @app.post("/realm/token")
        async def token(request: Request) -> Response:
            form = {key: values[0] for key, values in parse_qs((await request.body()).decode()).items()}
            scheme, _, shown = request.headers.get("authorization", "").partition(" ")
            user, _, secret = base64.b64decode(shown).decode().partition(":")
            query = self._codes.pop(form.get("code", ""), None)
            made = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
            fits = query is not None and made.decode() == query["code_challenge"]
            known = (scheme, unquote(user), unquote(secret)) == ("Basic", CLIENT, SECRET) and user == quote(CLIENT, "")
            if query is None or not fits or not known or form["redirect_uri"] != query["redirect_uri"]:
                return JSONResponse({"error": "invalid_grant"}, 400)
            now = int(time.time())
            claims = {
                "iss": self.issuer,
                "aud": CLIENT,
                "sub": "subject-1",
                "iat": now,
                "exp": now + 300,
                "nonce": query["nonce"],
                **self.claims,
            }
            return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": self.sign(claims)})
