"""This file puts enrolment together as a center and as one of its workers; it guards that what is missing is said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from isolane.center.enrolment_door import EnrolmentDoor, parts
from isolane.center.ingest.settings import EnrolmentSettings, HttpsIngest, MqttIngest
from isolane.center.ingest.suspicion import Suspicions
from isolane.center.serve import WebServer
from isolane.center.settings import CenterSettings
from isolane.center.store.catalogue import SqlCatalogue
from isolane.config.values import Address
from isolane.core.failures import IsolaneError
from isolane.security.authority import Authority
from isolane.security.event_lines import EventLines
from isolane.security.tls import server_context

_HERE = Address("127.0.0.1", 0)


async def _nothing(*_: Any) -> None:  # noqa: ANN401 - ASGI's
    """Answer nothing."""


def _close(*servers: WebServer) -> None:
    """Let go of addresses that were bound and never served."""
    for server in servers:
        server._socket.close()


@pytest.fixture
def settings(tmp_path: Path) -> CenterSettings:
    pki, issuer = Authority(tmp_path / "pki"), Authority(tmp_path / "issuer")
    pki.create("north")
    issuer.create("north", name="gateways")
    server = pki.issue("server", common_name="127.0.0.1", hosts=["127.0.0.1"])
    pki.issue("center-1", common_name="center-1")
    https = HttpsIngest(
        address=_HERE,
        certificate=server.certificate,
        key=server.key,
        client_ca=pki.certificate,
        crl=pki.revocations,
    )
    mqtt = MqttIngest(
        host="127.0.0.1",
        ca=pki.certificate,
        certificate=tmp_path / "pki/center-{worker}.pem",
        key=tmp_path / "pki/center-{worker}.key",
    )
    enrolment = EnrolmentSettings(
        address=_HERE, issuer=tmp_path / "issuer", server_ca=pki.certificate, ends_sessions=True
    )
    return CenterSettings(data=tmp_path / "data", https=https, mqtt=mqtt, enrolment=enrolment)


def test_a_worker_ends_sessions_with_its_own_certificate(
    settings: CenterSettings, open_catalogue: Callable[[], SqlCatalogue]
) -> None:
    assert settings.https is not None
    door = EnrolmentDoor(settings, open_catalogue(), Suspicions(EventLines()), _nothing, "1")
    tls = server_context(settings.https.certificate, settings.https.key, settings.https.client_ca, settings.https.crl)
    door.admit(tls)
    server = WebServer("test", door.app, _HERE, tls=tls)
    assert callable(door.lockout(tls, server))
    assert door.server.address.port
    _close(server, door.server)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"enrolment": None}, "enrols no gateways"),
        ({"https": None}, "HTTPS listener"),
    ],
)
def test_what_is_missing_is_said(settings: CenterSettings, changed: dict[str, None], said: str) -> None:
    with pytest.raises(IsolaneError, match=said):
        parts(msgspec.structs.replace(settings, **changed))


def test_every_ca_needs_a_list_and_ending_sessions_a_broker(
    settings: CenterSettings, open_catalogue: Callable[[], SqlCatalogue]
) -> None:
    assert settings.https is not None
    without = msgspec.structs.replace(settings.https, crl=None)
    with pytest.raises(IsolaneError, match="list of revoked"):
        parts(msgspec.structs.replace(settings, https=without))
    alone = msgspec.structs.replace(settings, mqtt=None)
    door = EnrolmentDoor(alone, open_catalogue(), Suspicions(EventLines()), _nothing)
    tls = server_context(settings.https.certificate, settings.https.key)
    with pytest.raises(IsolaneError, match="needs a broker"):
        door.lockout(tls, door.server)
    _close(door.server)
