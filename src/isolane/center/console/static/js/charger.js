// This file runs the charger page: charts that follow live or show history, and the table; it guards that what is on the screen
// is either the newest there is or a stretch the viewer chose, and that the page says which.
// @ts-check

import { Chart } from "./chart.js";
import { duration, moment } from "./format.js";
import { keepHeader } from "./header.js";
import { readInk } from "./ink.js";
import { buildLegend, writeLegend } from "./legend.js";
import { byId, isLost, nowMs, setLink, setText, writeTimes } from "./page.js";
import { Playhead } from "./playhead.js";
import { SignalTable } from "./signals.js";
import { follow } from "./stream.js";
import { Track } from "./track.js";
import { View } from "./view.js";

/** @typedef {{chart: Chart, track: Track, legend: HTMLElement, note: HTMLElement|null, figure: HTMLElement, loadedFor: string, loadedAtMs: number,
 *   isSeen: boolean, busy: boolean, missed: import("./track.js").Row[]}} Panel `missed`: rows that came while history was on its way */

const model = JSON.parse(byId("model").dataset.model ?? "{}");
const FRAME_MS = 250;
const QUIET_MS = 30_000;
const FIRST_MS = 3_000;
const EXPLAIN_MS = 15_000;
/** How often at most the history is asked what a live row does not tell. */
const path = `${encodeURIComponent(model.site)}/${encodeURIComponent(model.device)}`;
const playhead = new Playhead(model.newest_ms);
const table = new SignalTable(model.signals);
/** @type {Panel[]} */
const panels = [];
/** @type {number|null} */
let cursorS = null;
/** @type {Chart|null} */
let pointed = null;
const view = new View(model, playhead, () => reload());

/** Ask for every chart's history anew. */
function reload() {
  for (const panel of panels) {
    panel.loadedFor = "";
    refresh(panel);
  }
}

/** Ask for a panel's history unless what it has already fits the view. @param {Panel} panel */
async function refresh(panel) {
  if (!panel.isSeen || panel.busy) return;
  const { name, fromMs, toMs } = view.wanted();
  const isFull = view.isLive && panel.track.added > panel.chart.points && panel.track.stepS > 1;
  const isUnexplained = view.isLive && panel.track.isUnexplained && performance.now() - panel.loadedAtMs > EXPLAIN_MS;
  if (panel.loadedFor === name && !isFull && !isUnexplained) return draw(panel);
  panel.busy = true;
  panel.figure.classList.add("is-loading");
  const query = new URLSearchParams({ site: model.site, charger: model.device, points: String(panel.chart.points) });
  query.set("from_ms", String(Math.max(0, Math.floor(fromMs))));
  query.set("to_ms", String(Math.ceil(toMs)));
  for (const line of panel.chart.model.lines) query.append("signal", line.key);
  try {
    const answer = await fetch(`/api/v1/series?${query}`);
    if (!answer.ok) throw new Error(`the center answered ${answer.status}`);
    panel.track.load(await answer.json());
    panel.loadedFor = name;
    panel.loadedAtMs = performance.now();
    if (view.isLive) panel.missed.forEach((row) => panel.track.append(row));
    setText(panel.note, "");
  } catch (error) {
    setText(panel.note, error instanceof TypeError ? "The center cannot be reached" : String(/** @type {Error} */ (error).message));
  }
  panel.busy = false;
  panel.missed = [];
  panel.figure.classList.remove("is-loading");
  if (panel.loadedFor !== name && view.wanted().name === name) return;
  if (view.wanted().name !== name) return refresh(panel);
  draw(panel);
}

/** @param {Panel} panel */
function draw(panel) {
  if (!panel.isSeen) return;
  const [fromS, toS] = view.span();
  panel.chart.show(fromS, toS);
  tell(panel);
}

/** Write the legend for the cursor, or for the newest sample shown. @param {Panel} panel */
function tell(panel) {
  const [, toS] = view.span();
  const last = panel.track.t[panel.track.t.length - 1] ?? toS;
  writeLegend(panel.legend, panel.track, cursorS ?? (view.isLive ? toS : Math.min(toS, last)));
  if (!panel.track.t.length && cursorS === null) return;
  panel.note?.classList.toggle("is-thinned", cursorS === null && panel.track.isThinned);
  setText(panel.note, cursorS === null ? (panel.track.isThinned ? "Thinned where marked" : "") : moment(cursorS * 1000, false, nowMs()));
}

/** @param {Chart} chart @param {number|null} t */
function onCursor(chart, t) {
  if (t === null && pointed !== chart) return;
  pointed = t === null ? null : chart;
  cursorS = t;
  panels.forEach((panel) => panel.isSeen && tell(panel));
}

