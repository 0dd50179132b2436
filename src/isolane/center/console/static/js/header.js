// This file keeps a charger's header at what the center knows of it; it guards that an offline charger's last power is not shown as now.
// It asks every few seconds instead of following a second stream: see stream.js.
// @ts-check

import { quantity } from "./format.js";
import { setText } from "./page.js";

const PERIOD_MS = 2_000;

/** @param {any} own @param {Record<string, string>} tones */
function write(own, tones) {
  const state = own.online ? own.state : "offline";
  const badge = /** @type {HTMLElement|null} */ (document.querySelector("#state .badge"));
  if (badge && badge.dataset.state !== state) {
    badge.dataset.state = state;
    badge.dataset.tone = tones[state] ?? "away";
    badge.querySelector("use")?.setAttribute("href", `/static/icons.svg#${state}`);
    setText(badge.querySelector("[data-word]"), state[0].toUpperCase() + state.slice(1));
  }
  for (const [id, value, unit] of /** @type {[string, number|null, string][]} */ ([["power", own.power_w, "W"], ["heat", own.temperature_max_c, "Celsius"]])) {
    const [shown, shownUnit] = quantity(own.online ? value : null, unit);
    setText(document.querySelector(`#fact-${id} [data-number]`), shown);
    setText(document.querySelector(`#fact-${id} [data-unit]`), shownUnit);
  }
  setText(document.getElementById("fact-session"), own.session_active && own.online ? "Active" : "None");
}

/** Ask for the charger's summary for as long as the page is looked at.
 * @param {{site: string, device: string, tones: Record<string, string>}} model */
export function keepHeader(model) {
  if (!document.getElementById("state")) return;
  const ask = async () => {
    if (!document.hidden) {
      const answer = await fetch(`/api/v1/chargers?site=${encodeURIComponent(model.site)}`).catch(() => null);
      const all = answer?.ok ? await answer.json() : [];
      const own = all.find((/** @type {any} */ one) => one.charger === model.device);
      if (own) write(own, model.tones);
    }
    setTimeout(ask, PERIOD_MS);
  };
  setTimeout(ask, PERIOD_MS);
}
