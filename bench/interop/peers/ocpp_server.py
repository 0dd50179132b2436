"""This file is a CSMS made of `ocpp` on `websockets`; it guards that it speaks the version that was agreed."""

import asyncio
import json
import sys
from typing import Any

from bench.interop.peers.journal import Connections, Journal, say
from bench.interop.peers.ocpp_chargepoint import CONVERSATION, VERSIONS, call, end
from bench.interop.peers.security import Orders
from bench.interop.peers.websockets_server import agreed, receive_request, take_journal
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response


async def converse(connection: ServerConnection, journal: Journal) -> None:
    """Answer calls; make some of our own when asked."""
    version = str(connection.subprotocol)
    talk = CONVERSATION[version]

    async def make_calls() -> None:
        for action, payload in talk["csms_calls"]:
            await call(peer, version, action, payload, journal)

    def then(action: str, request: dict[str, Any]) -> Any:  # noqa: ANN401 - a coroutine or nothing
        return make_calls() if action == "DataTransfer" and request.get("message_id") == "call-me" else None

    peer = end(version, connection, journal, talk["csms_answers"], then)
    try:
        await peer.start()
    except ConnectionClosed:
        journal.add("close", f"{connection.close_code} {connection.close_reason}")


async def main() -> None:
    """Serve until the standard input ends."""
    orders = Orders(**json.loads(sys.argv[1]))
    connections = Connections()

    async def session(connection: ServerConnection) -> None:
        try:
            await converse(connection, take_journal(connection))
        finally:
            connections.closed()

    def answer(connection: ServerConnection, _: Request, response: Response) -> None:
        agreed(connections, connection, response)

    async with serve(
        session,
        "127.0.0.1",
        0,
        ssl=orders.server(),
        subprotocols=VERSIONS,  # type: ignore[arg-type]
        process_request=lambda connection, request: receive_request(orders, connections, connection, request),
        process_response=answer,
        ping_interval=None,
        close_timeout=3,
    ) as server:
        say({"port": next(iter(server.sockets)).getsockname()[1]})
        await connections.report()


if __name__ == "__main__":
    asyncio.run(main())
