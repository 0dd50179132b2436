"""This file tests which certificates the gateway watches; it guards that those of its links are, unless others are."""

from pathlib import Path

from isolane.health.links.https.settings import HttpsSettings
from isolane.health.outbox.settings import OutboxSettings
from isolane.health.own_certificates import with_certificates
from isolane.health.settings import HealthSettings
from isolane.health.sources.host.settings import HostSettings
from isolane.health.sources.ocpp.settings import OcppSettings

OUTBOX = OutboxSettings(path=Path("o.db"))
LINK = HttpsSettings(
    url="https://center.example", ca=Path("ca.pem"), certificate=Path("gw-1.pem"), key=Path("gw-1.key")
)


def test_those_of_the_links_are_watched() -> None:
    settings = HealthSettings(outbox=OUTBOX, sources=(OcppSettings(), HostSettings()), links=(LINK,))
    told, host = with_certificates(settings).sources
    assert isinstance(host, HostSettings)
    assert (told, host.certificates) == (OcppSettings(), (Path("gw-1.pem"),))


def test_those_that_the_table_names_are_watched_instead() -> None:
    own = HostSettings(certificates=(Path("other.pem"),))
    settings = HealthSettings(outbox=OUTBOX, sources=(own,), links=(LINK,))
    assert with_certificates(settings).sources == (own,)
