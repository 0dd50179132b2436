// This file counts down what is left of a command and leads to one's own signer; it guards that nobody waits for what has expired.
// @ts-check

import "./ledger.js";
import { nowMs, setText } from "./page.js";

const KEY = "isolane-signer-port";
const box = /** @type {HTMLInputElement|null} */ (document.getElementById("signer-port"));

/** The port that the person has chosen, if it is one. */
function port() {
  const chosen = Number(box?.value);
  return Number.isInteger(chosen) && chosen > 0 && chosen < 65536 ? chosen : 0;
}

function tick() {
  for (const element of document.querySelectorAll("[data-until-ms]")) {
    const leftS = Math.max(0, Math.ceil((Number(/** @type {HTMLElement} */ (element).dataset.untilMs) - nowMs()) / 1000));
    setText(element, leftS ? `${Math.floor(leftS / 60)} min ${String(leftS % 60).padStart(2, "0")} s` : "none");
  }
  const chosen = port();
  for (const link of document.querySelectorAll("a[data-signer]")) {
    const url = new URL(/** @type {HTMLAnchorElement} */ (link).href);
    if (chosen && url.port !== String(chosen)) {
      url.port = String(chosen);
      /** @type {HTMLAnchorElement} */ (link).href = url.href;
    }
  }
}

if (box) {
  try {
    box.value = localStorage.getItem(KEY) ?? box.value;
  } catch {
    // Storage may be forbidden: the choice then lasts as long as the page.
  }
  box.addEventListener("input", () => {
    try {
      if (port()) localStorage.setItem(KEY, String(port()));
    } catch {
      // See above.
    }
    tick();
  });
}
document.body.addEventListener("htmx:afterSwap", tick);
setInterval(tick, 500);
tick();
