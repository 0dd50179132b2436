// This file draws the features that a score rests on; it guards that their uncertainty, the baseline and the end of life are in one picture.
// @ts-check

import { tick } from "./chart.js";
import { moment } from "./format.js";
import { faded, readInk } from "./ink.js";
import { byId, nowMs, setText } from "./page.js";

/** @typedef {{unit: string, t: number[], value: (number|null)[], sd: (number|null)[], theta_0: number|null, theta_end: number|null,
 *   changes: [number, number][]}} Model */

/** Write a number with three digits. @param {number} value */
const digits = (value) => String(Number(value.toPrecision(3)));

/** Draw the changes of level as upright lines, each with its level. @param {any} u @param {Model} model @param {any} ink */
function drawChanges(u, model, ink) {
  const { ctx } = u;
  const pixel = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = ink.axis;
  ctx.fillStyle = ink["text-soft"];
  ctx.font = `${11 * pixel}px ${ink.font}`;
  ctx.lineWidth = pixel;
  for (const [t, level] of model.changes) {
    const x = u.valToPos(t, "x", true);
    if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, u.bbox.top);
    ctx.lineTo(x, u.bbox.top + u.bbox.height);
    ctx.stroke();
    ctx.fillText(level < 0 ? "none" : `L${level}`, x + 3 * pixel, u.bbox.top + 11 * pixel);
  }
  ctx.restore();
}

/** @param {any} uPlot @param {HTMLElement} box @param {Model} model @param {(index: number|null) => void} onCursor */
function build(uPlot, box, model, onCursor) {
  const ink = readInk();
  const side = (/** @type {number} */ sign) => model.value.map((value, at) => (value === null ? null : value + sign * (model.sd[at] ?? 0)));
  const level = (/** @type {number|null} */ value) => model.t.map(() => value);
  const axis = { stroke: ink.axis, grid: { stroke: ink.grid, width: 1 }, ticks: { show: false }, font: `11px ${ink.font}` };
  const dashed = { width: 1.25, points: { show: false }, dash: [6, 4] };
  return new uPlot(
    {
      width: box.clientWidth,
      height: box.clientHeight,
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, y: false },
      scales: { x: { time: true } },
      axes: [
        { ...axis, values: (/** @type {any} */ _u, /** @type {number[]} */ splits, /** @type {number} */ _a, /** @type {number} */ _s, /** @type {number} */ step) => splits.map((s) => tick(s, step)) },
        { ...axis, size: 64, label: model.unit, labelSize: 18, labelFont: `11px ${ink.font}`, values: (/** @type {any} */ _u, /** @type {number[]} */ splits) => splits.map(digits) },
      ],
      series: [
        {},
        { width: 0, points: { show: false } },
        { width: 0, points: { show: false } },
        { stroke: ink.lines[0], width: 1.5, points: { show: model.t.length < 300, size: 4, fill: ink.lines[0] } },
        { ...dashed, stroke: ink.axis },
        { ...dashed, stroke: ink.limit },
      ],
      bands: [{ series: [1, 2], fill: faded(ink.lines[0], 0.2) }],
      hooks: {
        draw: [(/** @type {any} */ u) => drawChanges(u, model, ink)],
        setCursor: [(/** @type {any} */ u) => onCursor(u.cursor.left < 0 ? null : u.cursor.idx)],
      },
    },
    [model.t, side(1), side(-1), model.value, level(model.theta_0), level(model.theta_end)],
    box,
  );
}

async function start() {
  const box = document.getElementById("plot");
  if (!box) return;
  /** @type {Model} */
  const model = JSON.parse(box.dataset.model ?? "{}");
  const note = byId("evidence-note");
  const first = note.textContent ?? "";
  /** @type {number|null} */
  let at = null;
  const tell = (/** @type {number|null} */ index) => {
    at = index;
    const value = index === null ? null : model.value[index];
    if (index === null || value === null || value === undefined) return setText(note, first);
    const sd = model.sd[index];
    setText(note, `${moment(model.t[index] * 1000, true, nowMs())}: ${digits(value)}${sd === null ? "" : ` \u00b1 ${digits(sd)}`} ${model.unit}`);
  };
  const { default: uPlot } = await import("../vendor/uplot/uPlot.esm.js");
  let u = build(uPlot, box, model, tell);
  const again = () => {
    u.destroy();
    u = build(uPlot, box, model, tell);
  };
  document.addEventListener("isolane-theme", again);
  new ResizeObserver(() => {
    if (box.clientWidth && box.clientWidth !== u.width) u.setSize({ width: box.clientWidth, height: box.clientHeight });
  }).observe(box);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const last = model.t.length - 1;
    const next = Math.min(last, Math.max(0, (at ?? last + 1) + (event.key === "ArrowLeft" ? -1 : 1)));
    u.setCursor({ left: u.valToPos(model.t[next], "x"), top: u.over.clientHeight / 2 });
    tell(next);
    event.preventDefault();
  });
}

await start();
