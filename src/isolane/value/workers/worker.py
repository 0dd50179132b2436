"""This file is a worker's end of what the workers share; it guards that a worker without a supervisor ends nobody.

A worker is a relay as it would be alone (value/app.py) but for this: it binds ports that the supervisor has reserved,
gives its metrics page to the supervisor, asks it about identities, and takes its share of those limits that are cut in
N (`share_of`). `connections` is counted by the supervisor, failed authentications by everybody, for all.

When the supervisor is gone, nobody can say who has an identity in another worker. So the worker takes no newcomers
from then on, keeps the connections that it has until they end by themselves or it is told to stop, and then ends. Its
ports are free at once for a relay that is started anew.
"""

import asyncio
import logging
import socket
from collections.abc import Callable

import msgspec
import uvloop
from prometheus_client import CollectorRegistry

from isolane.config.site import Site
from isolane.core.failures import IsolaneError
from isolane.value.access.credentials import Verification
from isolane.value.app import run, settle
from isolane.value.security_events import SecurityEvents
from isolane.value.settings import Limits, ValueSettings
from isolane.value.workers.link import Link
from isolane.value.workers.messages import (
    Collect,
    Guess,
    Heard,
    Hello,
    Learned,
    Message,
    Page,
    Probe,
    Ready,
    Reload,
    Yield,
)
from isolane.value.workers.page import families
from isolane.value.workers.shared import SharedAttempts, SharedDuplicates, SharedPasswords, SharedRegistry

_log = logging.getLogger(__name__)

_HELLO_S = 10.0


def main(site: Site, settings: ValueSettings, read: Callable[[], ValueSettings], descriptor: int) -> None:
    """Run one worker until it is told to stop.

    Args:
        site: See `app.run`.
        settings: See `app.run`.
        read: See `app.run`.
        descriptor: This end of the socket to the supervisor.

    Raises:
        IsolaneError: See `app.run`; or the settings are not those that the supervisor has started with.
    """
    uvloop.run(_work(site, settings, read, descriptor))


async def _work(site: Site, settings: ValueSettings, read: Callable[[], ValueSettings], descriptor: int) -> None:
    worker = await Worker.join(descriptor)
    worker.check(settings)
    await run(site, worker.share(settings), lambda: worker.share(read()), on_ready=settle, worker=worker)


def share_of(limits: Limits, workers: int) -> Limits:
    """Give one worker's share of the limits."""
    return msgspec.structs.replace(
        limits,
        preauth=max(1, limits.preauth // workers),
        failed_handshakes_per_min=max(1, limits.failed_handshakes_per_min // workers),
        dials=max(1, limits.dials // workers),
        dials_per_s=limits.dials_per_s / workers,
        dials_burst=max(1, limits.dials_burst // workers),
    )


class Worker:
    """One worker, as its relay sees it.

    Args:
        hello: What the supervisor said first.
        link: To the supervisor.

    Attributes:
        number: From 1.
        ports: Of the listeners.
        registry: The relay's.
        orphaned: Set when the supervisor is gone.
    """

    def __init__(self, hello: Hello, link: Link) -> None:
        self.number = hello.worker
        self.ports = hello.ports
        self.registry = SharedRegistry(hello.worker)
        self.orphaned = asyncio.Event()
        self._workers = hello.workers
        self._link = link
        self._attempts: SharedAttempts | None = None
        self._duplicates: SharedDuplicates | None = None
        self._passwords: SharedPasswords | None = None
        self._shown = CollectorRegistry(auto_describe=False)
        self._hangup = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def join(cls, descriptor: int) -> "Worker":
        """Wait for the supervisor's Hello.

        Raises:
            IsolaneError: There is none.
        """
        loop = asyncio.get_running_loop()
        hello: asyncio.Future[Hello] = loop.create_future()
        made: list[Worker] = []

        def take(link: Link, message: Message) -> None:
            if made:
                made[0].take(message)
            elif isinstance(message, Hello):
                made.append(cls(message, link))
                hello.set_result(message)

        def ended(_: Link) -> None:
            if made:
                made[0].lose()

        problem = IsolaneError("no supervisor is at the other end", "this option is for `isolane value` itself")
        try:
            sock = socket.socket(fileno=descriptor)
            sock.set_inheritable(False)
            await loop.create_unix_connection(lambda: Link(take, ended), sock=sock)
            async with asyncio.timeout(_HELLO_S):
                await hello
        except OSError as error:  # a TimeoutError too
            raise problem from error
        return made[0]

    def check(self, settings: ValueSettings) -> None:
        """See that the listeners are those of the supervisor's start.

        Raises:
            IsolaneError: They are not.
        """
        wanted = [listener.address.port for listener in settings.listen]
        if len(wanted) != len(self.ports) or any(
            port not in {0, had} for port, had in zip(wanted, self.ports, strict=True)
        ):
            raise IsolaneError("[[value.listen]] has changed since the relay was started", "restart the relay")

    def share(self, settings: ValueSettings) -> ValueSettings:
        """Cut the limits that are cut."""
        if self._duplicates is not None:
            self._duplicates.connections = settings.limits.connections
        return msgspec.structs.replace(settings, limits=share_of(settings.limits, self._workers))

    def attempts(self, failures: int) -> SharedAttempts:
        """Make what counts failed authentications."""
        self._attempts = SharedAttempts(failures, self._link)
        return self._attempts

    def duplicates(self, settings: ValueSettings, events: SecurityEvents) -> SharedDuplicates:
        """Make what decides about identities that connect twice."""
        self._duplicates = SharedDuplicates(self._link, self.registry, events, settings)
        return self._duplicates

    def share_passwords(self, verification: Verification) -> None:
        """Let every worker know what one has learned."""
        self._passwords = SharedPasswords(verification, self._link)

    def serve(self, shown: CollectorRegistry, hangup: asyncio.Event) -> None:
        """Say that the relay serves.

        Args:
            shown: Its metrics.
            hangup: Set when it is to read again what can be read again.
        """
        self._shown, self._hangup = shown, hangup
        self._link.send(Ready())

    def take(self, message: Message) -> None:
        """Do what the supervisor says."""
        match message:
            case Reload():
                self._hangup.set()
            case Collect():
                self._link.send(Page(message.question, families(self._shown)))
            case Guess() if self._attempts is not None:
                self._attempts.heed(message)
            case Learned() if self._passwords is not None:
                self._passwords.heed(message)
            case Yield() if self._duplicates is not None:
                yes = self._duplicates.give_way(message.ticket, force=message.force)
                self._link.send(Heard(message.question, yes))
            case Probe() if self._duplicates is not None:
                task = asyncio.create_task(self._probe(self._duplicates, message))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def lose(self) -> None:
        """Know that the supervisor is gone."""
        if not self.orphaned.is_set():
            _log.error("supervisor-gone worker=%d connections=%d", self.number, len(self.registry.living))
            self.orphaned.set()

    async def _probe(self, duplicates: SharedDuplicates, asked: Probe) -> None:
        yes = await duplicates.is_answered(asked.ticket, asked.wait_s)
        self._link.send(Heard(asked.question, yes))
