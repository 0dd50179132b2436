"""This file floods a topic with forged commands; it guards that its own cost is the same whoever gets them.

Arguments: port of the broker, CA, certificate, key. Each line on standard input is ``TOPIC KID RATE SECONDS``; the
answer is how many messages went out. Each is a well-formed command whose signature is random: it has to be looked at.
"""

import asyncio
import base64
import os
import sys
import time
from pathlib import Path

import aiomqtt

from isolane.core import strict_json
from isolane.security.tls import client_context

_TICK_S = 0.02


def forged(kid: str) -> bytes:
    """Give an envelope that only its signature betrays."""

    def text(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    header = strict_json.write({"alg": "Ed25519", "kid": kid, "typ": "isolane-cmd+jws"})
    signature = {"protected": text(header), "signature": text(os.urandom(64))}
    return strict_json.write({"payload": text(os.urandom(500)), "signatures": [signature]})


async def _flood(client: aiomqtt.Client, kid: str, topic: str, rate: float, seconds: float) -> int:
    begun, sent = time.monotonic(), 0
    while (passed := time.monotonic() - begun) < seconds:
        while sent < rate * passed:
            await client.publish(topic, forged(kid), qos=0)
            sent += 1
        await asyncio.sleep(_TICK_S)
    return sent


async def _main(port: int, ca: Path, certificate: Path, key: Path) -> None:
    context = client_context(ca, certificate, key)
    async with aiomqtt.Client("127.0.0.1", port, identifier="flooder", tls_context=context, timeout=60) as client:
        print("ready", flush=True)
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            topic, kid, rate, seconds = line.split()
            print(await _flood(client, kid, topic, float(rate), float(seconds)), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4])))
