"""This file is the listening end of the event socket; it guards that the tap is never kept waiting.

Only this user can reach the socket (mode 0600). One tap at a time: a newer connection replaces an older one, since a
tap that was restarted is heard before the loss of its forerunner is.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path

from isolane.core.failures import IsolaneError
from isolane.wire.tap_event import PACKET_BYTES_MAX

_MODE = 0o660
"""The folder decides who may come: its owner alone (0700), or a group of service users (0770)."""
_DIRECTORY_MODE = 0o700


class TapListener:
    """Listens for the tap and hands over what it sends.

    Args:
        path: Of the Unix socket.
        arrived: Called when a tap has connected.
        received: Called with each packet's bytes.
        left: Called when the tap's connection has ended.
    """

    def __init__(
        self, path: Path, arrived: Callable[[], None], received: Callable[[bytes], None], left: Callable[[], None]
    ) -> None:
        self._path = path
        self._arrived = arrived
        self._received = received
        self._left = left

    async def run(self) -> None:
        """Listen for ever.

        Raises:
            IsolaneError: The socket cannot be opened, or another process listens on it.
        """
        loop = asyncio.get_running_loop()
        current: asyncio.Task[None] | None = None
        with contextlib.closing(self._open()) as listener:
            try:
                while True:
                    tap, _ = await loop.sock_accept(listener)
                    await _stop(current)
                    current = loop.create_task(self._follow(tap))
            finally:
                await _stop(current)
                self._path.unlink(missing_ok=True)

    async def _follow(self, tap: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._arrived()
        with contextlib.closing(tap):
            try:
                with contextlib.suppress(ConnectionError):  # a tap that was killed is one that has left
                    while packet := await loop.sock_recv(tap, PACKET_BYTES_MAX + 1):
                        self._received(packet)
                        await asyncio.sleep(0)  # a tap that floods has to share the loop
            finally:
                self._left()

    def _open(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        try:
            self._path.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
            self._clear()
            listener.bind(str(self._path))
            self._path.chmod(_MODE)
            listener.listen(1)
        except OSError as error:
            listener.close()
            raise IsolaneError(
                f"cannot listen on the event socket {self._path}: {error.strerror or error}",
                "check `run_dir` in [site]: it must be a folder of this user, with a short path",
            ) from error
        except IsolaneError:
            listener.close()
            raise
        return listener

    def _clear(self) -> None:
        """Remove a socket that a killed process has left; leave one that is alive."""
        if not self._path.is_socket():
            return
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)) as probe:
            try:
                probe.connect(str(self._path))
            except ConnectionRefusedError:
                self._path.unlink()
                return
        raise IsolaneError(f"another process listens on {self._path}", "stop it, or give this one another `run_dir`")


async def _stop(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.wait({task})  # unlike awaiting it, this cannot take a stop of ours for the task's own
        if not task.cancelled():
            task.result()
