"""This file delivers again what the gateway has queued, as a late twin would; it guards that it alters none of it.

It reads the outbox as it lies on the disk at that moment, killed or alive, and posts its blocks to the center with the
gateway's own certificate. The gateway knows nothing of it and delivers them too.
"""

import http.client
import random
import shutil
import sqlite3
import tempfile
from pathlib import Path

from bench.chaos_health.ground import GATEWAY, SITE, Ground

from isolane.security.tls import client_context
from isolane.wire.uplink import Up, ingest_path

_BLOCKS_MAX = 40


class Again:
    """The twin.

    Args:
        ground: Whose outbox is read.
    """

    def __init__(self, ground: Ground) -> None:
        self.posted = 0
        """Blocks the center has taken from the twin."""
        self._ground = ground
        self._tls = client_context(ground.authority, ground.gateway.certificate, ground.gateway.key)
        self._seen: list[bytes] = []

    def deliver(self, rng: random.Random) -> bool:
        """Post blocks seen on the disk, now or earlier; tell whether any was taken."""
        self._seen = (self._seen + self._read())[-1000:]
        blocks = rng.sample(self._seen, min(_BLOCKS_MAX, len(self._seen)))
        taken = 0
        try:
            connection = http.client.HTTPSConnection("127.0.0.1", self._ground.ingest, timeout=3, context=self._tls)
            for data in blocks:
                connection.request("POST", ingest_path(SITE, GATEWAY, Up.BLOCK), data)
                answer = connection.getresponse()
                answer.read()
                taken += answer.status == http.client.OK
            connection.close()
        except (OSError, http.client.HTTPException):
            pass
        self.posted += taken
        return taken > 0

    def _read(self) -> list[bytes]:
        """Read a copy of the outbox as a stranger; a copy taken while it was written may not be whole."""
        with tempfile.TemporaryDirectory(prefix="again") as folder:
            for name in ("outbox.db", "outbox.db-wal"):
                source = self._ground.disk / name
                if source.exists():
                    shutil.copyfile(source, Path(folder) / name)
            try:
                file = sqlite3.connect(Path(folder) / "outbox.db")
                rows = file.execute("SELECT data FROM bodies ORDER BY id DESC LIMIT ?", (_BLOCKS_MAX,)).fetchall()
                file.close()
            except sqlite3.DatabaseError:
                return []
        return [row[0] for row in rows]
