"""This file is who is told of alerts: a real Alertmanager, a real mail server, a webhook's receiver.

It guards that each listens on loopback, asks for TLS as the real thing does, and is stopped by its own id.
"""

import asyncio
import json
import ssl
import urllib.request
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from isolane.security.tls import client_context, server_context
from support.broker import Pki
from support.http_target import HttpTarget, Posted, Reply
from support.server_process import ServerProcess

ALERTMANAGER = "/usr/bin/prometheus-alertmanager"
USER, PASSWORD = b"isolane", b"correct horse"
_CONF = "route: {receiver: none, group_wait: 0s}\nreceivers: [{name: none}]\n"


class AlertmanagerServer(ServerProcess):
    """The Debian package prometheus-alertmanager, with TLS."""

    def __init__(self, folder: Path, pki: Pki) -> None:
        super().__init__(folder)
        self._pki = pki
        self.url = f"https://localhost:{self.port}"
        self._tls = client_context(pki.ca)

    def command(self) -> list[str]:
        """See `ServerProcess.command`."""
        (self.folder / "alertmanager.yml").write_text(_CONF, encoding="utf-8")
        server = self._pki.server
        web = {"tls_server_config": {"cert_file": str(server.certificate), "key_file": str(server.key)}}
        (self.folder / "web.yml").write_text(json.dumps(web), encoding="utf-8")
        return [
            ALERTMANAGER,
            "--config.file=alertmanager.yml",
            "--web.config.file=web.yml",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
            f"--storage.path={self.folder / 'data'}",
        ]

    def ask(self) -> None:
        """See `ServerProcess.ask`."""
        self._get("/-/ready")

    def alerts(self) -> list[dict[str, Any]]:
        """Give what it holds as firing."""
        found: list[dict[str, Any]] = json.loads(self._get("/api/v2/alerts"))
        return found

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10, context=self._tls) as response:  # noqa: S310
            return bytes(response.read())


class MailServer:
    """A mail server that demands TLS, and with STARTTLS a log-in; `port` is 0 until it is started.

    Attributes:
        mails: What it has taken.
        answer: Instead of taking a mail it says this.
    """

    def __init__(self, pki: Pki, *, implicit: bool = False) -> None:
        self._context = server_context(pki.server.certificate, pki.server.key)
        self._implicit = implicit
        self._server: asyncio.Server | None = None
        self.port = 0
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.answer = ""

    async def start(self) -> None:
        """Listen; on the same port when started again."""
        self._server = await asyncio.get_running_loop().create_server(
            self._session, "127.0.0.1", self.port, ssl=self._context if self._implicit else None
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the listener."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def _session(self) -> SMTP:
        if self._implicit:
            return SMTP(self)  # it counts TLS only where it has begun it itself, and refuses a log-in without
        return SMTP(self, tls_context=self._context, require_starttls=True, auth_required=True, authenticator=_judge)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail."""
        if self.answer:
            return self.answer
        content = envelope.original_content or b""
        self.raw.append(content)
        mail: Message = message_from_bytes(content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 taken"


def _judge(_server: object, _session: object, _envelope: object, _mechanism: str, login: object) -> AuthResult:
    right = isinstance(login, LoginPassword) and (login.login, login.password) == (USER, PASSWORD)
    return AuthResult(success=right, handled=False)


class Hook(HttpTarget):
    """A webhook's receiver with real TLS; `posted` is what it has taken."""

    def __init__(self, pki: Pki) -> None:
        super().__init__(pki, self._take)
        self.posted: list[Posted] = []
        self.status = 204

    def tls(self) -> ssl.SSLContext:
        return server_context(self.pki.server.certificate, self.pki.server.key)

    def _take(self, request: Posted) -> Reply:
        if self.status < 300:
            self.posted.append(request)
        return Reply(self.status, headers=(("location", "https://localhost:1/"),))