/** @param {Panel} panel @param {import("./track.js").Row} row */
function take(panel, row) {
  if (panel.busy) panel.missed.push(row);
  if (panel.loadedFor) panel.track.append(row);
}

function frame() {
  const due = playhead.advance(nowMs());
  for (const row of due) {
    table.write(row);
    if (view.isLive) panels.forEach((panel) => take(panel, row));
  }
  if (due.length) writeTimes(document);
  if (due.length && view.isLive) {
    const [fromS] = view.span();
    panels.forEach((panel) => panel.track.trim(fromS - 5));
    panels.forEach(refresh);
  }
  view.tellSpan();
  const ageMs = nowMs() - playhead.newestMs;
  if (isLost()) return;
  if (due.length) setLink("live", `Live, ${duration((nowMs() - playhead.edgeMs) / 1000)} behind`);
  else if (ageMs > Math.max(QUIET_MS, 3 * playhead.delayMs) && document.getElementById("link")?.dataset.link === "live") {
    setLink("waiting", `No new sample for ${duration(ageMs / 1000)}`);
  }
}

/** @param {any} uPlot */
function buildCharts(uPlot) {
  const ink = readInk();
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const panel = panels.find((one) => one.figure === entry.target);
      if (!panel) continue;
      panel.isSeen = entry.isIntersecting;
      refresh(panel);
    }
  }, { rootMargin: "200px" });
  for (const chartModel of model.charts) {
    const figure = byId(`chart-${chartModel.name}`);
    const box = /** @type {HTMLElement} */ (figure.querySelector("[data-plot]"));
    const legend = /** @type {HTMLElement} */ (figure.querySelector("[data-legend]"));
    const track = new Track(chartModel.lines);
    const chart = new Chart(uPlot, box, chartModel, track, ink, { onZoom: (from, to) => view.look(from * 1000, to * 1000), onCursor });
    buildLegend(legend, chartModel, (index) => chart.toggle(index));
    panels.push({ chart, track, legend, note: figure.querySelector("[data-note]"), figure, loadedFor: "", loadedAtMs: 0, isSeen: false, busy: false, missed: [] });
    box.addEventListener("dblclick", () => view.zoom(4));
    box.addEventListener("keydown", (event) => onKey(event, chart));
    box.addEventListener("blur", () => onCursor(chart, null));
    seen.observe(figure);
  }
  document.addEventListener("isolane-theme", () => {
    const fresh = readInk();
    panels.forEach((panel) => panel.chart.recolour(fresh));
  });
}

/** @param {KeyboardEvent} event @param {Chart} chart */
function onKey(event, chart) {
  const [fromS, toS] = view.span();
  const stride = Math.max(1, (toS - fromS) / 120) * (event.shiftKey ? 10 : 1);
  const at = cursorS ?? toS;
  if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
    const next = Math.min(toS, Math.max(fromS, at + (event.key === "ArrowLeft" ? -stride : stride)));
    pointed = chart;
    chart.pointAt(next);
    onCursor(chart, next);
  } else if (event.key === "+" || event.key === "=") view.zoom(0.5, at);
  else if (event.key === "-") view.zoom(2, at);
  else return;
  event.preventDefault();
}

/** Take up what a break in the stream has left out: the newest samples, then the history of every chart. */
async function catchUp() {
  const answer = await fetch(`/api/v1/chargers/${path}/signals`).catch(() => null);
  if (!answer?.ok) return;
  for (const one of await answer.json()) {
    playhead.jump(one.t_ms);
    table.write({ t_ms: one.t_ms, values: { [one.key]: [one.value, one.quality, one.reason] } });
  }
  if (view.isLive) reload();
}

/** Wait for a charger's first samples; the page is made anew with them. */
async function waitForFirst() {
  const answer = await fetch(`/api/v1/chargers/${path}/signals`).catch(() => null);
  if (answer?.ok) location.reload();
  else setTimeout(waitForFirst, FIRST_MS);
}

async function start() {
  keepHeader(model);
  if (!model.signals.length) {
    setLink("waiting", "No samples yet");
    setTimeout(waitForFirst, FIRST_MS);
    return;
  }
  if (document.getElementById("charts")) {
    try {
      const { default: uPlot } = await import("../vendor/uplot/uPlot.esm.js");
      buildCharts(uPlot);
    } catch (error) {
      setText(document.getElementById("span"), `Charts could not be loaded: ${/** @type {Error} */ (error).message}`);
    }
  }
  follow(() => `/api/v1/live/${path}`, "samples", (row) => playhead.take(row, nowMs()), { onReopen: catchUp, isForHidden: false });
  setInterval(frame, FRAME_MS);
}

await start();
