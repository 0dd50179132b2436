"""This file decides who gets a certificate; it guards that nothing is answered that is not written down first.

A first certificate is for who holds a code, for the gateway and the legs that the code names; the next one is for who
shows the one in use, for the same name. What a request says of itself beyond its key and its name is ignored.
"""

import asyncio
import hashlib
from collections import OrderedDict, deque
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network
from time import monotonic

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from isolane.center.ingest.settings import EnrolmentSettings
from isolane.center.store.enrolment_book import EnrolmentBook, Issued
from isolane.center.store.port import RefusedError
from isolane.core.failures import IsolaneError
from isolane.security.authority import Authority
from isolane.security.enrolment_code import code_id
from isolane.security.est import PublicKey, read_request
from isolane.security.legs import PURPOSES, Leg, check_gateway, common_name, read_common_name

FAILURES_MAX = 10
"""Of one address in a quarter of an hour; an installer mistypes a few times."""
_WINDOW_S = 900.0
_ADDRESSES_MAX = 65_536


class TooManyError(Exception):
    """An address has failed too often."""


class Enrolment:
    """Issues.

    Args:
        settings: See there.
        book: Where it is written down.
        clock: A monotonic clock, s.

    Raises:
        IsolaneError: The issuing CA cannot be read.
    """

    def __init__(
        self, settings: EnrolmentSettings, book: EnrolmentBook, clock: Callable[[], float] = monotonic
    ) -> None:
        self._authority = Authority(settings.issuer)
        self._days = settings.days
        self._book = book
        self._clock = clock
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()
        self.certificate = _load(self._authority)

    async def enrol(self, login: tuple[str, str], leg: Leg, body: bytes, address: str) -> list[x509.Certificate]:
        """Issue a first certificate.

        Args:
            login: Gateway and the code's secret in hex, as they were given.
            leg: Which.
            body: Request, as EST writes it.
            address: Of who asks.

        Raises:
            TooManyError: Nothing was looked at.
            RefusedError: The code is not good for this.
            ValueError: The request cannot be read, or is for another name.
            OSError: The database is away.
            UnavailableError: The database is away.
        """
        gateway, secret = login
        failed = self._failures(address)
        if len(failed) >= FAILURES_MAX:
            raise TooManyError
        failed.append(self._clock())  # It counts as a failure until it has succeeded: many at once are no way around.
        try:
            check_gateway(gateway)
            code = code_id(bytes.fromhex(secret))
        except (IsolaneError, ValueError) as error:
            raise RefusedError("no such code for this gateway, or not any more") from error
        earlier = await self._book.check_code(code, gateway, leg)
        failed.pop()
        key = _asked(body, gateway, leg)
        if earlier is not None and earlier.key == _digest(key):
            return [x509.load_pem_x509_certificate(earlier.pem)]
        return await self._issue((gateway, leg), key, address, code=code)

    async def renew(self, shown: bytes, body: bytes, address: str, leg: Leg | None = None) -> list[x509.Certificate]:
        """Issue the next certificate.

        Args:
            shown: Certificate (DER) that TLS has verified.
            body: Request, as EST writes it.
            address: Of who asks.
            leg: Which, where the path says so.

        Raises:
            RefusedError: The certificate that was shown is not of this CA, or revoked.
            ValueError: The request cannot be read, or is for another name.
            UnavailableError: The database is away.
        """
        old = x509.load_der_x509_certificate(shown)
        try:
            old.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise RefusedError("the certificate in use is of another CA: enrol with a code") from error
        try:
            gateway, of_leg = read_common_name(_common_name(old.subject))
        except ValueError as error:
            raise RefusedError(str(error)) from error
        wanted = leg or of_leg
        # A receipt's certificate opens no TLS: the process that has the key shows Channel B's.
        if wanted is not of_leg and (of_leg, wanted) != (Leg.HEALTH, Leg.RECEIPT):
            raise RefusedError(f"the certificate in use is for the leg {of_leg}")
        key = _asked(body, gateway, wanted)
        return await self._issue((gateway, wanted), key, address, presented=f"{old.serial_number:x}")

    async def _issue(
        self, whose: tuple[str, Leg], key: PublicKey, address: str, *, code: bytes | None = None, presented: str = ""
    ) -> list[x509.Certificate]:
        gateway, leg = whose
        made = await asyncio.to_thread(
            self._authority.certify,
            key,
            common_name=common_name(gateway, leg),
            purpose=PURPOSES[leg],
            days=self._days,
        )
        issued = Issued(
            serial=f"{made.serial_number:x}",
            gateway=gateway,
            leg=leg,
            key=_digest(key),
            pem=made.public_bytes(Encoding.PEM),
            not_after_ms=int(made.not_valid_after_utc.timestamp() * 1000),
        )
        kept = await self._book.issue(issued, code, presented, address)
        return [x509.load_pem_x509_certificate(kept.pem)]

    def _failures(self, address: str) -> "deque[float]":
        network = _network(address)
        times = self._failed.setdefault(network, deque())
        self._failed.move_to_end(network)
        while times and times[0] <= self._clock() - _WINDOW_S:
            times.popleft()
        while len(self._failed) > _ADDRESSES_MAX:
            self._failed.popitem(last=False)
        return times


def _asked(body: bytes, gateway: str, leg: Leg) -> PublicKey:
    request, key = read_request(body)
    name = _common_name(request.subject)
    if name != common_name(gateway, leg):
        raise ValueError(f"the request is for {name[:80]!r}, not for {common_name(gateway, leg)!r}")
    return key


def _common_name(subject: x509.Name) -> str:
    names = [str(each.value) for each in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return names[0] if len(names) == 1 else ""


def _digest(key: PublicKey) -> bytes:
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


def _network(address: str) -> str:
    """Give what one attacker holds of addresses: an IPv4 address, the /64 of an IPv6 one."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or ip_network((ip, 64), strict=False))
    return str(ip)


def _load(authority: Authority) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise IsolaneError(
            f"cannot read the issuing CA {authority.certificate}: {error}",
            "make it with `isolane center gateway begin`",
        ) from error
