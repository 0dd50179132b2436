"""This file renews a leg's certificate; it guards that a CA that is away is asked again long before the end.

Operation: two thirds of a certificate's life after it began, up to a twentieth of its life later (another moment for
each certificate, so that boxes that were enrolled together do not come together), the next one is asked for. A CA that
gives none is asked again after a minute, then two, four, up to six hours, or when it says; the certificate in use stays
in use meanwhile.
"""

import datetime as dt
import logging
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

from isolane.core.failures import IsolaneError
from isolane.security.est_client import EstError, EstServer
from isolane.security.leg_folder import LegFolder, subject_of

_LOG = logging.getLogger(__name__)

_BEGIN = 2 / 3
_SPREAD = 1 / 20
_SPREAD_STEPS = 4096
_AGAIN_S_MIN, _AGAIN_S_MAX = 60.0, 6 * 3600.0
_LOOK_S = 3600.0
"""Somebody may have put another certificate there."""
_HTTP_REFUSED = range(400, 500)


@dataclass(frozen=True, slots=True)
class RenewedLeg:
    """What renewal needs of a leg.

    Attributes:
        folder: Its files.
        server: Of the CA; its trust, certificate and key are those of the folder where it has none.
        name: CN of the first certificate, where there is none yet and the server lets in with a password.
        shown: Folder of the leg whose certificate is shown to the server; its own if None.
    """

    folder: LegFolder
    server: EstServer
    name: str
    shown: LegFolder | None = None


def due_utc(certificate: x509.Certificate) -> dt.datetime:
    """Give when a certificate is to be renewed."""
    begun, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    place = certificate.serial_number % _SPREAD_STEPS / _SPREAD_STEPS
    return begun + (end - begun) * (_BEGIN + _SPREAD * place)


class Renewal:
    """Keeps one leg's certificate.

    Args:
        leg: Which.
    """

    def __init__(self, leg: RenewedLeg) -> None:
        self._leg = leg
        self._pause_s = _AGAIN_S_MIN
        self.renewed = 0

    def step(self, now: dt.datetime, *, is_forced: bool = False) -> tuple[float, str]:
        """Renew if it is time; blocks for as long as the server takes.

        Args:
            now: UTC.
            is_forced: Do it now.

        Returns:
            After how many seconds to come again, and why it failed, "" if it did not.
        """
        try:
            chain = self._leg.folder.certificates()
            wait_s = (due_utc(chain[0]) - now).total_seconds() if chain else 0.0
            if wait_s > 0 and not is_forced:
                return min(wait_s, _LOOK_S), ""
            own = self._ask(chain)
        except IsolaneError as error:
            after_s = error.retry_after_s if isinstance(error, EstError) else 0
            if isinstance(error, EstError) and error.status in _HTTP_REFUSED:
                # A key that was refused once, because the code or the CA wants another, is not tried for ever.
                self._leg.folder.drop_request()
            pause_s = max(self._pause_s, float(min(after_s, _AGAIN_S_MAX)))
            self._pause_s = min(2 * self._pause_s, _AGAIN_S_MAX)
            _LOG.warning("renewal-failed folder=%s again_s=%.0f error=%s", self._leg.folder.current, pause_s, error)
            return pause_s, str(error)
        self._pause_s = _AGAIN_S_MIN
        self.renewed += 1
        _LOG.info("renewed folder=%s until=%s", self._leg.folder.current, own.not_valid_after_utc.isoformat())
        return _LOOK_S, ""

    def _ask(self, chain: list[x509.Certificate]) -> x509.Certificate:
        folder, server = self._leg.folder, self._server(has_certificate=bool(chain))
        if not chain:
            if server.login is None:
                raise IsolaneError(f"{folder.current} has no certificate", "enrol first: isolane enrol")
            authorities = server.authorities()
            answer = server.enrol(folder.request(subject_of(self._leg.name)))
            return folder.install(self._leg.name, answer, authorities)
        subject = chain[0].subject
        names = [str(each.value) for each in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        authorities = server.authorities()
        return folder.install("".join(names[:1]), server.renew(folder.request(subject)), authorities)

    def _server(self, *, has_certificate: bool) -> EstServer:
        server, current = self._leg.server, (self._leg.shown or self._leg.folder).current
        own_trust = current / "trust.pem"
        trust = server.trust or (own_trust if own_trust.exists() else None)
        certificate, key = (current / "chain.pem", current / "key.pem") if has_certificate else (None, None)
        return EstServer(
            server.url,
            server.label,
            trust,
            certificate=certificate,
            key=key,
            login=server.login,
            timeout_s=server.timeout_s,
        )
