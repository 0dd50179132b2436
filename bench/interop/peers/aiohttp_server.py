"""This file is a CSMS made of `aiohttp`; it guards that pings are written down, because it answers them itself."""

import asyncio
import json
import sys
from typing import Any

from aiohttp import WSMsgType, web  # type: ignore[import-not-found]  # installed for the peers only
from bench.interop.peers import raw
from bench.interop.peers.journal import Connections, Journal, say
from bench.interop.peers.security import Orders


async def answer(request: Any, orders: Orders, connections: Connections) -> Any:  # noqa: ANN401 - aiohttp has no types here
    """Serve one connection."""
    segment = request.raw_path.partition("?")[0].rpartition("/")[2]
    journal = connections.opened(segment)
    try:
        journal.add("request", request.raw_path)
        journal.fields("request", [(name.decode(), value.decode()) for name, value in request.raw_headers])
        if orders.profile == 3:
            tls = request.transport.get_extra_info("ssl_object")
            journal.add("client certificate", dict(part[0] for part in tls.getpeercert()["subject"]))
        refusal = orders.refusal(segment, request.headers.get("Authorization"))
        if refusal is not None:
            journal.add("refused", refusal[0])
            return web.Response(status=refusal[0], headers=refusal[1], text=f"not now: {refusal[0]} \u2713\n")
        websocket = web.WebSocketResponse(
            protocols=raw.PROTOCOLS, autoping=False, max_msg_size=raw.MESSAGE_MAX, timeout=3
        )
        await websocket.prepare(request)
        journal.add("subprotocol", websocket.ws_protocol)
        journal.add("deflate", websocket.compress)
        await play(request, websocket, journal)
        return websocket
    finally:
        connections.closed()


async def play(request: Any, websocket: Any, journal: Journal) -> None:  # noqa: ANN401 - aiohttp has no types here
    """Receive until the end and do what the client tells."""
    while True:
        message = await websocket.receive()
        if message.type in {WSMsgType.TEXT, WSMsgType.BINARY}:
            journal.message(message.data)
            told = raw.read_order(message.data)
            if told is not None:
                await _do(request, websocket, journal, told)
        elif message.type == WSMsgType.PING:
            journal.add("ping", bytes(message.data))
            await websocket.pong(message.data)
        elif message.type == WSMsgType.PONG:
            journal.add("pong", bytes(message.data))
            await websocket.send_str("pong came")
        else:
            came = f"{message.data} {message.extra}" if message.type == WSMsgType.CLOSE else websocket.close_code
            journal.add("close", f"{message.type.name} {came}")
            return


async def _do(request: Any, websocket: Any, journal: Journal, told: dict[str, Any]) -> None:  # noqa: ANN401 - aiohttp has no types here
    if told["do"] == "send":
        for each in [*raw.messages(2), "the last"]:
            if isinstance(each, str):
                await websocket.send_str(each)
            else:
                await websocket.send_bytes(each)
    elif told["do"] == "ping":
        await websocket.ping(raw.PING)
    elif told["do"] == "close":
        await websocket.close(code=told["code"], message=told["reason"].encode())
        journal.add("close by us, answered with", websocket.close_code)
    elif told["do"] == "abort":
        request.transport.abort()


async def main() -> None:
    """Serve until the standard input ends."""
    orders = Orders(**json.loads(sys.argv[1]))
    connections = Connections()
    application = web.Application()
    application.router.add_get("/{any:.*}", lambda request: answer(request, orders, connections))
    runner = web.AppRunner(application, handle_signals=False, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=orders.server()).start()
    say({"port": runner.addresses[0][1]})
    await connections.report()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
