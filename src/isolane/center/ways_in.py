"""This file puts the ways in together; it guards that every transport goes through one intake and one set of gates."""

import ssl
from collections.abc import Awaitable, Callable

from isolane.center.enrolment_door import EnrolmentDoor
from isolane.center.ingest.counters import IngestCounters
from isolane.center.ingest.est import App
from isolane.center.ingest.https import IngestApp
from isolane.center.ingest.intake import Intake
from isolane.center.ingest.mqtt import MqttSubscriber
from isolane.center.ingest.peer import PeerProtocol
from isolane.center.ingest.quota import Gates
from isolane.center.ingest.relay import Relay
from isolane.center.ingest.settings import HttpsIngest
from isolane.center.ingest.suspicion import Suspicions
from isolane.center.serve import WebServer
from isolane.center.settings import CenterSettings
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.inbox_port import TakesBatches
from isolane.security.event_lines import EventLines
from isolane.security.tls import server_context

_GATEWAY_RESTS_S = 300
"""A gateway that sends once a minute keeps its connection; a new TLS handshake would cost more than its block."""


class WaysIn:
    """Intake and transports, put together but not running.

    Args:
        settings: See there.
        catalogue: Open.
        telemetry: Open.
        counters: Are counted up.
        worker: Name among several workers that split the stream; "" for a center that takes it alone.

    Attributes:
        intake: The one door to the store.
        tasks: What must run, by name.
        servers: Listeners; bound, not serving.

    Raises:
        IsolaneError: An address or a file of a certificate cannot be used.
    """

    def __init__(
        self,
        settings: CenterSettings,
        catalogue: SqlCatalogue,
        telemetry: TakesBatches,
        counters: IngestCounters,
        worker: str = "",
    ) -> None:
        self.intake = intake = Intake(catalogue, telemetry, settings.commit, counters)
        gates, suspicions = Gates(settings.quota), Suspicions(EventLines())
        self.relay = relay = Relay(catalogue)
        self.tasks: dict[str, Callable[[], Awaitable[None]]] = {"commit": intake.run, "relay": relay.run}
        self.servers: list[WebServer] = []
        self._brokers = []
        if settings.mqtt is not None:
            mqtt = settings.mqtt.of_worker(worker) if worker else settings.mqtt
            self.tasks["mqtt"] = MqttSubscriber(
                mqtt, intake, counters, gates, suspicions, relay=relay, is_sharing=bool(worker)
            ).run
            self._brokers.append(f"mqtts://{mqtt.host}:{mqtt.port}")
        if settings.https is not None:
            app = IngestApp(intake, gates, suspicions, relay)
            tls = _https_context(settings.https)
            if settings.enrolment is None:
                self.servers.append(_https_server(settings.https, app, tls, is_sharing=bool(worker)))
            else:
                door = EnrolmentDoor(settings, catalogue, suspicions, app, worker)
                door.admit(tls)
                server = _https_server(settings.https, door.app, tls, is_sharing=bool(worker))
                self.servers += [server, door.server]
                self.tasks["lockout"] = door.lockout(tls, server)

    def __str__(self) -> str:
        """Name the ways in with their addresses, "none" where there is none."""
        return ",".join([*(f"https://{server.address}" for server in self.servers), *self._brokers]) or "none"


def _https_context(settings: HttpsIngest) -> ssl.SSLContext:
    return server_context(settings.certificate, settings.key, settings.client_ca, settings.crl)


def _https_server(settings: HttpsIngest, app: App, tls: ssl.SSLContext, *, is_sharing: bool) -> WebServer:
    return WebServer(
        "[center.https] address",
        app,
        settings.address,
        tls=tls,
        protocol=PeerProtocol,
        requests_max=settings.connections_max,
        keep_alive_s=_GATEWAY_RESTS_S,
        is_sharing=is_sharing,
    )
