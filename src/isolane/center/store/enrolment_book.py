"""This file keeps codes and certificates of gateways; it guards that a code serves once for each leg, and one gateway.

Once means: for one key. Whoever asks again with the key that the certificate is for gets the same certificate, since an
answer can get lost on its way; another key gets none. What is written is one transaction with its audit line.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from isolane.center.store.audit_lines import line_about
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.command_keys import enrol, read_public
from isolane.center.store.command_views import CommandError
from isolane.center.store.enrolment_tables import CertificateRow, EnrolmentCodeRow
from isolane.center.store.port import RefusedError
from isolane.security.legs import Leg

_MS: Final = 1_000
CERTIFICATES_LISTED_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate: whose, for which leg, of which key; times are UTC ms."""

    serial: str
    gateway: str
    leg: str
    key: bytes
    pem: bytes
    not_after_ms: int
    issued_ms: int = 0
    revoked_ms: int | None = None


class EnrolmentBook:
    """Codes and certificates.

    Args:
        catalogue: Whose database holds them.
    """

    def __init__(self, catalogue: SqlCatalogue) -> None:
        self._catalogue = catalogue

    async def give_code(self, code: bytes, gateway: str, legs: Sequence[str], hours: float, who: str) -> int:
        """Write down a code that is given out; those that the gateway had before end.

        Args:
            code: Its hash.
            gateway: The only one it is for.
            legs: The only ones it is for.
            hours: Its life.
            who: Gives it.

        Returns:
            When it ends, UTC ms.

        Raises:
            UnavailableError: The database is away.
        """
        now = _now_ms()
        ends = now + int(hours * 3_600 * _MS)
        add_line = line_about(who, now)

        def change(session: Session) -> None:
            _end_codes(session, gateway, now)
            session.add(
                EnrolmentCodeRow(
                    id=code, gateway=gateway, legs=" ".join(legs), made_ms=now, made_by=who[:64], expires_ms=ends
                )
            )
            add_line(session, "enrolment-code-given", gateway)

        await self._catalogue.write(change)
        return ends

    async def check_code(self, code: bytes, gateway: str, leg: str) -> Issued | None:
        """Tell whether a code is good for a gateway's leg; give what it has brought already.

        Raises:
            RefusedError: It is not.
            OSError: The database is away.
        """
        now = _now_ms()
        return await self._catalogue.read(lambda session: _redeemable(session, code, gateway, leg, now))

    async def issue(self, made: Issued, code: bytes | None, presented: str, address: str) -> Issued:
        """Write down a certificate before anybody gets it.

        Args:
            made: The certificate.
            code: Hash of the code that it is for, None for a renewal.
            presented: Serial of the certificate that was shown, "" with a code.
            address: Of who asks.

        Returns:
            What to answer: an earlier certificate of the same code, leg and key, if there is one.

        Raises:
            RefusedError: Code or certificate is good no longer, or the code has served another key.
            UnavailableError: The database is away.
        """
        now = _now_ms()
        add_line = line_about(f"gateway:{made.gateway}", now, address)

        def change(session: Session) -> Issued:
            if code is not None:
                earlier = _redeemable(session, code, made.gateway, made.leg, now)
                if earlier is not None:
                    if earlier.key != made.key:
                        raise RefusedError("this code has served another key")
                    return earlier
            else:
                shown = session.get(CertificateRow, presented)
                if shown is not None and shown.revoked_ms is not None:
                    raise RefusedError("this certificate is revoked")
            session.add(
                CertificateRow(
                    serial=made.serial,
                    gateway=made.gateway,
                    leg=made.leg,
                    key=made.key,
                    code=code,
                    pem=made.pem,
                    issued_ms=now,
                    not_after_ms=made.not_after_ms,
                )
            )
            add_line(session, "gateway-enrolled" if code else "gateway-renewed", f"{made.gateway} {made.leg}")
            if code is not None and made.leg == Leg.RECEIPT:
                _know_receipts(session, made, now)
            return made

        return await self._catalogue.write(change)

    async def revoke(self, gateway: str, who: str) -> list[str]:
        """Lock a gateway out: its codes end, its certificates are revoked from now on.

        Returns:
            Serials of all its revoked certificates, those of earlier times too, so that doing it again completes it.

        Raises:
            UnavailableError: The database is away.
        """
        now = _now_ms()
        add_line = line_about(who, now)

        def change(session: Session) -> list[str]:
            _end_codes(session, gateway, now)
            session.execute(
                update(CertificateRow)
                .where(CertificateRow.gateway == gateway, CertificateRow.revoked_ms.is_(None))
                .values(revoked_ms=now)
            )
            add_line(session, "gateway-revoked", gateway)
            return list(session.scalars(select(CertificateRow.serial).where(CertificateRow.gateway == gateway)))

        return await self._catalogue.write(change)

    async def certificates(self, gateway: str = "") -> list[Issued]:
        """Give certificates, the newest of each gateway and leg last.

        Args:
            gateway: Of this one alone, "" for all.

        Raises:
            OSError: The database is away.
        """
        query = select(CertificateRow).order_by(CertificateRow.gateway, CertificateRow.leg, CertificateRow.issued_ms)
        if gateway:
            query = query.where(CertificateRow.gateway == gateway)
        query = query.limit(CERTIFICATES_LISTED_MAX)
        return await self._catalogue.read(lambda session: [_read(row) for row in session.scalars(query)])

    async def gateways_of(self, serials: Sequence[str]) -> set[str]:
        """Give the gateways that some certificates belong to.

        Raises:
            OSError: The database is away.
        """
        query = select(CertificateRow.gateway).where(CertificateRow.serial.in_(serials))
        return await self._catalogue.read(lambda session: set(session.scalars(query)))

    async def revoked_since(self, since_ms: int) -> set[str]:
        """Give the gateways of which a certificate was revoked at or after a time, UTC ms.

        Raises:
            OSError: The database is away.
        """
        query = select(CertificateRow.gateway).where(CertificateRow.revoked_ms >= since_ms)
        return await self._catalogue.read(lambda session: set(session.scalars(query)))

    async def waiting_codes(self) -> dict[str, int]:
        """Give the gateways that have a code which is good now, and until when, UTC ms.

        Raises:
            OSError: The database is away.
        """
        query = select(EnrolmentCodeRow.gateway, EnrolmentCodeRow.expires_ms).where(
            EnrolmentCodeRow.ended_ms.is_(None), EnrolmentCodeRow.expires_ms > _now_ms()
        )
        return await self._catalogue.read(lambda session: {row[0]: row[1] for row in session.execute(query)})


