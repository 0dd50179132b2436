"""This file starts the workers and keeps them; it guards that one of them can die without the others noticing.

Start: ports, metrics page, one worker, then the others; only when all serve `ready` is logged, and one that ends before
that ends all. Afterwards one that dies is started again after 0.5 s, twice as long each time up to 30 s, until it has
served for a minute. SIGHUP goes to all as a message, so that one that is starting is not killed by it. SIGTERM and
SIGINT go to all; each drains by itself (value/app.py), and what has not ended long after its time is killed.

The supervisor carries no charger's bytes. If it is killed, the workers keep their connections and take no newcomers
(worker.py).
"""

import asyncio
import contextlib
import logging
import signal
import socket
import time
from collections.abc import Coroutine, Sequence
from typing import Final

import uvloop
from prometheus_client import CollectorRegistry

from isolane.core.failures import IsolaneError
from isolane.value.settings import ValueSettings
from isolane.value.workers.claims import Claims
from isolane.value.workers.link import Link
from isolane.value.workers.messages import (
    Admit,
    Claim,
    Collect,
    Guess,
    Hello,
    Learned,
    Leave,
    Message,
    Page,
    Ready,
    Release,
    Reload,
)
from isolane.value.workers.page import Totals
from isolane.value.workers.ports import Ports
from isolane.wire.exposition import serve_metrics

_log = logging.getLogger(__name__)

_AGAIN_S_MIN: Final = 0.5
_AGAIN_S_MAX: Final = 30.0
_STEADY_S: Final = 60.0
_READY_S: Final = 60.0
"""A worker that does not serve by then is killed."""
_PAGE_S: Final = 1.0
"""What a worker gets to give its page; of one that is busy for longer the last one is shown."""
_SPARE_S: Final = 10.0
"""Beyond the time in which a worker ends by itself."""


def main(settings: ValueSettings, command: Sequence[str]) -> None:
    """Run the workers until told to stop.

    Args:
        settings: The [value] table.
        command: Starts a worker when the descriptor of its socket is added.

    Raises:
        IsolaneError: A port cannot be used, or a worker does not start.
    """
    uvloop.run(Supervisor(settings, command).run())


