"""This file posts one body and reads the answer; it guards that only the center's own words count as an answer.

A captive portal's page with status 200, a redirect, a proxy's demand: none of them acknowledges anything.
"""

from dataclasses import dataclass
from enum import Enum

import httpx

from isolane.health.links.traffic import Meter
from isolane.wire.uplink import MESSAGE_BYTES_MAX, VERSION, Downlink, decode_downlink

_REFUSALS = frozenset({400, 411, 413, 415, 422})
"""Of this message alone; the next one may be taken."""
_SILENCE = Downlink(VERSION)


class Verdict(Enum):
    """What became of a POST."""

    TAKEN = "taken"
    REFUSED = "refused"
    """This body will not be taken as it is."""
    FAILED = "failed"
    """None would be taken now."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a POST, what the center said, and when to ask again if it told."""

    verdict: Verdict
    downlink: Downlink = _SILENCE
    why: str = ""
    garbage: bool = False
    retry_after_s: float = 0.0
    status: int = 0
    """Of the response, 0 for none."""
    is_sent: bool = True
    """Whether the center may have seen the request."""


async def send(client: httpx.AsyncClient, path: str, body: bytes, kind: str, meter: Meter) -> Outcome:
    """Post once.

    Args:
        client: Of the link.
        path: Where to.
        body: One message, or a bundle.
        kind: Its media type.
        meter: Counts what the connection carries.

    Raises:
        httpx.TransportError: The center cannot be reached, is not who it should be, or does not answer in time.
    """
    async with client.stream("POST", path, content=body, headers={"content-type": kind}) as response:
        answer = await _body(response)
        stream = response.extensions.get("network_stream")
        connection = stream.get_extra_info("socket") if stream is not None else None
        if connection is not None:
            meter.read(connection)
    if response.is_success:
        return _success(response.status_code, answer)
    verdict = Verdict.REFUSED if response.status_code in _REFUSALS else Verdict.FAILED
    return Outcome(
        verdict,
        why=f"status {response.status_code}",
        retry_after_s=_retry_after_s(response),
        status=response.status_code,
    )


async def _body(response: httpx.Response) -> bytes | None:
    """Read a bounded body; None if it is longer."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MESSAGE_BYTES_MAX:
            return None
    return bytes(body)


def _success(status: int, body: bytes | None) -> Outcome:
    if status == httpx.codes.NO_CONTENT:
        return Outcome(Verdict.TAKEN)
    if body is None:
        return Outcome(Verdict.FAILED, why=f"status {status} with an endless body", garbage=True)
    try:
        return Outcome(Verdict.TAKEN, decode_downlink(body))
    except ValueError as error:
        return Outcome(Verdict.FAILED, why=f"status {status} without a downlink: {error}", garbage=True)


def _retry_after_s(response: httpx.Response) -> float:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0
