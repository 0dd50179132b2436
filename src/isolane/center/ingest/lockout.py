"""This file shuts out gateways whose certificates are revoked; it guards that no connection outlives its certificate.

Operation: the lists of revoked certificates are looked at every second. One that has changed holds for whoever comes
from then on, and the connections of those on it are ended. The broker reads its own copy of the list when it is told
to, which takes it a moment; meanwhile a gateway that is thrown out may come back, so it is thrown out several times:
the center takes its client id over, on a listener of the broker where it may choose one, and leaves.
"""

import asyncio
import logging
import os
import re
import signal
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import aiomqtt
from cryptography import x509

from isolane.center.ingest.peer import PeerProtocol
from isolane.center.ingest.settings import MqttIngest
from isolane.center.store.enrolment_book import EnrolmentBook
from isolane.core.failures import IsolaneError
from isolane.security.tls import client_context, renew_list
from isolane.wire.mqtt_session import ClosedOnFailure, MqttSession, held

_log = logging.getLogger(__name__)

POLL_S = 1.0
_AGAIN_S = (0.0, 1.0, 3.0, 10.0, 30.0)
"""After each of these pauses the sessions are ended once more."""
_MISSED_S = 3600
"""What was revoked while the center was down is done when it starts, for so long."""
_PEM_LIST = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)

Connections = Callable[[], Iterable[object]]


class Lockout:
    """See the top of this file.

    Args:
        lists: PEM files.
        context: Of the listener, that has loaded them.
        connections: Those of the listener that are open.
        book: Knows whose a certificate is.
        broker: Where sessions are ended, None for nowhere.
        broker_pid_file: Who is told to read its list again, None for nobody.
    """

    def __init__(
        self,
        lists: Sequence[Path],
        context: ssl.SSLContext,
        connections: Connections,
        book: EnrolmentBook,
        *,
        broker: "Evictor | None" = None,
        broker_pid_file: Path | None = None,
    ) -> None:
        self._lists = lists
        self._context = context
        self._connections = connections
        self._book = book
        self._broker = broker
        self._pid_file = broker_pid_file
        self._stamps: dict[Path, tuple[int, int]] = {}
        self._failed: dict[Path, tuple[int, int]] = {}
        self._serials: set[int] | None = None
        self._evictions: set[asyncio.Task[None]] = set()

    def holds(self, serial: int) -> bool:
        """Tell whether a certificate is on a list, by its serial number."""
        return self._serials is not None and serial in self._serials

    async def run(self) -> None:
        """Watch for ever; cancel it to stop."""
        try:
            while True:
                await self._look()
                await asyncio.sleep(POLL_S)
        finally:
            for task in self._evictions:
                task.cancel()
            await asyncio.gather(*self._evictions, return_exceptions=True)

    async def _look(self) -> None:
        stamps = {file: _stamp(file) for file in self._lists}
        if stamps == self._stamps and self._serials is not None:
            return
        try:
            serials = await asyncio.to_thread(self._take)
            ended = self._end(serials)
            gateways = await self._names(serials)
        except (IsolaneError, OSError, ValueError) as error:
            if stamps != self._failed:
                _log.error("revocations-unreadable error=%s", error)
            self._failed = stamps
            return
        if self._serials is not None:
            _log.info("revocations-taken new=%d connections_ended=%d", len(serials - self._serials), ended)
        if self._serials is not None or gateways:
            self._tell_broker()
        self._stamps, self._serials = stamps, serials
        if self._broker is not None and gateways:
            task = asyncio.create_task(self._evict(self._broker, sorted(gateways)))
            self._evictions.add(task)
            task.add_done_callback(self._evictions.discard)

    def _take(self) -> set[int]:
        """Let the listener go by the lists as they are now; give the serial numbers on them.

        The numbers are read first: a list that changes meanwhile is newer in the listener than they tell, and is
        taken again at the next look. The other way round a number would be held that the listener lets in.
        """
        serials = _serials(self._lists)
        for file in self._lists:
            renew_list(self._context, file)
        return serials

    def _end(self, serials: set[int]) -> int:
        """End the connections of those on the lists; a database that is away does not keep them alive."""
        ended = [one for one in self._connections() if isinstance(one, PeerProtocol) and one.serial in serials]
        for connection in ended:
            connection.end()
        return len(ended)

    async def _names(self, serials: set[int]) -> set[str]:
        """Give the gateways whose sessions have to end."""
        if self._serials is None:
            return await self._book.revoked_since(int((time.time() - _MISSED_S) * 1000))
        return await self._book.gateways_of([f"{serial:x}" for serial in serials - self._serials])

    async def _evict(self, broker: "Evictor", gateways: list[str]) -> None:
        for pause_s in _AGAIN_S:
            await asyncio.sleep(pause_s)
            for gateway in gateways:
                await broker.evict(gateway)

    def _tell_broker(self) -> None:
        if self._pid_file is None:
            return
        try:
            pid = int(self._pid_file.read_text(encoding="ascii"))
            # A file that was left behind may name another process of this user by now.
            is_broker = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip() == "mosquitto"
            if is_broker:
                os.kill(pid, signal.SIGHUP)
            else:
                _log.error("broker-not-told file=%s error=it names another process", self._pid_file)
        except (OSError, ValueError) as error:
            _log.error("broker-not-told file=%s error=%s", self._pid_file, error)


class Evictor:
    """Ends sessions at a broker.

    Args:
        settings: Of a broker on whose listener for the center client ids are free.

    Raises:
        IsolaneError: A certificate or key cannot be read.
    """

    def __init__(self, settings: MqttIngest) -> None:
        self._settings = settings
        self._tls = client_context(settings.ca, settings.certificate, settings.key)
        self._tls.sslsocket_class = ClosedOnFailure

    async def evict(self, client_id: str) -> None:
        """End the session of a client id, if there is one; a broker that is away is logged."""
        session = MqttSession(
            self._settings.host,
            self._settings.port,
            identifier=client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=True,
            tls_context=self._tls,
            logger=_log.getChild("client"),
        )
        # A task of its own: a session that breaks while it is cancelled ends with the error of the break.
        visit = asyncio.create_task(_visit(session))
        try:
            await asyncio.wait({visit})
            visit.result()
            _log.info("session-ended client=%s", client_id)
        except aiomqtt.MqttError as error:
            _log.warning("session-not-ended client=%s error=%s", client_id, error)
        finally:
            visit.cancel()
            await asyncio.wait({visit})


async def _visit(session: MqttSession) -> None:
    async with held(session):
        pass


def _stamp(file: Path) -> tuple[int, int]:
    try:
        told = file.stat()
    except OSError:
        return 0, 0
    return told.st_ino, told.st_mtime_ns


def _serials(files: Sequence[Path]) -> set[int]:
    """Read the serial numbers on lists."""
    found: set[int] = set()
    for file in files:
        for text in _PEM_LIST.findall(file.read_bytes()):
            found |= {each.serial_number for each in x509.load_pem_x509_crl(text)}
    return found
