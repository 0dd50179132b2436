// This file draws the signals of a snapshot; it guards that all plots have one time axis, and that no line is drawn where no value was.
// @ts-check

import { readInk } from "./ink.js";
import { byId, setText } from "./page.js";

/** @typedef {{id: string, signals: number[], triggers: number[], trigger_ms: number}} Model */
/** @typedef {{number: number, unit: string, step_ms: number, t_ms: number[], values: (number|null)[]}} Series */
/** @typedef {{x: number[], y: (number|null)[]}} Drawn */

const GAP_STEPS = 2.5;
const SYNC = "snapshot";

/** Write a number with six digits. @param {number} value */
const digits = (value) => String(Number(value.toPrecision(6)));

/** Write seconds from the trigger. @param {number} seconds @param {number} places */
const offset = (seconds, places) => `${seconds > 0 ? "+" : ""}${Number(seconds.toFixed(places))} s`;

/** Give seconds from the trigger and values, with nothing where rows are missing. @param {Series} series @param {number} zeroMs
 * @returns {Drawn} */
function drawn(series, zeroMs) {
  const steps = series.t_ms.slice(1).map((t, at) => t - series.t_ms[at]).sort((a, b) => a - b);
  const gapMs = GAP_STEPS * Math.max(series.step_ms, steps[steps.length >> 1] ?? 0, 1);
  /** @type {Drawn} */
  const out = { x: [], y: [] };
  series.t_ms.forEach((t, at) => {
    const before = series.t_ms[at - 1];
    if (at > 0 && t - before > gapMs) {
      out.x.push((before + t) / 2000 - zeroMs / 1000);
      out.y.push(null);
    }
    out.x.push((t - zeroMs) / 1000);
    out.y.push(series.values[at]);
  });
  return out;
}

/** Draw the triggers as upright lines. @param {any} u @param {number[]} at @param {any} ink */
function drawTriggers(u, at, ink) {
  const { ctx } = u;
  ctx.save();
  ctx.strokeStyle = ink.fault;
  ctx.lineWidth = 1.5 * devicePixelRatio;
  for (const seconds of at) {
    const x = u.valToPos(seconds, "x", true);
    if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, u.bbox.top);
    ctx.lineTo(x, u.bbox.top + u.bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

/** @param {any} uPlot @param {HTMLElement} box @param {Series} series @param {Drawn} data @param {[number, number]} span
 * @param {number[]} triggers @param {(index: number|null) => void} onCursor */
function build(uPlot, box, series, data, span, triggers, onCursor) {
  const ink = readInk();
  const axis = { stroke: ink.axis, grid: { stroke: ink.grid, width: 1 }, ticks: { show: false }, font: `11px ${ink.font}` };
  return new uPlot(
    {
      width: box.clientWidth,
      height: box.clientHeight,
      legend: { show: false },
      cursor: { y: false, drag: { x: true, y: false }, sync: { key: SYNC } },
      scales: { x: { time: false, range: (/** @type {any} */ _u, /** @type {number|null} */ least, /** @type {number|null} */ most) => (least === null || most === null ? span : [least, most]) } },
      axes: [
        { ...axis, space: 60, values: (/** @type {any} */ _u, /** @type {number[]} */ splits) => splits.map((s) => offset(s, 2)) },
        { ...axis, size: 72, values: (/** @type {any} */ _u, /** @type {number[]} */ splits) => splits.map(digits) },
      ],
      series: [{}, { stroke: ink.lines[0], width: 1.5, spanGaps: false, points: { show: data.x.length < 60, size: 4, fill: ink.lines[0] } }],
      hooks: {
        draw: [(/** @type {any} */ u) => drawTriggers(u, triggers, ink)],
        setCursor: [(/** @type {any} */ u) => onCursor(u.cursor.left < 0 ? null : u.cursor.idx)],
      },
    },
    [[span[0], ...data.x, span[1]], [null, ...data.y, null]],
    box,
  );
}

/** Show one signal. @param {any} uPlot @param {HTMLElement} figure @param {Series} series @param {Drawn} data
 * @param {[number, number]} span @param {number[]} triggers */
function show(uPlot, figure, series, data, span, triggers) {
  const box = /** @type {HTMLElement} */ (figure.querySelector("[data-plot]"));
  const note = figure.querySelector("[data-note]");
  /** @type {number|null} */
  let at = null;
  const tell = (/** @type {number|null} */ index) => {
    // A pointer that leaves some plot does not take the cursor from who walks this one by keyboard.
    if (index === null && document.activeElement === box) return;
    at = index === null ? null : Math.min(data.x.length - 1, Math.max(0, index - 1));
    const value = at === null ? null : data.y[at];
    if (at === null) setText(note, "");
    else setText(note, `${offset(data.x[at], 3)}: ${value === null ? "no value" : `${digits(value)} ${series.unit}`}`);
  };
  let u = build(uPlot, box, series, data, span, triggers, tell);
  document.addEventListener("isolane-theme", () => {
    u.destroy();
    u = build(uPlot, box, series, data, span, triggers, tell);
  });
  new ResizeObserver(() => {
    if (box.clientWidth && box.clientWidth !== u.width) u.setSize({ width: box.clientWidth, height: box.clientHeight });
  }).observe(box);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const zero = data.x.findIndex((x) => x >= 0);
    const next = (at ?? (zero < 0 ? data.x.length : zero)) + (event.key === "ArrowLeft" ? -1 : 1);
    const inside = Math.min(data.x.length - 1, Math.max(0, next));
    u.setCursor({ left: u.valToPos(data.x[inside], "x"), top: u.over.clientHeight / 2 });
    tell(inside + 1);
    event.preventDefault();
  });
  figure.classList.remove("is-loading");
}

async function start() {
  const films = document.getElementById("films");
  if (!films) return;
  /** @type {Model} */
  const model = JSON.parse(byId("films").dataset.model ?? "{}");
  const figures = /** @type {HTMLElement[]} */ ([...films.querySelectorAll("[data-signal]")]);
  if (!figures.length) return;
  const query = new URLSearchParams(figures.map((figure) => ["signal", figure.dataset.signal ?? ""]));
  figures.forEach((figure) => figure.classList.add("is-loading"));
  const [{ default: uPlot }, answer] = await Promise.all([
    import("../vendor/uplot/uPlot.esm.js"),
    fetch(`/api/v1/snapshots/${encodeURIComponent(model.id)}/series?${query}`),
  ]);
  if (!answer.ok) {
    figures.forEach((figure) => setText(figure.querySelector("[data-note]"), `The center answered ${answer.status}`));
    return;
  }
  /** @type {Series[]} */
  const told = await answer.json();
  const all = told.map((series) => drawn(series, model.trigger_ms));
  const times = all.flatMap(({ x }) => (x.length ? [x[0], x[x.length - 1]] : []));
  const least = Math.min(...times);
  /** @type {[number, number]} */
  const span = [least, Math.max(...times, least + 1)];
  const triggers = model.triggers.map((t) => (t - model.trigger_ms) / 1000);
  for (const figure of figures) {
    const place = told.findIndex((series) => String(series.number) === figure.dataset.signal);
    if (place >= 0) show(uPlot, figure, told[place], all[place], span, triggers);
  }
}

await start();
