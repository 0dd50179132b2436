"""This file talks to the center; it guards that what the center answers is bytes to examine and never words to show.

Redirects are not followed, proxies of the environment not used, answers longer than `ANSWER_BYTES_MAX` not read. Of an
answer only the payload's bytes, names of commands, and manifests' envelopes are taken; each is checked elsewhere.
"""

import base64
import binascii
import re
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final, Self, TypeVar

import httpx
import msgspec

from isolane.core.failures import IsolaneError
from isolane.security.tls import client_context

ANSWER_BYTES_MAX: Final = 4 << 20
LISTED_MAX: Final = 20
_TIMEOUT_S: Final = 10.0
_JTI = re.compile(r"[A-Za-z0-9_-]{22}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,512}")
_Kind = TypeVar("_Kind")


class LinkError(Exception):
    """The center did not do what it was asked for, and why: a sentence of our own."""


class _Proposal(msgspec.Struct, frozen=True):
    payload: str
    statement: str = ""


class _Listed(msgspec.Struct, frozen=True):
    commands: list[_Proposal]


class _Manifest(msgspec.Struct, frozen=True):
    envelope: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the center wants signed: bytes of its choosing.

    Attributes:
        payload: Of the command.
        statement: The gateway's newest, an envelope; empty where the center has none.
    """

    payload: bytes
    statement: bytes


class CenterLink:
    """The way to the center's API.

    Args:
        center: Its address.
        token_file: Holds the machine token.
        ca: PEM certificates that may sign the center's; None for the system's.

    Raises:
        IsolaneError: The token or the certificates cannot be read.
    """

    def __init__(self, center: str, token_file: Path, ca: Path | None = None) -> None:
        try:
            token = token_file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise IsolaneError(f"cannot read the token in {token_file}: {error}") from error
        if not _TOKEN.fullmatch(token):
            raise IsolaneError(f"{token_file} holds no token", "the page Users of the center makes one")
        verify: ssl.SSLContext | bool = client_context(ca) if center.startswith("https:") else False
        self._client = httpx.AsyncClient(
            base_url=center.rstrip("/") + "/api/v1",
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            verify=verify,
            timeout=_TIMEOUT_S,
            follow_redirects=False,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        """Use it."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def proposal(self, jti: str) -> Proposal:
        """Fetch a proposal.

        Raises:
            LinkError: There is none, or the center cannot be asked.
        """
        if not _JTI.fullmatch(jti):
            raise LinkError("This is no name of a command.")
        return _proposal(_read(await self._get(f"/commands/{jti}"), _Proposal))

    async def waiting(self) -> list[Proposal]:
        """Fetch what waits for signatures.

        Raises:
            LinkError: See `proposal`.
        """
        told = _read(await self._get(f"/commands?state=proposed&limit={LISTED_MAX}"), _Listed)
        return [_proposal(each) for each in told.commands[:LISTED_MAX]]

    async def manifests(self, after: int) -> list[bytes]:
        """Fetch key manifests that are newer than a version, oldest first.

        Raises:
            LinkError: See `proposal`.
        """
        return [each.envelope.encode() for each in _read(await self._get(f"/keys?after={after}"), list[_Manifest])]

    async def send(self, jti: str, kid: str, signature: bytes) -> None:
        """Hand a signature to the center.

        Raises:
            LinkError: It did not take it.
        """
        value = base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
        await self._ask("POST", f"/commands/{jti}/signatures", {"kid": kid, "signature": value})

    async def _get(self, path: str) -> bytes:
        return await self._ask("GET", path, None)

    async def _ask(self, method: str, path: str, body: object) -> bytes:
        try:
            async with self._client.stream(method, path, json=body) as answer:
                data = bytearray()
                async for part in answer.aiter_bytes():
                    data += part
                    if len(data) > ANSWER_BYTES_MAX:
                        raise LinkError("The center's answer is too long.")
        except httpx.HTTPError as error:
            raise LinkError(f"The center cannot be reached ({type(error).__name__}).") from error
        if answer.status_code >= HTTPStatus.MULTIPLE_CHOICES:
            raise LinkError(_SENTENCES.get(int(answer.status_code), f"The center answers with {answer.status_code}."))
        return bytes(data)


_SENTENCES: Final[dict[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "The center does not know this signer's token, or it has expired.",
    HTTPStatus.FORBIDDEN: "This signer's token has no right to this: it needs the scopes commands:read and "
    "commands:sign.",
    HTTPStatus.NOT_FOUND: "The center has no such command, or this signer's token is of another tenant.",
    HTTPStatus.CONFLICT: "The center takes no signature for this command any more: it has been withdrawn, has expired, "
    "or is complete.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The center does not take this signature: by its key manifest it does not hold, "
    "or this key has no right to it.",
    HTTPStatus.TOO_MANY_REQUESTS: "The center has been asked too often; try again in a minute.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The center cannot read its store now; try again in a moment.",
}


def _proposal(told: _Proposal) -> Proposal:
    return Proposal(_bytes(told.payload), _bytes(told.statement))


def _read(data: bytes, kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        raise LinkError("The center's answer is not what was asked for.") from error


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise LinkError("The center's answer is not what was asked for.") from error
