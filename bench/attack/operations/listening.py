"""This file drives Chromium with a victim who is logged in; it guards that his own page hears something.

A foreign page is served by another port of the same host, which is the same site, so that the browser sends the Strict
cookie, and by another host, which is another site.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from bench.screenshots.browser import ARGUMENTS, CHROMIUM, log_in
from playwright.async_api import Page, async_playwright

FOREIGN_PAGE = ("127.0.0.1", "localhost")
"""Hosts of foreign pages; the center is on the first."""
_LISTEN_MS = 3000
_BODY = b"<!doctype html><title>elsewhere</title><p>elsewhere</p>"
_TRY = """async ([base, feeds, wait]) => {
  const heard = [], asked = [];
  const ways = {
    EventSource: (url, note) => { const one = new EventSource(url, {withCredentials: true});
      for (const kind of ["message", "samples", "fleet", "alerts"])
        one.addEventListener(kind, (e) => note(e.data.length));
      one.addEventListener("open", () => note("an open stream")); return () => one.close(); },
    "EventSource without credentials": (url, note) => { const one = new EventSource(url);
      one.addEventListener("open", () => note("an open stream")); return () => one.close(); },
    fetch: (url, note) => read(url, {credentials: "include"}, note),
    "fetch no-cors": (url, note) => read(url, {credentials: "include", mode: "no-cors"}, note),
    WebSocket: (url, note) => { const one = new WebSocket(url.replace("http", "ws"));
      one.onopen = () => note("an open socket"); one.onmessage = (e) => note(e.data.length);
      return () => one.close(); },
    script: (url, note) => { const one = document.createElement("script"); one.src = url;
      one.onload = () => note("a script"); document.body.append(one); return () => one.remove(); },
    frame: (url, note) => { const one = document.createElement("iframe"); one.src = url; document.body.append(one);
      one.onload = () => { try { if (one.contentDocument.body.textContent) note("a frame's text"); } catch {} };
      return () => one.remove(); },
  };
  function read(url, options, note) {
    const stop = new AbortController();
    fetch(url, {...options, signal: stop.signal}).then(async (answer) => {
      if (answer.type === "opaque" || !answer.ok) return;
      const part = await answer.body.getReader().read(); note(part.value.length);
    }).catch(() => {});
    return () => stop.abort();
  }
  const ends = [];
  for (const feed of feeds) for (const [way, start] of Object.entries(ways)) {
    asked.push(way);
    try { ends.push(start(base + feed, (what) => heard.push(`${way} ${feed}: ${what}`))); } catch {}
    await new Promise((go) => setTimeout(go, wait / 10));
  }
  await new Promise((go) => setTimeout(go, wait));
  ends.forEach((end) => end());
  return [heard, asked.length];
}"""


async def listened_from(port: int, name: str, password: str, feeds: list[str]) -> tuple[list[str], list[str], int]:
    """Log a victim in and listen from his own page and from foreign ones.

    Returns:
        What his page heard, what foreign pages heard, and how many ways those tried.
    """
    center = f"http://127.0.0.1:{port}"
    foreign: list[str] = []
    tried = 0
    async with async_playwright() as playwright, _elsewhere() as elsewhere:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            context = await chromium.new_context()
            page = await context.new_page()
            await log_in(page, center, name, password)
            own, _ = await _listened(page, center, feeds[:1])
            for host in FOREIGN_PAGE:
                other = await context.new_page()
                await other.goto(f"http://{host}:{elsewhere}/")
                heard, asked = await _listened(other, center, feeds)
                foreign += [f"{one} from {host}" for one in heard]
                tried += asked
        finally:
            await chromium.close()
    return own, foreign, tried


async def _listened(page: Page, center: str, feeds: list[str]) -> tuple[list[str], int]:
    heard, asked = await page.evaluate(_TRY, [center, feeds, _LISTEN_MS])
    return [str(one) for one in heard], int(asked)


@contextlib.asynccontextmanager
async def _elsewhere() -> AsyncIterator[int]:
    """Serve a page that has nothing to do with the center; gives its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            length = f"Content-Length: {len(_BODY)}\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
            writer.write(b"HTTP/1.1 200 OK\r\n" + length.encode() + _BODY)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
