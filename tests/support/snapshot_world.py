"""This file is a book with one recorded snapshot, and one of which only a hostile card is here; it guards who asks."""

from pathlib import Path

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.snapshot_book import SnapshotBook
from isolane.center.store.snapshot_films import SnapshotFilms
from isolane.center.store.snapshot_settings import SnapshotSettings
from isolane.wire.snapshot import CARD, CardTrigger, encode_card
from support.gateways import FakeGateway
from support.outboxes import GATEWAY, SITE
from support.sent_snapshots import Post, card, recorded

HOSTILE = "<img src=x onerror=alert(1)>"


class SnapshotWorld:
    """Book, files and what was sent.

    Args:
        catalogue: Of the test.
        folder: For the recorder's and the center's files.
    """

    def __init__(self, catalogue: SqlCatalogue, folder: Path) -> None:
        settings = SnapshotSettings()
        self.catalogue, self.folder = catalogue, folder / "data"
        self.book = SnapshotBook(catalogue, self.folder, settings)
        self.films = SnapshotFilms(self.book, settings)
        self.told, self.data = recorded(folder / "box")
        self.post = Post(FakeGateway(SITE, GATEWAY))

    async def fill(self) -> None:
        """Send both."""
        await self.catalogue.admit(self.post.gateway.origin())
        await self.catalogue.record(self.post.snapshot(self.told, self.data))
        hostile = card(7, charger=HOSTILE, firmware=HOSTILE, triggers=(CardTrigger(HOSTILE, 3, 0, HOSTILE, HOSTILE),))
        await self.catalogue.record(self.post.batch((CARD, encode_card(hostile))))
        while await self.book.file():
            pass
