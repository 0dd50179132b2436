// This file listens to the center's event streams; it guards that a broken stream is told at once and taken up again by itself.
// A browser allows six connections to one server over all its tabs, and a stream holds one: so a page that nobody looks at can
// let go of its stream, and no page holds two.
// @ts-check

import { setLink } from "./page.js";

const QUIET_MS = 35_000;
const RETRY_MS = 2_000;
const TOO_MANY = 429;

/** Follow one event of one stream for as long as the page lives; gives what opens the stream anew, at the url as it is then.
 * @param {() => string} url @param {string} name @param {(data: any) => void} onData
 * @param {{onReopen?: () => void, isForHidden?: boolean}} options what to do when a stream is taken up again after a break, and
 * whether to go on while the page is hidden */
export function follow(url, name, onData, { onReopen = () => {}, isForHidden = true } = {}) {
  /** @type {EventSource|null} */
  let source = null;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let again;
  let heardAt = 0;
  let opened = 0;

  const close = () => {
    clearTimeout(again);
    source?.close();
    source = null;
  };
  const open = () => {
    close();
    const asked = url();
    source = new EventSource(asked);
    source.addEventListener("open", () => {
      heardAt = Date.now();
      setLink("live", "Live");
      opened += 1;
      if (opened > 1) onReopen();
    });
    source.addEventListener(name, (event) => {
      heardAt = Date.now();
      if (document.getElementById("link")?.dataset.link !== "live") setLink("live", "Live");
      onData(JSON.parse(/** @type {MessageEvent} */ (event).data));
    });
    source.addEventListener("error", () => {
      close();
      again = setTimeout(open, RETRY_MS);
      statusOf(asked).then(
        (status) => setLink("waiting", status === TOO_MANY ? "Too many live pages of yours: close one" : "Live values interrupted"),
        () => setLink("lost", "Center unreachable"),
      );
    });
  };
  setInterval(() => {
    if (source?.readyState === EventSource.OPEN && Date.now() - heardAt > QUIET_MS) setLink("waiting", "Nothing new");
  }, 5_000);
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  if (!isForHidden) document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  open();
  return open;
}

/** Ask what a stream that has ended is answered now, which its EventSource does not tell; the answer itself is let go.
 * @param {string} url */
async function statusOf(url) {
  const leaving = new AbortController();
  const { status } = await fetch(url, { signal: leaving.signal });
  leaving.abort();
  return status;
}
