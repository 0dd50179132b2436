"""This file asks an SNMP agent; it guards that whatever the agent does ends in time, as values or a reason."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pysnmp.carrier.error import CarrierError  # type: ignore[import-untyped]
from pysnmp.hlapi.v3arch import asyncio as hlapi  # type: ignore[import-untyped]  # it has no types of its own
from pysnmp.proto import errind, rfc1902, rfc1905  # type: ignore[import-untyped]

from isolane.core.failures import IsolaneError
from isolane.core.samples import Reason
from isolane.health.sources import secrets
from isolane.health.sources.snmp.decode import Sent
from isolane.health.sources.snmp.plan import Oid
from isolane.health.sources.snmp.settings import SnmpSettings, UserSettings

_AUTH = {
    "none": hlapi.USM_AUTH_NONE,
    "md5": hlapi.USM_AUTH_HMAC96_MD5,
    "sha": hlapi.USM_AUTH_HMAC96_SHA,
    "sha256": hlapi.USM_AUTH_HMAC192_SHA256,
    "sha512": hlapi.USM_AUTH_HMAC384_SHA512,
}
_PRIVACY = {
    "none": hlapi.USM_PRIV_NONE,
    "des": hlapi.USM_PRIV_CBC56_DES,
    "aes": hlapi.USM_PRIV_CFB128_AES,
    "aes256": hlapi.USM_PRIV_CFB256_AES,
}
_PASSWORD_LENGTH_MIN = 8
"""Source: RFC 3414, 11.2."""


class Agent:
    """One agent.

    Args:
        settings: The source's table.

    Raises:
        IsolaneError: A secret cannot be read or cannot be used.
    """

    def __init__(self, settings: SnmpSettings) -> None:
        self.counts: Counter[str] = Counter()
        self._settings = settings
        self._identity = _identity(settings)
        self._engine: Any = None
        self._target: Any = None

    async def look(self, oids: Sequence[Oid]) -> dict[Oid, Sent] | Reason:
        """Ask for objects, in as many requests as it takes, within the table's time for each."""
        found: dict[Oid, Sent] = {}
        size = self._settings.objects_max
        for at in range(0, len(oids), size):
            answer = await self._get(oids[at : at + size])
            if isinstance(answer, Reason):
                self.counts[answer.name.lower()] += 1
                return answer
            found |= answer
        return found

    async def _get(self, oids: Sequence[Oid]) -> dict[Oid, Sent] | Reason:
        self.counts["requests"] += 1
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                if self._engine is None:
                    await self._open()
                indication, status, _, bindings = await hlapi.get_cmd(
                    self._engine,
                    self._identity,
                    self._target,
                    hlapi.ContextData(),
                    *(hlapi.ObjectType(hlapi.ObjectIdentity(oid)) for oid in oids),
                    lookupMib=False,
                )
        except TimeoutError:
            return Reason.TIMEOUT
        except OSError:
            return Reason.DISCONNECTED
        if indication:
            return Reason.TIMEOUT if isinstance(indication, errind.RequestTimedOut) else Reason.REFUSED
        if int(status):
            return Reason.REFUSED
        found = {tuple(int(part) for part in name): _sent(value) for name, value in bindings}
        if not set(oids) <= found.keys():
            return Reason.MALFORMED
        self.counts["answers"] += 1
        return found

    async def _open(self) -> None:
        host, port = self._settings.address.host, self._settings.address.port
        kind = hlapi.Udp6TransportTarget if ":" in host else hlapi.UdpTransportTarget
        # The engine waits a little longer than we do, so that it is our clock that tells.
        self._target = await kind.create((host, port), timeout=2 * self._settings.timeout_s, retries=0)
        self._engine = hlapi.SnmpEngine()

    async def close(self) -> None:
        """Close the socket, and let what it has received last come to its end."""
        engine, self._engine = self._engine, None
        if engine is None:
            return
        with contextlib.suppress(AttributeError, CarrierError):  # there is no socket yet
            engine.transport_dispatcher.get_transport(self._target.TRANSPORT_DOMAIN).transport.close()
        await asyncio.sleep(0)
        engine.close_dispatcher()


def _sent(value: Any) -> Sent:  # noqa: ANN401 - the library's types are unknown
    if isinstance(value, rfc1905.NoSuchObject | rfc1905.NoSuchInstance | rfc1905.EndOfMibView):
        return Sent(None)
    if isinstance(value, rfc1902.Counter64):
        return Sent(int(value), 64)
    if isinstance(value, rfc1902.Counter32):
        return Sent(int(value), 32)
    if isinstance(value, rfc1902.OctetString):
        return Sent(bytes(value)[:256].decode("utf-8", "replace").strip("\0 "))
    try:
        return Sent(int(value))
    except (TypeError, ValueError):
        return Sent(None)


def _identity(settings: SnmpSettings) -> Any:  # noqa: ANN401
    with secrets.needed(settings.name):
        if settings.community is not None:
            return hlapi.CommunityData(settings.community.read().decode(), mpModel=1)  # noqa: S508 - what most devices on sites speak; v3 is `user`
        if settings.user is not None:
            return _user(settings.user)
    raise IsolaneError(f"source {settings.name!r} needs `community` or `user`", "give one of them")


def _user(user: UserSettings) -> Any:  # noqa: ANN401
    words = []
    for name, kind, secret in (
        ("auth", user.auth, user.auth_password),
        ("privacy", user.privacy, user.privacy_password),
    ):
        if (kind == "none") != (secret is None):
            raise ValueError(f"`{name}` of user {user.name!r} and `{name}_password` belong together")
        word = None if secret is None else secret.read().decode()
        if word is not None and len(word) < _PASSWORD_LENGTH_MIN:
            raise ValueError(
                f"`{name}_password` of user {user.name!r} is shorter than {_PASSWORD_LENGTH_MIN} characters"
            )
        words.append(word)
    if user.auth == "none" and user.privacy != "none":
        raise ValueError(f"user {user.name!r} cannot encrypt without signing")
    return hlapi.UsmUserData(
        user.name, words[0], words[1], authProtocol=_AUTH[user.auth], privProtocol=_PRIVACY[user.privacy]
    )