def _redeemable(session: Session, code: bytes, gateway: str, leg: str, now: int) -> Issued | None:
    row = session.get(EnrolmentCodeRow, code)
    if row is None or row.gateway != gateway or row.ended_ms is not None or row.expires_ms <= now:
        raise RefusedError("no such code for this gateway, or not any more")
    if leg not in row.legs.split():
        raise RefusedError(f"this code is not for the leg {leg}")
    query = select(CertificateRow).where(CertificateRow.code == code, CertificateRow.leg == leg)
    earlier = session.scalars(query).one_or_none()
    return None if earlier is None else _read(earlier)


def _end_codes(session: Session, gateway: str, now: int) -> None:
    session.execute(
        update(EnrolmentCodeRow)
        .where(EnrolmentCodeRow.gateway == gateway, EnrolmentCodeRow.ended_ms.is_(None))
        .values(ended_ms=now)
    )


def _read(row: CertificateRow) -> Issued:
    return Issued(row.serial, row.gateway, row.leg, row.key, row.pem, row.not_after_ms, row.issued_ms, row.revoked_ms)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _know_receipts(session: Session, made: Issued, now_ms: int) -> None:
    """Say that receipts of a gateway are signed with the key of this certificate.

    Raises:
        RefusedError: No receipt can be signed with such a key.
    """
    try:
        enrol(session, made.gateway, read_public(made.pem), f"certificate {made.serial}", now_ms)
    except CommandError as error:
        raise RefusedError(str(error)) from error
