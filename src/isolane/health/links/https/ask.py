"""This file asks the center for errands; it guards that there is one question at a time, and none without a pause.

A question waits at the center until there is something or its time is over. It carries the newest statement if the
center has not got it; one that comes meanwhile ends the question, and goes with the next.
"""

import asyncio
import logging

import httpx

from isolane.health.links.backoff import Backoff
from isolane.health.links.errands import Errands
from isolane.health.links.https.settings import HttpsSettings
from isolane.wire.errand import Down, decode_errands
from isolane.wire.uplink import MESSAGE_BYTES_MAX

_LOG = logging.getLogger(__name__)
_SOON_S = 1.0
"""Between two questions at least: a center that answers at once, with nothing, is not asked in a circle."""
_NOT_HERE = frozenset({404, 405, 501})


class Asker:
    """Asks for ever.

    Args:
        settings: Of the link.
        path: `wire.errand.errands_path`.
        errands: Takes what comes.
    """

    def __init__(self, settings: HttpsSettings, path: str, errands: Errands) -> None:
        self._settings, self._errands = settings, errands
        self._path = f"{path}?wait_s={settings.poll_s:g}"
        self._timeout = httpx.Timeout(settings.timeout_s, read=settings.poll_s + settings.timeout_s)
        self._backoff = Backoff(settings.reconnect_s_max)
        self._sent = 0

    async def run(self, requests: httpx.AsyncClient) -> None:
        """Ask; cancelled to stop."""
        while True:
            number, body = await self._errands.newest(0)
            question = asyncio.ensure_future(self._ask(requests, body if number > self._sent else b""))
            news = asyncio.ensure_future(self._errands.newest(number))
            try:
                await asyncio.wait({question, news}, return_when=asyncio.FIRST_COMPLETED)
                pause_s = question.result() if question.done() else 0.0
                if question.done() and not pause_s:
                    self._sent, pause_s = number, _SOON_S
            except httpx.TransportError as error:
                _LOG.warning("errands-down link=%s error=%s: %s", self._settings.name, type(error).__name__, error)
                pause_s = self._backoff.pause_s()
            finally:
                question.cancel()
                news.cancel()
                await asyncio.wait({question, news})
            await asyncio.sleep(pause_s)

    async def _ask(self, requests: httpx.AsyncClient, body: bytes) -> float:
        """Ask once; give how long to pause, s, 0 if it worked."""
        answer = bytearray()
        headers = {"content-type": "application/json"}
        async with requests.stream(
            "POST", self._path, content=body, headers=headers, timeout=self._timeout
        ) as response:
            async for chunk in response.aiter_raw():
                answer += chunk
                if len(answer) > MESSAGE_BYTES_MAX:
                    break
        if response.status_code in _NOT_HERE:
            return self._settings.reconnect_s_max
        if response.status_code not in {httpx.codes.OK, httpx.codes.NO_CONTENT}:
            _LOG.warning("errands-refused link=%s status=%d", self._settings.name, response.status_code)
            return self._backoff.pause_s()
        self._backoff.reset()
        if answer:
            self._take(bytes(answer))
        return 0.0

    def _take(self, answer: bytes) -> None:
        try:
            brought = decode_errands(answer)
        except ValueError as error:
            _LOG.warning("errands-unreadable link=%s why=%s", self._settings.name, error)
            return
        if brought.keys:
            self._errands.take(Down.KEYS, brought.keys.encode())
        if brought.note:
            self._errands.take(Down.NOTE, brought.note.encode())
        for command in brought.commands:
            self._errands.take(Down.COMMAND, command.encode())
