"""This file receives copies from the relay; it guards that reading them never takes more than its share of a core.

One SEQPACKET connection for each relay worker, read in batches when the loop says there is something. Before and
after each batch the process's CPU time is compared with its share of the time that passed; once that is spent, nobody
is read until it has come back, the sockets fill, and the relay loses copies, which is what the tap is for: it may
lose, it may not compete.
"""

import asyncio
import logging
import os
import socket
import stat
import time
from pathlib import Path

from isolane.core.failures import IsolaneError
from isolane.tap.connections import Connections
from isolane.tap.tally import Tally
from isolane.wire import tap_copy

LINKS_MAX = 64
"""Relay workers at a time; a box has as many as cores."""

_BATCH_COPIES_MAX = 64
"""After so many copies other callbacks have their turn: a few milliseconds. A packet that has begun is read whole."""
_PACKET_BYTES = tap_copy.PACKET_BYTES_MAX + 1
"""One more than allowed, so that a longer packet is seen to be longer."""
_BURST_S = 0.1
"""CPU time saved up at most."""
_log = logging.getLogger(__name__)


class Pacer:
    """Says how long to rest so that CPU time stays within a share of the time that passes.

    Args:
        share: 0 to 1, of one core.
        now_ns: Monotonic clock.
        cpu_ns: CPU time of this process.
    """

    def __init__(self, share: float, now_ns: int, cpu_ns: int) -> None:
        self._share = share
        self._now_ns = now_ns
        self._cpu_ns = cpu_ns
        self._saved_ns = _BURST_S * 1e9

    def rest_s(self, now_ns: int, cpu_ns: int) -> float:
        """Give the seconds to rest, 0.0 for none."""
        saved = self._saved_ns + (now_ns - self._now_ns) * self._share - (cpu_ns - self._cpu_ns)
        self._saved_ns = min(saved, _BURST_S * 1e9)
        self._now_ns, self._cpu_ns = now_ns, cpu_ns
        return max(0.0, -self._saved_ns / self._share / 1e9) if self._share < 1 else 0.0


class Listener:
    """The server that the relay's workers connect to.

    Args:
        path: Where it listens; mode 0600 in a folder of mode 0700.
        connections: Takes the copies.
        tally: Counts them.
        cpu_share_max: See `Pacer`.
    """

    def __init__(self, path: Path, connections: Connections, tally: Tally, cpu_share_max: float) -> None:
        self._path = path
        self._connections = connections
        self._tally = tally
        self._pacer = Pacer(cpu_share_max, time.monotonic_ns(), time.process_time_ns())
        self._server: socket.socket | None = None
        self._links: dict[int, socket.socket] = {}
        self._next_link = 0
        self._resume: asyncio.TimerHandle | None = None

    @property
    def links(self) -> int:
        """Count the relay's workers that are connected."""
        return len(self._links)

    def open(self) -> None:
        """Listen.

        Raises:
            IsolaneError: Another tap listens there, or the socket cannot be made.
        """
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _clear(self._path)
        server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        mask = os.umask(0o117)  # the folder decides who may come: its owner, or a group of service users
        try:
            server.bind(str(self._path))
            server.listen(LINKS_MAX)
        except OSError as error:
            server.close()
            raise IsolaneError(
                f"cannot listen on {self._path}: {error.strerror or error}", "choose another [site] run_dir"
            ) from error
        finally:
            os.umask(mask)
        self._server = server
        asyncio.get_running_loop().add_reader(server.fileno(), self._accept)

    def close(self) -> None:
        """Close every socket and remove the path."""
        loop = asyncio.get_running_loop()
        if self._resume:
            self._resume.cancel()
        for link in list(self._links):
            self._end(link)
        if self._server:
            loop.remove_reader(self._server.fileno())
            self._server.close()
            self._path.unlink(missing_ok=True)
            self._server = None

    def _accept(self) -> None:
        try:
            sock, _ = self._server.accept() if self._server else (None, None)
        except OSError as error:  # gone again, or out of descriptors
            _log.warning("link-refused error=%s", error.strerror)
            return
        if sock is None:
            return
        if len(self._links) >= LINKS_MAX:
            _log.warning("link-refused error=too-many links=%d", len(self._links))
            sock.close()
            return
        sock.setblocking(False)
        self._next_link += 1
        link = self._next_link
        self._links[link] = sock
        if not self._resume:
            asyncio.get_running_loop().add_reader(sock.fileno(), self._read, link)
        _log.info("link-opened link=%d links=%d", link, len(self._links))

    def _end(self, link: int) -> None:
        sock = self._links.pop(link)
        asyncio.get_running_loop().remove_reader(sock.fileno())
        sock.close()
        self._connections.end_link(link)
        _log.info("link-ended link=%d links=%d", link, len(self._links))

    def _read(self, link: int) -> None:
        sock, before = self._links[link], self._tally.copies
        while self._tally.copies < before + _BATCH_COPIES_MAX:
            try:
                packet = sock.recv(_PACKET_BYTES)
            except BlockingIOError:
                break
            except OSError:
                packet = b""
            if not packet:
                self._end(link)
                break
            self._take(link, packet)
        rest_s = self._pacer.rest_s(time.monotonic_ns(), time.process_time_ns())
        if rest_s:
            self._pause(rest_s)

    def _take(self, link: int, packet: bytes) -> None:
        tally, take = self._tally, self._connections.take
        tally.copy_bytes += len(packet)
        try:
            read = tap_copy.unpack(packet)
        except ValueError:
            tally.copies += 1
            tally.copies_bad += 1
            return
        tally.copies += len(read.copies)
        tally.copies_lost += read.lost
        for copy in read.copies:
            take(link, copy)

    def _pause(self, rest_s: float) -> None:
        self._tally.pauses += 1
        loop = asyncio.get_running_loop()
        for sock in self._links.values():
            loop.remove_reader(sock.fileno())
        if self._resume:
            self._resume.cancel()
        self._resume = loop.call_later(rest_s, self._go_on)

    def _go_on(self) -> None:
        self._resume = None
        loop = asyncio.get_running_loop()
        for link, sock in self._links.items():
            loop.add_reader(sock.fileno(), self._read, link)


def _clear(path: Path) -> None:
    """Remove the socket that a tap left behind that was killed.

    Raises:
        IsolaneError: Somebody listens there, or it is no socket.
    """
    try:
        is_socket = stat.S_ISSOCK(path.lstat().st_mode)
    except FileNotFoundError:
        return
    if not is_socket:
        raise IsolaneError(f"{path} is not a socket", "remove it or choose another [site] run_dir")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise IsolaneError(f"cannot use {path}: {error.strerror or error}", "see who owns it") from error
        else:
            raise IsolaneError(f"another tap listens on {path}", "stop it, or give this one its own [site] run_dir")
