"""This file puts the room of people together; it guards that the network gets in only where people log in over TLS."""

import ipaddress
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from isolane.center.people.audit import Audit, utc_ms
from isolane.center.people.cookies import Cookies
from isolane.center.people.desk import FrontDesk
from isolane.center.people.door import FrontDoor
from isolane.center.people.gate import Answer, App, Gate
from isolane.center.people.identify import Identify
from isolane.center.people.pace import Pace
from isolane.center.people.passwords import Passwords
from isolane.center.people.provider import Provider
from isolane.center.people.rights import RightsTable
from isolane.center.people.security_txt import SecurityTxt
from isolane.center.people.sessions import Sessions
from isolane.center.people.settings import AccessSettings
from isolane.center.people.tenancy import Tenancy
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.people_records import PeopleRecords
from isolane.center.store.revocations import RevocationLog
from isolane.config.values import Address
from isolane.core.failures import IsolaneError

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
CALLBACK = "/login/callback"


class Office:
    """Door, desk and gate over one catalogue.

    Args:
        catalogue: Open.
        settings: See there; checked with `check_access`.
        passwords: Checks passwords; closed by `close`.
        now_ms: UTC clock, ms.
        revocations: The log that outlives backups; None where nothing is revoked.
    """

    def __init__(
        self,
        catalogue: SqlCatalogue,
        settings: AccessSettings,
        passwords: Passwords | None = None,
        now_ms: Callable[[], int] = utc_ms,
        revocations: RevocationLog | None = None,
    ) -> None:
        self._settings = settings
        self.security_txt = SecurityTxt(settings, now_ms).text
        self._passwords = passwords or Passwords()
        self._records = PeopleRecords(catalogue, revocations)
        self._sessions = Sessions(self._records, settings, now_ms)
        self._tenancy = Tenancy(self._records)
        is_open = settings.origin is None
        self._identify = Identify(
            records=self._records, sessions=self._sessions, tenancy=self._tenancy, may_be_open=is_open, now_ms=now_ms
        )
        audit = Audit(self._records, now_ms)
        self._cookies = Cookies(is_secure=settings.is_public)
        provider = None
        if settings.provider is not None:
            provider = Provider(settings.provider, f"{settings.origin}{CALLBACK}")
        self.door = FrontDoor(
            records=self._records,
            sessions=self._sessions,
            identify=self._identify,
            passwords=self._passwords,
            audit=audit,
            cookies=self._cookies,
            provider=provider,
        )
        self.desk = FrontDesk(
            records=self._records,
            sessions=self._sessions,
            identify=self._identify,
            tenancy=self._tenancy,
            passwords=self._passwords,
            audit=audit,
        )

    def close(self) -> None:
        """End its threads."""
        self._passwords.close()

    async def require_people(self) -> None:
        """Refuse to let the network in before there is somebody to log in.

        Raises:
            IsolaneError: There is nobody, and no identity provider.
        """
        settings = self._settings
        if settings.origin is not None and settings.provider is None and not await self._records.has_people():
            raise IsolaneError(
                "[center.access] lets the network in, and nobody can log in yet",
                "make the first user: isolane center user add NAME --role admin -c FILE",
            )

    def gate(
        self,
        app: App,
        routes: Iterable[tuple[str, str]],
        *,
        problem: Answer,
        page: Answer,
        bounce: Callable[[str], App],
    ) -> Gate:
        """Put the gate before an application.

        Args:
            app: The application.
            routes: Method and path of all its routes.
            problem: Makes refusals of the API.
            page: Makes refusals of pages.
            bounce: Makes a page that leads on.

        Raises:
            IsolaneError: A route does not stand in the table of rights.
        """
        table = RightsTable()
        table.check(routes)
        return Gate(
            app,
            table=table,
            identify=self._identify,
            cookies=self._cookies,
            pace=Pace(self._settings.requests_per_s, self._settings.burst_requests),
            origin=self._settings.origin,
            proxies=frozenset(self._settings.proxies),
            problem=problem,
            page=page,
            bounce=bounce,
        )

    @property
    def session_cookie(self) -> str:
        """Name of the cookie that a log-in sets."""
        return self._cookies.no_session().partition("=")[0]

    def hosts(self) -> frozenset[str]:
        """Give the names that the console answers to."""
        if self._settings.origin is None:
            return LOOPBACK_HOSTS
        return frozenset({urlsplit(self._settings.origin).hostname or ""})


def check_access(console: Address, settings: AccessSettings) -> None:
    """Check that nothing lets the network in without TLS.

    Raises:
        IsolaneError: The settings contradict each other.
    """
    if (settings.certificate is None) != (settings.key is None):
        raise IsolaneError("[center.access] certificate and key go together", "give both, or none for plain HTTP")
    if not _is_loopback(console.host) and not settings.is_public:
        raise IsolaneError(
            f"[center] console = {str(console)!r} would show the console to the network without TLS",
            'give [center.access] certificate and key, or proxies, or listen on "127.0.0.1:8080" and use an SSH tunnel',
        )
    for proxy in settings.proxies:
        try:
            ipaddress.ip_address(proxy)
        except ValueError as error:
            raise IsolaneError(f"[center.access] proxies: {proxy!r} is no IP address", "write 10.0.0.5") from error
    if settings.origin is None:
        if settings.is_public or settings.provider is not None:
            raise IsolaneError(
                "[center.access] has no origin, so that nothing could tell our pages from others'",
                'say what browsers have in their address line: origin = "https://center.example.org"',
            )
        return
    parts = urlsplit(settings.origin)
    is_plain = parts.scheme in {"https", "http"} and bool(parts.hostname) and "@" not in parts.netloc
    if not is_plain or f"{parts.scheme}://{parts.netloc}" != settings.origin.lower():
        raise IsolaneError(f"[center.access] origin = {settings.origin!r} is not https://host[:port]", "correct it")
    if parts.scheme != "https" or not settings.is_public:
        raise IsolaneError(
            "[center.access] origin needs TLS: https://, and certificate or proxies",
            "without them leave it out; the console is then on loopback",
        )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
