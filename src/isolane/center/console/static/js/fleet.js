// This file keeps the fleet page alive; it guards that the server alone decides which rows there are and in which order:
// here only numbers are written into cells, and the rows are asked for again when a state changes. The stream tells of the chargers
// on this page alone, first all of them, then what has changed.
// @ts-check

import { NOTHING, quantity, share } from "./format.js";
import { byId, centerSays, filterBox, setText, setTime, writeTimes } from "./page.js";
import { paths } from "./sparkline.js";
import { follow } from "./stream.js";

/** @typedef {{site: string, gateway: string, charger: string, last_seen_ms: number, online: boolean, state: string,
 *   power_w: number|null, temperature_max_c: number|null, signals: number, bad_signals: number, stale_signals: number,
 *   session_active: boolean|null, power_recent_w: (number|null)[]}} Charger
 * @typedef {{t_ms: number, is_whole: boolean, found: number, sites: Record<string, number|null>, gone: [string, string][],
 *   totals: {chargers: number, online: number, charging: number, faulted: number, power_w: number|null, hottest_c: number|null},
 *   chargers: (Partial<Charger> & {site: string, charger: string})[]}} News */

const HOT_C = 80;
const WARM_C = 65;
const TYPING_MS = 150;
let signature = "";
/** The chargers on this page by site and name, as JSON. @type {Map<string, Charger>} */
const shown = new Map();

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

/** @param {News["totals"]} totals */
function writeTotals({ chargers, online, charging, faulted, power_w, hottest_c }) {
  const stat = (/** @type {string} */ name) => document.querySelector(`[data-stat="${name}"]`);
  const silent = chargers - online;
  setText(stat("online")?.querySelector("[data-number]"), String(online));
  setText(stat("online")?.querySelector("[data-note]"), silent ? `${silent} silent` : "all send data");
  setText(stat("charging")?.querySelector("[data-number]"), String(charging));
  setText(stat("faulted")?.querySelector("[data-number]"), String(faulted));
  stat("faulted")?.toggleAttribute("data-alert", faulted > 0);
  stat("online")?.toggleAttribute("data-alert", silent > 0);
  setQuantity(stat("power"), power_w, "W");
  setQuantity(stat("hottest"), hottest_c, "Celsius");
  const wrong = silent + faulted;
  document.title = `${wrong ? `(${wrong}) ` : ""}Fleet · isolane`;
}

/** @param {string} site @param {string} charger */
const keyOf = (site, charger) => JSON.stringify([site, charger]);

/** @param {News["chargers"]} chargers */
function writeRows(chargers) {
  /** @type {Map<string, Element>} */
  const rows = new Map();
  for (const row of document.querySelectorAll("tr[data-charger]")) {
    const site = /** @type {HTMLElement|null} */ (row.closest("[data-site]"));
    rows.set(keyOf(site?.dataset.site ?? "", /** @type {HTMLElement} */ (row).dataset.charger ?? ""), row);
  }
  for (const { site, charger } of chargers) {
    const key = keyOf(site, charger);
    const row = rows.get(key);
    const all = shown.get(key);
    if (row && all) writeRow(row, all);
  }
}

/** @param {News} news */
function onFleet({ t_ms, is_whole, found, totals, sites, chargers, gone }) {
  centerSays(t_ms);
  if (is_whole) shown.clear();
  for (const [site, charger] of gone) shown.delete(keyOf(site, charger));
  for (const one of chargers) {
    const key = keyOf(one.site, one.charger);
    shown.set(key, /** @type {Charger} */ ({ ...shown.get(key), ...one }));
  }
  writeRows(chargers);
  for (const body of document.querySelectorAll("tbody[data-site]")) {
    const { site = "" } = /** @type {HTMLElement} */ (body).dataset;
    if (Object.hasOwn(sites, site)) setQuantity(body.querySelector(".site-power"), sites[site], "W");
  }
  writeTotals(totals);
  writeTimes(document);
  const isNew = totals.chargers !== Number(document.getElementById("strip")?.dataset.chargers ?? 0);
  const states = [...shown].map(([key, c]) => [key, c.online, c.state, heatTone(c.temperature_max_c) === "fault"]).sort();
  const next = JSON.stringify([found, totals.chargers, states]);
  if (next !== signature && (signature || isNew)) document.body.dispatchEvent(new Event("fleet-changed"));
  signature = next;
}

/** @type {ReturnType<typeof setTimeout>|undefined} */
let asking;
filterBox((text) => {
  /** @type {HTMLInputElement} */ (byId("fleet-page")).value = "1";
  history.replaceState(null, "", text ? `/?${new URLSearchParams({ q: text })}` : "/");
  clearTimeout(asking);
  asking = setTimeout(() => {
    document.body.dispatchEvent(new Event("fleet-changed"));
    // These rows need not be asked for once more when the stream tells of them.
    signature = "";
    listenAgain();
  }, TYPING_MS);
});
const field = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (byId(id)).value;
const listenAgain = follow(() => `/api/v1/live?${new URLSearchParams({ q: field("filter").trim(), page: field("fleet-page") })}`, "fleet", onFleet);
