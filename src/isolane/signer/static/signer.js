// This file counts down what is left; it guards that nobody takes a command for good that has expired before the eyes.
// @ts-check

const aheadS = Number(document.body.dataset.nowS) - Date.now() / 1000;

function tick() {
  for (const element of document.querySelectorAll("[data-until]")) {
    const leftS = Math.ceil(Number(/** @type {HTMLElement} */ (element).dataset.until) - Date.now() / 1000 - aheadS);
    const text = leftS > 0 ? `${Math.floor(leftS / 60)} min ${String(leftS % 60).padStart(2, "0")} s` : "none, it is over";
    if (element.textContent !== text) element.textContent = text;
  }
}

tick();
setInterval(tick, 500);
