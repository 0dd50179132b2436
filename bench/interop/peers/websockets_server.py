"""This file is a CSMS made of `websockets` alone; it guards that every frame's bounds are written down."""

import asyncio
import http
import json
import sys
from typing import Any

from bench.interop.peers import raw
from bench.interop.peers.journal import Connections, Journal, say
from bench.interop.peers.security import Orders
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

_journals: dict[ServerConnection, Journal] = {}


def receive_request(orders: Orders, connections: Connections, connection: ServerConnection, request: Request) -> Any:  # noqa: ANN401 - a Response or nothing
    """Write down what was asked and refuse who is to be refused."""
    segment = request.path.partition("?")[0].rpartition("/")[2]
    journal = connections.opened(segment)
    journal.add("request", request.path)
    journal.fields("request", request.headers.raw_items())
    if orders.profile == 3:
        tls = connection.transport.get_extra_info("ssl_object")
        journal.add("client certificate", dict(part[0] for part in tls.getpeercert()["subject"]))
    refusal = orders.refusal(segment, request.headers.get("Authorization"))
    if refusal is None:
        _journals[connection] = journal
        return None
    answer = connection.respond(http.HTTPStatus(refusal[0]), f"not now: {refusal[0]} \u2713\n")
    for name, value in refusal[1].items():
        answer.headers[name] = value
    journal.add("refused", refusal[0])
    connections.closed()
    return answer


def agreed(connections: Connections, connection: ServerConnection, response: Response) -> None:
    """Write down what was agreed, or that nothing was."""
    journal = _journals.get(connection)
    if journal is None:
        return
    journal.add("status", response.status_code)
    journal.add("subprotocol", connection.subprotocol)
    journal.add("extensions", response.headers.get("Sec-WebSocket-Extensions"))
    if response.status_code != http.HTTPStatus.SWITCHING_PROTOCOLS:
        del _journals[connection]
        connections.closed()


def take_journal(connection: ServerConnection) -> Journal:
    """Give the journal of a connection that was let in."""
    return _journals.pop(connection)


async def play(connection: ServerConnection) -> None:
    """Receive until the end, frame by frame, and do what the client tells."""
    journal = take_journal(connection)
    try:
        while True:
            fragments = [part async for part in connection.recv_streaming()]
            data = "".join(fragments) if isinstance(fragments[0], str) else b"".join(fragments)  # type: ignore[arg-type]
            journal.message(data)
            if len(fragments) > 1:
                journal.add("fragments", [len(part) for part in fragments])
            told = raw.read_order(data)
            if told is not None:
                await _do(connection, journal, told)
    except ConnectionClosed:
        journal.add("close", f"{connection.close_code} {connection.close_reason}")


async def _do(connection: ServerConnection, journal: Journal, told: dict[str, Any]) -> None:
    if told["do"] == "send":
        for each in raw.messages(2):
            await connection.send(each)
        await connection.send(["in ", "three ", "parts"])
    elif told["do"] == "ping":
        await (await connection.ping(raw.PING))
        journal.add("pong", raw.PING)
        await connection.send("pong came")
    elif told["do"] == "close":
        await connection.close(told["code"], told["reason"])
    elif told["do"] == "abort":
        connection.transport.abort()


async def main() -> None:
    """Serve until the standard input ends."""
    orders = Orders(**json.loads(sys.argv[1]))
    connections = Connections()

    async def session(connection: ServerConnection) -> None:
        try:
            await play(connection)
        finally:
            connections.closed()

    def answer(connection: ServerConnection, _: Request, response: Response) -> None:
        agreed(connections, connection, response)

    async with serve(
        session,
        "127.0.0.1",
        0,
        ssl=orders.server(),
        subprotocols=raw.PROTOCOLS,  # type: ignore[arg-type]
        process_request=lambda connection, request: receive_request(orders, connections, connection, request),
        process_response=answer,
        max_size=raw.MESSAGE_MAX,
        ping_interval=None,
        close_timeout=3,
    ) as server:
        say({"port": next(iter(server.sockets)).getsockname()[1]})
        await connections.report()


if __name__ == "__main__":
    asyncio.run(main())
