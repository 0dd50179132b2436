"""This file is a charger made of `ocpp` on `websockets`; it guards that each version is spoken by itself."""

import asyncio
import json
import sys
from typing import Any

from bench.interop.peers.journal import Journal, say_case
from bench.interop.peers.ocpp_chargepoint import CONVERSATION, call, end
from bench.interop.peers.security import Orders
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

_DEADLINE_S = 20.0


async def converse(connection: ClientConnection, version: str, journal: Journal) -> None:
    """Play the charger's part."""
    talk = CONVERSATION[version]
    answered = asyncio.Semaphore(0)
    peer = end(version, connection, journal, talk["charger_answers"], lambda *_: answered.release())
    listening = asyncio.create_task(peer.start())
    for action, payload in talk["charger_calls"]:
        await call(peer, version, action, payload, journal)
        if payload.get("messageId") == "call-me":
            for _ in talk["charger_answers"]:
                await answered.acquire()
    for text in CONVERSATION["odd_texts"]:
        await connection.send(text)
        await call(peer, version, "Heartbeat", {}, journal)
    await connection.close(1000, "done")
    try:
        await listening
    except ConnectionClosed:
        journal.add("close", f"{connection.close_code} {connection.close_reason}")


async def play(orders: Orders, version: str, journal: Journal) -> None:
    """Be refused, then talk."""

    def opening(prefix: str, offer: str = version, **secret: Any) -> connect:  # noqa: ANN401 - see Orders.fields
        return connect(
            f"{orders.url}/{prefix}{version}",
            ssl=orders.client(f"{prefix}{version}"),
            additional_headers=orders.fields(f"{prefix}{version}", **secret),
            subprotocols=[offer],  # type: ignore[list-item]
            ping_interval=None,
            proxy=None,
            close_timeout=5,
        )

    attempts = [opening("nobody-"), opening("CP-", "ocpp9.9")]
    if "Authorization" in orders.fields("x"):
        attempts.append(opening("CP-", password=b"wrong"))
    for attempt in attempts:
        try:
            async with attempt:
                journal.add("status", "let in")
        except InvalidHandshake as error:
            journal.add("error", f"{type(error).__name__} {error}")
            if isinstance(error, InvalidStatus):
                journal.fields("refusal", error.response.headers.raw_items())
    async with opening("CP-") as connection:
        journal.fields("response", connection.response.headers.raw_items() if connection.response else [])
        journal.add("subprotocol", connection.subprotocol)
        await converse(connection, version, journal)


async def main() -> None:
    """Play every version."""
    orders = Orders(**json.loads(sys.argv[1]))
    for version in orders.cases:
        journal = Journal(version)
        async with asyncio.timeout(_DEADLINE_S):
            await play(orders, version, journal)
        say_case(version, journal)


if __name__ == "__main__":
    asyncio.run(main())
