// This file keeps the fleet page alive; it guards that the server alone decides which rows there are and in which order:
// here only numbers are written into cells, and the rows are asked for again when a state changes.
// @ts-check

import { NOTHING, quantity, share } from "./format.js";
import { byId, centerSays, filterBox, setText, setTime, writeTimes } from "./page.js";
import { paths } from "./sparkline.js";
import { follow } from "./stream.js";

/** @typedef {{site: string, gateway: string, charger: string, last_seen_ms: number, online: boolean, state: string,
 *   power_w: number|null, temperature_max_c: number|null, signals: number, bad_signals: number, stale_signals: number,
 *   session_active: boolean|null, power_recent_w: (number|null)[]}} Charger */

const HOT_C = 80;
const WARM_C = 65;
const TYPING_MS = 150;
let signature = "";

/** @param {Element|null|undefined} cell @param {number|null} value @param {string} unit */
function setQuantity(cell, value, unit) {
  const [shown, shownUnit] = quantity(value, unit);
  setText(cell?.querySelector("[data-number]"), shown);
  setText(cell?.querySelector("[data-unit]"), shownUnit);
}

/** @param {number|null} celsius */
function heatTone(celsius) {
  if (celsius === null || celsius < WARM_C) return "";
  return celsius >= HOT_C ? "fault" : "warn";
}

/** @param {Element} row @param {Charger} charger */
function writeRow(row, charger) {
  const cell = (/** @type {string} */ name) => /** @type {HTMLElement|null} */ (row.querySelector(`[data-cell="${name}"]`));
  setQuantity(cell("power"), charger.online ? charger.power_w : null, "W");
  const heat = cell("heat");
  setQuantity(heat, charger.online ? charger.temperature_max_c : null, "Celsius");
  if (heat) heat.dataset.tone = heatTone(charger.temperature_max_c);
  const good = charger.signals - charger.bad_signals - charger.stale_signals;
  writeQuality(cell("quality"), good, charger);
  setText(cell("session"), charger.session_active && charger.online ? "Active" : NOTHING);
  setTime(cell("seen"), charger.last_seen_ms);
  const [line, area] = paths(charger.power_recent_w);
  row.querySelector(".spark-line")?.setAttribute("d", line);
  row.querySelector(".spark-area")?.setAttribute("d", area);
}

/** @param {HTMLElement|null} cell @param {number} good @param {Charger} charger */
function writeQuality(cell, good, charger) {
  if (!cell) return;
  setText(cell.querySelector("[data-number]"), share(good, charger.signals, 0));
  const notes = [];
  if (charger.bad_signals) notes.push(`${charger.bad_signals} bad`);
  if (charger.stale_signals) notes.push(`${charger.stale_signals} held`);
  setText(cell.querySelector("[data-note]"), notes.join(", "));
  const all = charger.signals || 1;
  let x = 0;
  for (const [name, part] of /** @type {[string, number][]} */ ([["good", good], ["stale", charger.stale_signals], ["bad", charger.bad_signals]])) {
    const bar = cell.querySelector(`.of-${name}`);
    bar?.setAttribute("x", String((100 * x) / all));
    bar?.setAttribute("width", String((100 * part) / all));
    x += part;
  }
}

/** @param {Charger[]} chargers */
function writeTotals(chargers) {
  const stat = (/** @type {string} */ name) => document.querySelector(`[data-stat="${name}"]`);
  const online = chargers.filter((charger) => charger.online);
  const count = (/** @type {string} */ state) => online.filter((charger) => charger.state === state).length;
  const most = (/** @type {(number|null)[]} */ values) => values.reduce((a, b) => (a === null ? b : b === null ? a : Math.max(a, b)), null);
  const powers = online.map((charger) => charger.power_w).filter((power) => power !== null);
  setText(stat("online")?.querySelector("[data-number]"), String(online.length));
  const silent = chargers.length - online.length;
  setText(stat("online")?.querySelector("[data-note]"), silent ? `${silent} silent` : "all send data");
  setText(stat("charging")?.querySelector("[data-number]"), String(count("charging")));
  setText(stat("faulted")?.querySelector("[data-number]"), String(count("faulted")));
  stat("faulted")?.toggleAttribute("data-alert", count("faulted") > 0);
  stat("online")?.toggleAttribute("data-alert", online.length < chargers.length);
  setQuantity(stat("power"), powers.length ? powers.reduce((a, b) => a + b, 0) : null, "W");
  setQuantity(stat("hottest"), most(online.map((charger) => charger.temperature_max_c)), "Celsius");
  const wrong = chargers.length - online.length + count("faulted");
  document.title = `${wrong ? `(${wrong}) ` : ""}Fleet · isolane`;
}

/** @param {{t_ms: number, chargers: Charger[]}} data */
function onFleet({ t_ms, chargers }) {
  centerSays(t_ms);
  /** @type {Map<string, Element>} */
  const rows = new Map();
  for (const row of document.querySelectorAll("tr[data-charger]")) {
    const site = /** @type {HTMLElement|null} */ (row.closest("[data-site]"));
    rows.set(JSON.stringify([site?.dataset.site, /** @type {HTMLElement} */ (row).dataset.charger]), row);
  }
  for (const charger of chargers) {
    const row = rows.get(JSON.stringify([charger.site, charger.charger]));
    if (row) writeRow(row, charger);
  }
  const isNew = chargers.length !== Number(document.getElementById("strip")?.dataset.chargers ?? 0);
  for (const body of document.querySelectorAll("tbody[data-site]")) {
    const site = /** @type {HTMLElement} */ (body).dataset.site;
    const powers = chargers.filter((c) => c.site === site && c.online && c.power_w !== null).map((c) => c.power_w ?? 0);
    setQuantity(body.querySelector(".site-power"), powers.length ? powers.reduce((a, b) => a + b, 0) : null, "W");
  }
  writeTotals(chargers);
  writeTimes(document);
  const next = JSON.stringify(chargers.map((c) => [c.site, c.charger, c.online, c.state, heatTone(c.temperature_max_c) === "fault"]).sort());
  if (next !== signature && (signature || isNew)) document.body.dispatchEvent(new Event("fleet-changed"));
  signature = next;
}

/** @type {ReturnType<typeof setTimeout>|undefined} */
let asking;
filterBox((text) => {
  /** @type {HTMLInputElement} */ (byId("fleet-page")).value = "1";
  history.replaceState(null, "", text ? `/?${new URLSearchParams({ q: text })}` : "/");
  clearTimeout(asking);
  asking = setTimeout(() => document.body.dispatchEvent(new Event("fleet-changed")), TYPING_MS);
});
/** Where the focus was in the rows that are being replaced. */
let focused = "";
document.body.addEventListener("htmx:beforeSwap", () => {
  focused = document.activeElement?.closest("#fleet a")?.getAttribute("href") ?? "";
});
document.body.addEventListener("htmx:afterSwap", () => {
  if (focused) /** @type {HTMLElement|null} */ (document.querySelector(`#fleet a[href="${CSS.escape(focused)}"]`))?.focus();
});
follow("/api/v1/live", "fleet", onFleet);