class _Seat:
    """One of the N workers, whichever process that is."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.process: asyncio.subprocess.Process | None = None
        self.link: Link | None = None
        self.ready = asyncio.Event()
        self.stale = False
        """Whether it may have read the files before the last SIGHUP, or the last change of a credential."""


class Supervisor:
    """See the top of this file.

    Args:
        settings: The [value] table.
        command: See `main`.
    """

    def __init__(self, settings: ValueSettings, command: Sequence[str]) -> None:
        self._settings = settings
        self._command = command
        self._claims = Claims()
        self._seats = [_Seat(number) for number in range(1, settings.workers + 1)]
        self._totals = Totals(lambda: len(self._serving()))
        self._tasks: set[asyncio.Task[object]] = set()
        self._stop = asyncio.Event()
        self._failed: asyncio.Future[None]
        self._ports: Ports

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT.

        Raises:
            IsolaneError: See `main`.
        """
        loop = asyncio.get_running_loop()
        self._failed = loop.create_future()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        shown = CollectorRegistry(auto_describe=False)
        shown.register(self._totals)
        async with contextlib.AsyncExitStack() as stack:
            self._ports = Ports(self._settings.listen)
            stack.callback(self._ports.close)
            metrics = self._settings.metrics
            page = await serve_metrics(shown, metrics.host, metrics.port, self._refresh)
            stack.callback(page.close)
            stack.push_async_callback(self._end)
            for some in (self._seats[:1], self._seats[1:]):
                for seat in some:
                    self._do(self._keep(seat))
                await self._until_ready(some)
            if not self._stop.is_set():
                host, port = page.sockets[0].getsockname()[:2]
                _log.info(
                    "ready listen=%s metrics=%s workers=%d",
                    ",".join(map(str, self._ports.addresses)),
                    f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
                    len(self._seats),
                )
            await self._stop.wait()
        _log.info("stopped")

    async def _until_ready(self, seats: Sequence[_Seat]) -> None:
        """Wait until these serve or there is an end.

        Raises:
            IsolaneError: One has ended.
        """
        ready = asyncio.create_task(_all_ready(seats))
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait((ready, stopped, self._failed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
            stopped.cancel()
        if self._failed.done() and not self._stop.is_set():
            raise IsolaneError("a worker of the relay did not start", "what it said stands above")

    async def _keep(self, seat: _Seat) -> None:
        """Run one worker after the other."""
        again_s = _AGAIN_S_MIN
        while True:
            served = await self._live(seat)
            if self._stop.is_set():
                return
            if not all(other.ready.is_set() or other is seat for other in self._seats) and not self._failed.done():
                self._failed.set_result(None)
            again_s = _AGAIN_S_MIN if served >= _STEADY_S else again_s
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(again_s):
                    await self._stop.wait()
                return
            again_s = min(again_s * 2, _AGAIN_S_MAX)
            self._totals.restarts += 1

    async def _live(self, seat: _Seat) -> float:
        """Start a worker and wait for its end; give how long it lived, s."""
        began = time.monotonic()
        ours, theirs = socket.socketpair()
        try:
            seat.process = await asyncio.create_subprocess_exec(
                *self._command, str(theirs.fileno()), pass_fds=(theirs.fileno(),)
            )
        except OSError as error:
            ours.close()
            _log.error("worker-not-started worker=%d reason=%s", seat.number, error)
            return 0.0
        finally:
            theirs.close()
        _, seat.link = await asyncio.get_running_loop().create_unix_connection(
            lambda: Link(self._take, self._claims.drop), sock=ours
        )
        seat.link.send(Hello(seat.number, len(self._seats), [address.port for address in self._ports.addresses]))
        if self._stop.is_set():
            seat.process.terminate()
        hurry = self._do(self._hurry(seat, seat.process))
        code = await seat.process.wait()
        hurry.cancel()
        lived_s = time.monotonic() - began
        if not self._stop.is_set():
            _log.error(
                "worker-ended worker=%d pid=%d code=%d lived_s=%.0f", seat.number, seat.process.pid, code, lived_s
            )
        seat.link.close()
        self._totals.retire(seat.number)
        seat.ready.clear()
        seat.process = seat.link = None
        return lived_s

    async def _hurry(self, seat: _Seat, process: asyncio.subprocess.Process) -> None:
        """Kill a worker that does not come to serve."""
        try:
            async with asyncio.timeout(_READY_S):
                await seat.ready.wait()
        except TimeoutError:
            _log.error("worker-late worker=%d pid=%d", seat.number, process.pid)
            process.kill()

    async def _end(self) -> None:
        """Tell every worker to stop and wait until all have."""
        self._stop.set()
        self._signal(signal.SIGTERM)
        settings = self._settings
        if self._tasks:
            wait_s = settings.drain_s + settings.limits.close_s + _SPARE_S
            _, late = await asyncio.wait(self._tasks, timeout=wait_s)
            if late:
                _log.error("workers-killed count=%d", len(self._serving()))
                self._signal(signal.SIGKILL)
                await asyncio.wait(late)

    def _signal(self, number: signal.Signals) -> None:
        for seat in self._seats:
            if seat.process is not None:
                with contextlib.suppress(ProcessLookupError):
                    seat.process.send_signal(number)

    def _reload(self) -> None:
        for seat in self._seats:
            if seat.link is not None and seat.ready.is_set():
                seat.link.send(Reload())
            else:
                seat.stale = True

    def _serving(self) -> list[Link]:
        return [seat.link for seat in self._seats if seat.link is not None and seat.ready.is_set()]

    async def _refresh(self) -> None:
        """Ask every worker for its page."""
        await asyncio.gather(*(self._ask_page(seat) for seat in self._seats))

    async def _ask_page(self, seat: _Seat) -> None:
        link = seat.link
        if link is None or not seat.ready.is_set():
            return
        answer = await link.ask(Collect(link.number()), _PAGE_S)
        if isinstance(answer, Page) and seat.link is link:
            self._totals.update(seat.number, answer.families)

    def _take(self, link: Link, message: Message) -> None:
        """Do what a worker says."""
        at = next((seat for seat in self._seats if seat.link is link), None)
        match message:
            case Admit() | Claim() | Release() | Leave():
                self._claims.heed(link, message)
            case Guess() | Learned():
                self._pass_on(link, message)
            case Ready() if at is not None and at.process is not None:
                at.ready.set()
                if at.stale:
                    at.stale = False
                    link.send(Reload())
                _log.info("worker-serves worker=%d pid=%d", at.number, at.process.pid)

    def _pass_on(self, link: Link, message: Guess | Learned) -> None:
        """Tell the other workers; one that is starting may have read the credential file before it was changed."""
        for seat in self._seats:
            if seat.link is None or seat.link is link:
                continue
            if seat.ready.is_set():
                seat.link.send(message)
            elif isinstance(message, Learned):
                seat.stale = True

    def _do(self, work: Coroutine[None, None, object]) -> asyncio.Task[object]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[object]) -> None:
        """End everything, to be started anew, where what keeps a worker has failed itself."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.critical("supervisor-failed", exc_info=error)
            self._stop.set()


async def _all_ready(seats: Sequence[_Seat]) -> None:
    for seat in seats:
        await seat.ready.wait()
