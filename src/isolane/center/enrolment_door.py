"""This file puts enrolment together; it guards that its listener shows the certificate that codes are made for."""

import ssl
from collections.abc import Awaitable, Callable

from cryptography import x509

from isolane.center.ingest.enrolment import Enrolment
from isolane.center.ingest.est import App, EstApp
from isolane.center.ingest.lockout import Evictor, Lockout
from isolane.center.ingest.settings import EnrolmentSettings, HttpsIngest, MqttIngest
from isolane.center.ingest.suspicion import Suspicions
from isolane.center.serve import WebServer
from isolane.center.settings import CenterSettings
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.enrolment_book import EnrolmentBook
from isolane.core.failures import IsolaneError
from isolane.security.authority import Authority
from isolane.security.tls import server_context, trust_also


class EnrolmentDoor:
    """The enrolment listener, renewal at the ingest listener, and what shuts gateways out.

    Args:
        settings: Of the center, with enrolment.
        catalogue: Open.
        suspicions: Are told of who is refused.
        app: What the ingest listener answers beside renewals.
        worker: Name among several workers that share the listeners; "" for a center that has them alone.

    Attributes:
        app: What the ingest listener answers.
        server: The enrolment listener.

    Raises:
        IsolaneError: Settings are missing, or a file or address cannot be used.
    """

    def __init__(
        self, settings: CenterSettings, catalogue: SqlCatalogue, suspicions: Suspicions, app: App, worker: str = ""
    ) -> None:
        self._settings, self._https = parts(settings)
        self._mqtt = settings.mqtt.of_worker(worker) if worker and settings.mqtt else settings.mqtt
        self._book = EnrolmentBook(catalogue)
        enrolment = Enrolment(self._settings, self._book)
        self._lockout: Lockout | None = None
        self.app: App = EstApp(enrolment, self._authorities, suspicions, app, self._is_shut_out)
        self._authority = Authority(self._settings.issuer)
        self._issuer = enrolment.certificate
        self._authorities()
        self.server = WebServer(
            "[center.enrolment] address",
            EstApp(enrolment, self._authorities, suspicions),
            self._settings.address,
            tls=server_context(self._https.certificate, self._https.key),
            requests_max=100,
            is_sharing=bool(worker),
        )

    def admit(self, context: ssl.SSLContext) -> None:
        """Let the ingest listener take whom the issuing CA has certified.

        Raises:
            IsolaneError: A file cannot be used.
        """
        trust_also(context, self._authority.certificate, self._authority.revocations)

    def lockout(self, context: ssl.SSLContext, server: WebServer) -> Callable[[], Awaitable[None]]:
        """Give the task that shuts gateways out of the ingest listener and the broker.

        Raises:
            IsolaneError: A certificate or key of the broker's cannot be read.
        """
        lists = [self._authority.revocations, *([self._https.crl] if self._https.crl else [])]
        evictor = _evictor(self._settings, self._mqtt)
        self._lockout = Lockout(
            lists,
            context,
            lambda: server.connections,
            self._book,
            broker=evictor,
            broker_pid_file=self._settings.broker_pid_file,
        )
        return self._lockout.run

    def _is_shut_out(self, serial: int) -> bool:
        return self._lockout is not None and self._lockout.holds(serial)

    def _authorities(self) -> list[x509.Certificate]:
        """Give the issuing CA, and what signs the servers that gateways speak to."""
        file = self._settings.server_ca
        try:
            servers = x509.load_pem_x509_certificates(file.read_bytes())
        except (OSError, ValueError) as error:
            raise IsolaneError(f"cannot read certificates from {file}: {error}", "give a PEM file") from error
        return [self._issuer, *(each for each in servers if each != self._issuer)]


def parts(settings: CenterSettings) -> tuple[EnrolmentSettings, HttpsIngest]:
    """Give the tables that enrolment needs.

    Raises:
        IsolaneError: One is missing.
    """
    if settings.enrolment is None:
        raise IsolaneError("the center enrols no gateways", "set [center.enrolment]; see docs/reference/enrolment.md")
    if settings.https is None:
        raise IsolaneError("enrolment needs the center's HTTPS listener", "set [center.https]")
    if settings.https.crl is None:
        raise IsolaneError(
            "with enrolment every CA of the HTTPS listener needs a list of revoked certificates",
            "set [center.https] crl, for example to pki/revoked.pem",
        )
    return settings.enrolment, settings.https


def _evictor(settings: EnrolmentSettings, broker: MqttIngest | None) -> Evictor | None:
    if not settings.ends_sessions:
        return None
    if broker is None:
        raise IsolaneError("ends_sessions needs a broker", "set [center.mqtt], or leave ends_sessions out")
    return Evictor(broker)
