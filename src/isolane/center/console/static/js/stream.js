// This file listens to the center's event streams; it guards that a broken stream is told at once and taken up again by itself.
// @ts-check

import { setLink } from "./page.js";

const SILENT_MS = 35_000;
/** The center writes a comment after 15 s of silence, but a page cannot see comments: a stream is only given up for silence when
 * the browser itself has seen it break. So this bound is for telling the age, not for closing. */
const RETRY_MS = 2_000;

/** Follow one event of one stream for as long as the page lives.
 * @param {string} url @param {string} name @param {(data: any) => void} onData */
export function follow(url, name, onData) {
  /** @type {EventSource|null} */
  let source = null;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let again;
  let heardAt = 0;

  const open = () => {
    clearTimeout(again);
    source?.close();
    source = new EventSource(url);
    source.addEventListener("open", () => {
      heardAt = Date.now();
      setLink("live", "Live");
    });
    source.addEventListener(name, (event) => {
      heardAt = Date.now();
      setLink("live", "Live");
      onData(JSON.parse(/** @type {MessageEvent} */ (event).data));
    });
    source.addEventListener("error", () => {
      setLink("lost", "Center unreachable");
      source?.close();
      again = setTimeout(open, RETRY_MS);
    });
  };
  setInterval(() => {
    if (source?.readyState === EventSource.OPEN && heardAt && Date.now() - heardAt > SILENT_MS) {
      setLink("waiting", "Nothing new");
    }
  }, 5_000);
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => {
    if (event.persisted) open();
  });
  open();
}
