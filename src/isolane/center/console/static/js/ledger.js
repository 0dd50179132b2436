// This file tells on the ledger page whether its books are being read again; it guards that a silent
// failure is not seen as peace.
// @ts-check

import { setLink } from "./page.js";

document.body.addEventListener("htmx:afterRequest", (event) => {
  const { successful } = /** @type {CustomEvent} */ (event).detail;
  if (successful) setLink("live", "Read every 5 s");
  else setLink("lost", "Center unreachable");
});
if (!document.querySelector('script[src*="htmx"]')) setLink("waiting", "Reload to read again");
