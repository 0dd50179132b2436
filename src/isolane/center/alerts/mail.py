"""This file mails alerts; it guards that no text of a device becomes a header, and that nothing goes without TLS.

A header's text loses its control characters before it is set, and the message is serialised by a policy that refuses a
line break in one. The Message-ID is the same at every attempt, so that a mailbox shows a message twice only if the
server's answer to the first was lost; escalation and end refer to the first, so that they stand in one thread.
"""

import asyncio
import smtplib
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from isolane.center.alerts.settings import MailSettings
from isolane.center.alerts.ways import AgainError, HopelessError, link
from isolane.center.alerts.wording import printable
from isolane.center.store.alert_views import Alert, AlertMessage
from isolane.core.failures import IsolaneError
from isolane.security.tls import client_context

_SUBJECT_CHARS_MAX = 180
_REFUSED = range(500, 600)
_LOGIN_CODES = frozenset({530, 534, 535, 538})
"""Of log-in and TLS, not of the message."""


class Mail:
    """See `Way`.

    Args:
        settings: See there.
        console_url: For links.

    Raises:
        IsolaneError: An address, the password or the CA cannot be used.
    """

    repeat_s = None

    def __init__(self, settings: MailSettings, console_url: str) -> None:
        place = f"[center.alerts.mail] {settings.name}"
        self._settings = settings
        self._console_url = console_url
        self._sender = _address(place, settings.sender)
        self._to = tuple(_address(place, text) for text in settings.to)
        self._tls: ssl.SSLContext = client_context(settings.ca)
        try:
            self._password = settings.password.read().decode() if settings.password else ""
        except ValueError as error:
            raise IsolaneError(f"{place}: password: {error}", "write it to that file") from error

    async def deliver(self, message: AlertMessage) -> str:
        """See `Way.deliver`. The server is asked on a thread of its own; what it does after its time is lost."""
        mail = self.compose(message)
        try:
            return await asyncio.to_thread(self._send, mail)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise _failure(min(codes, default=550), "all recipients refused") from error
        except smtplib.SMTPResponseException as error:
            raise _failure(error.smtp_code, repr(error.smtp_error)) from error
        except (smtplib.SMTPException, OSError) as error:
            raise AgainError(f"{type(error).__name__}: {error}"[:300]) from error

    async def repeat(self, alerts: Sequence[Alert], now_ms: int) -> None:
        """See `Way.repeat`; once is enough."""

    async def close(self) -> None:
        """See `Way.close`; no connection outlives its message."""

    def compose(self, message: AlertMessage) -> EmailMessage:
        """Make the mail of a message."""
        alert = message.alert
        domain = self._sender.domain
        first = f"<isolane-alert-{alert.number}-{alert.opened_ms}@{domain}>"
        mail = EmailMessage(policy=SMTP)
        mail["From"] = self._sender
        mail["To"] = self._to
        mail["Date"] = format_datetime(datetime.fromtimestamp(message.at_ms / 1000, UTC))
        subject = printable(f"[L{alert.level} {message.event}] {alert.title}")
        mail["Subject"] = subject[:_SUBJECT_CHARS_MAX]
        if message.event == "opened":
            mail["Message-ID"] = first
        else:
            mail["Message-ID"] = f"<isolane-delivery-{self._settings.name}-{message.number}-{message.at_ms}@{domain}>"
            mail["In-Reply-To"] = mail["References"] = first
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(body(message, link(self._console_url, alert.number)))
        return mail

    def _send(self, mail: EmailMessage) -> str:
        """Hand a mail to the server; on a thread."""
        own = self._settings
        is_implicit = own.tls == "implicit"
        server: smtplib.SMTP
        if is_implicit:
            server = smtplib.SMTP_SSL(own.host, own.port, timeout=own.timeout_s, context=self._tls)
        else:
            server = smtplib.SMTP(own.host, own.port, timeout=own.timeout_s)
        try:
            if not is_implicit:
                server.starttls(context=self._tls)
            if own.user:
                server.login(own.user, self._password)
            refused = server.send_message(mail)
        finally:
            _leave(server)
        return f"{len(self._to) - len(refused)} of {len(self._to)} recipients"


def _leave(server: smtplib.SMTP) -> None:
    """End a session; a server that is already gone says nothing more about a mail that it took."""
    try:
        server.quit()
    except (smtplib.SMTPException, OSError):
        server.close()


def _failure(code: int, why: str) -> AgainError | HopelessError:
    text = f"SMTP {code}: {why}"[:300]
    return HopelessError(text) if code in _REFUSED and code not in _LOGIN_CODES else AgainError(text)


def _address(place: str, text: str) -> Address:
    try:
        return Address(addr_spec=text)
    except (ValueError, IndexError, HeaderParseError) as error:
        raise IsolaneError(f"{place}: {text!r} is no mail address", "write name@host") from error


def body(message: AlertMessage, where: str) -> str:
    """Give the text of a mail."""
    alert = message.alert
    opened = datetime.fromtimestamp(alert.opened_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    rows = [
        ("Seen", alert.seen),
        ("Why it matters", alert.why),
        ("What to do", alert.action),
        ("Bring", alert.part),
        ("Site", alert.site),
        ("Device", alert.device),
        ("Signal", alert.signal),
        ("Since", opened),
        ("Alert", f"{alert.number}, rule {alert.rule}"),
        ("Console", where),
    ]
    lines = [f"{name}: {printable(text)}" for name, text in rows if text]
    return "\n".join([f"{printable(alert.title)} ({message.event})", "", *lines, ""])
