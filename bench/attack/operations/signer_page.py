"""This file is somebody at the page of the own signer; it guards that what is pressed there is what was shown there."""

import asyncio
import contextlib
import re
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from bench.attack.operations.ground import Actor
from bench.attack.operations.request import Reply, compose, send
from bench.attack.operations.taking import PASSPHRASE, Taking

TAKEN: Final = b"The center has your signature"
_START_S: Final = 120.0


@dataclass(frozen=True)
class Tab:
    """A tab in which a proposal was looked at, and what it showed."""

    cookie: str
    form_token: str
    digest: str


@dataclass
class SignerPage:
    """`isolane signer` with the engineer's key."""

    port: int
    code: str

    async def look(self, jti: str) -> Tab:
        """Open a tab of its own and look at a proposal.

        Raises:
            RuntimeError: It is not shown.
        """
        entered = await self._ask("GET", f"/enter?code={self.code}", "")
        cookie = "; ".join(f"{name}={value}" for name, value in entered.cookies().items())
        text = (await self._ask("GET", f"/sign/{jti}", cookie)).body.decode()
        token = re.search(r'name="form_token" value="([^"]+)"', text)
        digest = re.search(r"<dt>SHA-256</dt><dd><code>([0-9a-f]{64})</code>", text)
        if token is None or digest is None or 'name="digest"' not in text:
            raise RuntimeError(f"the signer does not offer {jti}: {text[-400:]}")
        return Tab(cookie, token[1], digest[1])

    async def press(self, tab: Tab, jti: str, digest: str = "") -> Reply:
        """Press the button that signs, with another digest if one is given."""
        form = {"form_token": tab.form_token, "digest": digest or tab.digest, "passphrase": PASSPHRASE}
        return await self._ask("POST", f"/sign/{jti}", tab.cookie, urlencode(form).encode())

    async def _ask(self, method: str, path: str, cookie: str, body: bytes = b"") -> Reply:
        lines = [f"Host: 127.0.0.1:{self.port}", f"Cookie: {cookie}", f"Origin: http://127.0.0.1:{self.port}"]
        lines += ["Sec-Fetch-Site: same-origin", "Content-Type: application/x-www-form-urlencoded"]
        return await send(self.port, compose(method, path, lines, body))


@contextlib.asynccontextmanager
async def signing(site: Taking, admin: Actor) -> AsyncIterator[SignerPage]:
    """Start the engineer's signer, and end it whatever happens.

    Raises:
        RuntimeError: It does not start.
    """
    center, folder = site.center, site.center.folder
    number = len(list(folder.glob("signer-*.log")))
    scopes = {"name": f"signer-{number}", "scopes": ["commands:read", "commands:sign"], "tenants": ["a"], "days": 1}
    made = await center.ask(admin, "POST", "/api/v1/tokens", scopes)
    if made.status != 201:
        raise RuntimeError(f"no token for the signer: {made.status} {made.body[:200]!r}")
    (folder / "signer.token").write_bytes(_secret(made))
    pinned, log = folder / f"signer-{number}.jws", folder / f"signer-{number}.log"
    pinned.write_bytes((folder / "keys.jws").read_bytes())
    words = {
        "--key": folder / "people/a-engineer.pem", "--center": f"http://127.0.0.1:{center.port}",
        "--token-file": folder / "signer.token", "--keys": pinned, "--log": folder / f"signed-{number}",
        "--gateways": folder / "gateway-keys", "--listen": "127.0.0.1:0",
    }  # fmt: skip
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "isolane", "signer", *(str(each) for pair in words.items() for each in pair)),
            stdout=output, stderr=output,
        )  # fmt: skip
    try:
        end = time.monotonic() + _START_S
        while (found := re.search(r"127\.0\.0\.1:(\d+)/enter\?code=(\S+)", log.read_text("utf-8"))) is None:
            if process.returncode is not None or time.monotonic() > end:
                raise RuntimeError(f"the signer does not start: {log.read_text('utf-8')[-300:]}")
            await asyncio.sleep(0.1)
        yield SignerPage(int(found[1]), found[2])
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _secret(made: Reply) -> bytes:
    found = re.search(rb'"secret":"([^"]+)"', made.body)
    return found[1] if found else b""
