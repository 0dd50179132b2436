"""This file is the soak's CSMS; it guards that each frame is written down and that bills are those of sim's ledger.

The messages are judged by the `ocpp` library and the official schemas (sim.peer), billed by sim's ledger, whose file
survives the CSMS's death. Now and then the CSMS calls a charger too.
"""

import asyncio
import json
import random
import signal
import sys
from contextlib import suppress
from pathlib import Path

from bench.chaos_value.frames import FrameJournal
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import Event
from websockets.typing import Subprotocol

from isolane.sim.csms.answers import Answers
from isolane.sim.csms.ledger import Ledger
from isolane.sim.peer import SUBPROTOCOLS, CallRefused, Peer

_CALL_EVERY_S = 0.1


class JournalledSocket:
    """A charger's WebSocket that writes its frames down.

    The library answers a Close as soon as it has parsed it, before the application has taken the messages in front of
    it. A CSMS that is killed in between would have said that all came and know less, so what comes is written down
    where it is parsed.
    """

    def __init__(self, connection: ServerConnection, journal: FrameJournal) -> None:
        self._connection = connection
        self._journal = journal
        self._mark = ""
        self._parsed = connection.protocol.events_received
        connection.protocol.events_received = self._written_down  # type: ignore[method-assign]

    def _written_down(self) -> list[Event]:
        events = self._parsed()
        for event in events:
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                text = bytes(event.data).decode()
                self._mark = self._mark or str(json.loads(text)[1]).rpartition(".")[0]
                self._journal.note(self._mark, "came", text)
        return events

    async def recv(self) -> str | bytes:
        """Give the next message."""
        return await self._connection.recv()

    async def send(self, message: str) -> None:
        """Send a message."""
        self._journal.note(self._mark, "sent", message)
        await self._connection.send(message)

    @property
    def is_known(self) -> bool:
        """Tell whether the charger has said something."""
        return bool(self._mark)


async def _main(port: int, folder: Path) -> None:
    ledger, journal = Ledger(folder / "ledger.jsonl"), FrameJournal(folder / "csms.frames")
    peers: dict[Peer, JournalledSocket] = {}
    sockets: dict[ServerConnection, JournalledSocket] = {}

    def journal_from_here(connection: ServerConnection, _request: Request) -> None:
        sockets[connection] = JournalledSocket(connection, journal)

    async def attend(connection: ServerConnection) -> None:
        request, name, socket = connection.request, connection.subprotocol, sockets.pop(connection)
        if request is None or name is None:
            await connection.close(1002)
            return
        charger = request.path.rpartition("/")[2]
        answers = Answers(
            charger,
            ledger,
            heartbeat_s=60,
            blocked=frozenset(),
            on_status=lambda _status: None,
            on_problem=lambda _problem: None,
        )
        peer = Peer(name, charger, socket, answers.handlers(name))
        peers[peer] = socket
        try:
            await peer.serve()
        except ConnectionClosed:
            return
        finally:
            del peers[peer]

    async def call_one(peer: Peer) -> None:
        with suppress(ConnectionClosed, TimeoutError, CallRefused):
            await peer.call("DataTransfer", {"vendorId": "soak"})

    async def call() -> None:
        calls: set[asyncio.Task[None]] = set()
        while True:
            await asyncio.sleep(_CALL_EVERY_S)
            known = [peer for peer, socket in peers.items() if socket.is_known]
            if known:
                calls.add(asyncio.create_task(call_one(random.choice(known))))
            calls = {task for task in calls if not task.done()}

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    names = [Subprotocol(name) for name in SUBPROTOCOLS]
    async with serve(
        attend,
        "127.0.0.1",
        port,
        subprotocols=names,
        process_request=journal_from_here,
        ping_interval=None,
        close_timeout=2,
    ):
        print("ready", flush=True)
        calling = asyncio.create_task(call())
        await stop.wait()
        calling.cancel()
    ledger.close()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), Path(sys.argv[2])))
