// This file tells on the ledger page whether its books are being read again; it guards that a silent failure is not seen as peace,
// and that whoever reads a table is not moved while it is read again.
// @ts-check

import { setLink } from "./page.js";

/** Where each table was scrolled to, by its name, and which had the focus.
 * @type {{left: Map<string, number>, focused: string}} */
const kept = { left: new Map(), focused: "" };

/** @returns {NodeListOf<HTMLElement>} */
const tables = () => document.querySelectorAll("#books .wide");

document.body.addEventListener("htmx:beforeSwap", () => {
  kept.left = new Map([...tables()].map((one) => [one.ariaLabel ?? "", one.scrollLeft]));
  kept.focused = [...tables()].find((one) => one === document.activeElement)?.ariaLabel ?? "";
});
document.body.addEventListener("htmx:afterSwap", () => {
  for (const one of tables()) {
    one.scrollLeft = kept.left.get(one.ariaLabel ?? "") ?? 0;
    if (kept.focused && one.ariaLabel === kept.focused) one.focus({ preventScroll: true });
  }
});
document.body.addEventListener("htmx:afterRequest", (event) => {
  const { successful } = /** @type {CustomEvent} */ (event).detail;
  if (successful) setLink("live", "Read every 5 s");
  else setLink("lost", "Center unreachable");
});
if (!document.querySelector('script[src*="htmx"]')) setLink("waiting", "Reload to read again");
