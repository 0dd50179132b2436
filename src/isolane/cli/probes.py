"""This file tries what settings point at; it guards that a failed probe says which step failed and what to do.

A probe changes nothing at the other end: it resolves a name, opens a connection, completes a TLS handshake, and leaves.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from isolane.config.values import Address
from isolane.core.failures import IsolaneError
from isolane.security import tls

if TYPE_CHECKING:
    from isolane.center.settings import CenterSettings
    from isolane.health.settings import HealthSettings
    from isolane.value.access.settings import Listener
    from isolane.value.settings import ValueSettings

PROBE_S = 5.0


@dataclass(frozen=True, slots=True)
class Target:
    """Something to try.

    Attributes:
        name: What it is, for people.
        host: Name or address, "" when only files are tried.
        port: TCP port.
        context: Makes the TLS context, or None for plain TCP; a wrong file shows here.
    """

    name: str
    host: str = ""
    port: int = 0
    context: Callable[[], ssl.SSLContext] | None = None


def targets(
    value: "ValueSettings | None", health: "HealthSettings | None", center: "CenterSettings | None"
) -> Iterator[Target]:
    """List what the tables of a settings file point at; a table that is not there is None."""
    if value is not None:
        yield from _of_value(value)
    if health is not None:
        for source in health.sources:
            address = getattr(source, "address", None)
            if isinstance(address, Address):
                yield Target(f"source {source.name}", address.host, address.port)
        for index, link in enumerate(health.links, start=1):
            yield _of_client(f"link {index}", link)
    if center is not None and center.mqtt is not None:
        yield _of_client("center's broker", center.mqtt)
    if center is not None and center.https is not None:
        yield _of_listener("center's ingest", center.https)


def _of_value(value: "ValueSettings") -> Iterator[Target]:
    csms = value.csms
    parts = urlsplit(csms.url)
    secure = parts.scheme == "wss"
    yield Target(
        "CSMS",
        parts.hostname or "",
        parts.port or (443 if secure else 80),
        (lambda: tls.client_context(csms.ca, csms.certificate, csms.key)) if secure else None,
    )
    for listener in value.listen:
        if listener.certificate is not None:
            yield Target(f"listener {listener.address}", context=partial(_charger_context, listener))
    for entry in value.retrofit:
        if entry.certificate is not None:
            context = partial(tls.client_context, csms.ca, entry.certificate, entry.key)
            yield Target(f"retrofit {entry.charger}", context=context)


def _charger_context(listener: "Listener") -> ssl.SSLContext:
    from isolane.value.door.listener_tls import ListenerTls

    return ListenerTls(listener).context


def _of_listener(name: str, settings: object) -> Target:
    certificate, key, client_ca = (getattr(settings, field) for field in ("certificate", "key", "client_ca"))
    return Target(name, context=lambda: tls.server_context(certificate, key, client_ca))


def _of_client(name: str, settings: object) -> Target:
    url = urlsplit(getattr(settings, "url", ""))
    host = getattr(settings, "host", None) or url.hostname or ""
    is_plain = url.scheme == "http"  # to an agent on this machine
    port = getattr(settings, "port", None) or url.port or (80 if is_plain else 443)
    ca, certificate, key = (getattr(settings, field) for field in ("ca", "certificate", "key"))
    return Target(name, host, port, None if is_plain else lambda: tls.client_context(ca, certificate, key))


async def probe(target: Target) -> str:
    """Try one target.

    Returns:
        "" if it is good, else a sentence that says which step failed and what to do.
    """
    try:
        context = target.context() if target.context else None
        if target.host:
            async with asyncio.timeout(PROBE_S):
                _, writer = await asyncio.open_connection(target.host, target.port, ssl=context)
            writer.close()
    except (IsolaneError, OSError) as error:  # time-outs and TLS failures are OSErrors
        return explained(error, target)
    return ""


def explained(error: Exception, target: Target) -> str:
    """Say which step of reaching a target failed."""
    where = f"{target.host}:{target.port}"
    match error:
        case TimeoutError():
            return f"{where} does not answer within {PROBE_S:g} s: a firewall in between, or the wrong address"
        case socket.gaierror():
            return f"the name {target.host} is not known ({error.strerror}): check the name and this machine's DNS"
        case ssl.SSLCertVerificationError():
            return f"{where} shows a certificate that is not trusted ({error.verify_message}): check `ca` and host name"
        case ssl.SSLError():
            return f"{where}: TLS handshake fails ({error.reason}): is this the TLS port, does it take our certificate?"
        case OSError():
            return f"{where} cannot be reached: {error.strerror or error}"
        case _:
            return str(error)
