// This file draws one chart; it guards that its axis carries the unit of its numbers and that all charts share one cursor.
// @ts-check

import { number, stepOf } from "./format.js";
import { faded } from "./ink.js";
import { indexAt } from "./legend.js";
import { drawGaps, drawLimits, drawThinned, drawUnits } from "./marks.js";

const PER_LINE = 4;
/** uPlot series a line takes: good mean, held mean, max, min. */
const FROM_ZERO = new Set(["W", "A", "RPM", "Percent", "Ohm", "s"]);
/** @type {Record<string, number>} */
const SPAN_MIN = { W: 500, A: 2, V: 4, Celsius: 5, Hz: 0.1, RPM: 100, Percent: 5, RH: 5, Ohm: 1000, s: 0.05, dBm: 6 };
const STEPS_MIN = 200;
/** An axis never shows less than SPAN_MIN, or than this many of the signal's own steps if that is less. */
const LARGEST = 1e300;
const FINEST = 1e-9;
/** Beyond the one, the span of an axis is no number; below the other, no pixel can be told from the next. */
const TICKS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000];
const TIGHT_PX = 520;
const RIGHT_PX = 46;
/** As wide as a right axis, so that charts above each other share their time axis to the pixel. */

/** @typedef {{name: string, title: string, limits: {unit: string, value: number, text: string}[],
 *   soft_range: [number, number]|null, lines: import("./track.js").Line[]}} ChartModel */

/** @param {number} n */
const two = (n) => String(n).padStart(2, "0");

/** Write a tick of the time axis in the viewer's zone. @param {number} s @param {number} stepS */
export function tick(s, stepS) {
  const at = new Date(s * 1000);
  const day = `${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const minute = `${two(at.getHours())}:${two(at.getMinutes())}`;
  if (stepS >= 86_400) return day;
  if (stepS >= 60) return minute === "00:00" ? day : minute;
  return `${minute}:${two(at.getSeconds())}`;
}

/** How far ticks stand apart, px: where they are less than a minute apart they show seconds, which take more room.
 * @param {any} u @param {number} _axis @param {number} fromS @param {number} toS */
function tickSpace(u, _axis, fromS, toS) {
  const narrow = 54;
  return ((toS - fromS) * narrow * devicePixelRatio) / u.bbox.width < 60 ? 78 : narrow;
}

/** The range an axis shows for its data. @param {number|null} least @param {number|null} most @param {string} unit
 * @param {[number, number]|null} soft @param {number} resolution @returns {[number, number]} */
export function rangeOf(least, most, unit, soft, resolution = 1) {
  const finest = Math.max(FINEST, Math.abs(least ?? 0) * FINEST, Math.abs(most ?? 0) * FINEST);
  const span = Math.max(Math.min(SPAN_MIN[unit] ?? 1, STEPS_MIN * resolution), Math.min(finest, LARGEST));
  const bounded = (/** @type {number} */ value) => Math.max(-LARGEST, Math.min(LARGEST, value));
  let low = bounded(Math.min(least ?? 0, soft?.[0] ?? Infinity));
  let high = bounded(Math.max(most ?? span, soft?.[1] ?? -Infinity));
  const isFromZero = FROM_ZERO.has(unit) && low >= 0;
  if (isFromZero) low = 0;
  if (high - low < span) {
    const middle = (low + high) / 2;
    [low, high] = isFromZero ? [0, span] : [middle - span / 2, middle + span / 2];
  }
  const pad = (high - low) * 0.06;
  const isSoftTop = soft !== null && high === soft[1];
  return [low === 0 || low === soft?.[0] ? low : low - pad, isSoftTop ? high : high + pad];
}

/** Charts share where the pointer is, and not what it drags. @param {string} type */
const isPointing = (type) => type === "mousemove" || type === "mouseleave";

export class Chart {
  /** @param {any} uPlot @param {HTMLElement} box @param {ChartModel} model @param {import("./track.js").Track} track
   * @param {any} ink @param {{onZoom: (from: number, to: number) => void, onCursor: (chart: Chart, t: number|null) => void}} on */
  constructor(uPlot, box, model, track, ink, on) {
    this.model = model;
    this.track = track;
    this.ink = ink;
    this.on = on;
    this.box = box;
    this.units = [...new Set(model.lines.map((line) => line.unit))];
    this.shownUnits = this.units.map(() => "");
    this.hidden = new Set();
    this.window = [0, 1];
    this.uPlot = uPlot;
    this.#make();
    new ResizeObserver(() => this.#resize()).observe(box);
  }

  /** Show the track's samples between two times. @param {number} fromS @param {number} toS */
  show(fromS, toS) {
    this.window = [fromS, toS];
    this.box.dataset.fromMs = String(Math.round(fromS * 1000));
    this.box.dataset.toMs = String(Math.round(toS * 1000));
    this.u.batch(() => {
      this.u.setData(this.track.arrays(), false);
      this.u.setScale("x", { min: fromS, max: toS });
    });
  }

  /** @param {any} ink */
  recolour(ink) {
    this.ink = ink;
    this.u.destroy();
    this.#make();
    this.show(this.window[0], this.window[1]);
  }

  /** @param {number} index */
  toggle(index) {
    if (!this.hidden.delete(index)) this.hidden.add(index);
    for (let part = 0; part < PER_LINE; part += 1) this.u.setSeries(1 + index * PER_LINE + part, { show: !this.hidden.has(index) });
  }

  /** Put the shared cursor on a time. @param {number} t */
  pointAt(t) {
    const left = this.u.valToPos(t, "x");
    this.u.setCursor({ left, top: this.u.over.clientHeight / 2 });
  }

  #resize() {
    const { clientWidth, clientHeight } = this.box;
    if (clientWidth && (clientWidth !== this.u.width || clientHeight !== this.u.height)) {
      this.u.setSize({ width: clientWidth, height: clientHeight });
    }
  }

  #make() {
    const { lines } = this.model;
    const series = lines.flatMap((line, index) => this.#series(line, index));
    /** @type {any} */
    const scales = { x: { time: true, range: (/** @type {any} */ _u, /** @type {number} */ a, /** @type {number} */ b) => [a, b] } };
    this.units.forEach((unit, axis) => {
      const soft = axis === 0 ? this.model.soft_range : null;
      scales[`y${axis}`] = {
        range: (/** @type {any} */ _u, /** @type {number|null} */ least, /** @type {number|null} */ most) => rangeOf(least, most, unit, soft, this.#finest(unit)),
      };
    });
    const bands = lines.map((_, index) => {
      const first = 1 + index * PER_LINE;
      return { series: [first + 2, first + 3], fill: faded(this.ink.lines[index], 0.2) };
    });
    this.u = new this.uPlot(this.#options(series, scales, bands), this.track.arrays(), this.box);
  }

  /** @param {import("./track.js").Line} line @param {number} index */
  #series(line, index) {
    const scale = `y${line.axis}`;
    const stroke = this.ink.lines[index];
    const paths = line.step ? this.uPlot.paths.stepped({ align: 1 }) : undefined;
    const common = { scale, stroke, paths, show: !this.hidden.has(index), points: { show: false } };
    const edge = { ...common, width: 0, stroke: "transparent", paths: undefined };
    return [{ ...common, width: 1.5 }, { ...common, width: 1.25, dash: [2, 3] }, edge, { ...edge }];
  }

  /** @param {any[]} series @param {any} scales @param {any[]} bands */
  #options(series, scales, bands) {
    const font = `11px ${this.ink.font}`;
    const grid = { stroke: this.ink.grid, width: 1 };
    const ticks = { ...grid, size: 4 };
    const common = { font, stroke: this.ink.axis, ticks };
    const axes = this.units.map((unit, axis) => ({
      ...common,
      scale: `y${axis}`,
      side: axis ? 1 : 3,
      size: axis ? RIGHT_PX : 50,
      gap: 4,
      space: 34,
      grid: axis ? { show: false } : grid,
      values: (/** @type {any} */ _u, /** @type {number[]} */ splits) => this.#ticks(splits, unit, axis),
    }));
    const xAxis = {
      ...common,
      grid,
      incrs: TICKS_S,
      space: tickSpace,
      size: 26,
      gap: 5,
      values: (/** @type {any} */ _u, /** @type {number[]} */ splits, /** @type {any} */ _a, /** @type {any} */ _s, /** @type {number} */ step) =>
        splits.map((s) => tick(s, step)),
    };
    return {
      width: this.box.clientWidth || 400,
      height: this.box.clientHeight || 200,
      padding: [20, this.units.length > 1 ? 0 : this.box.clientWidth < TIGHT_PX ? 12 : RIGHT_PX, 0, 0],
      legend: { show: false },
      cursor: {
        sync: { key: "device", setSeries: false, scales: ["x", null], filters: { pub: isPointing } },
        drag: { x: true, y: false, setScale: false },
        points: { size: 6, width: 1.5 },
        dataIdx: (/** @type {any} */ _u, /** @type {number} */ _s, /** @type {number} */ _i, /** @type {number} */ t) => Math.max(0, indexAt(this.track.t, t)),
        y: false,
      },
      select: { show: true },
      scales,
      axes: [xAxis, ...axes],
      series: [{}, ...series],
      bands,
      hooks: {
        drawAxes: [(/** @type {any} */ u) => drawGaps(u, this.track, this.ink)],
        draw: [
          (/** @type {any} */ u) => {
            drawThinned(u, this.track, this.ink);
            drawLimits(u, this.model.limits, this.units, this.ink);
            drawUnits(u, this.shownUnits, this.ink);
          },
        ],
        setSelect: [(/** @type {any} */ u) => this.#selected(u)],
        setCursor: [(/** @type {any} */ u) => this.#pointed(u)],
      },
    };
  }

  /** The finest step of the lines of a unit; one without a resolution (0) tells none. @param {string} unit */
  #finest(unit) {
    return Math.min(...this.model.lines.filter((line) => line.unit === unit).map((line) => line.resolution || Infinity));
  }

  /** @param {number[]} splits @param {string} unit @param {number} axis */
  #ticks(splits, unit, axis) {
    const most = splits.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    const [divisor, shown] = stepOf(most, unit, this.#finest(unit));
    this.shownUnits[axis] = shown;
    const step = splits.length > 1 ? Math.abs(splits[1] - splits[0]) / divisor : 1;
    const decimals = [0, 1, 2].find((places) => Math.abs(step * 10 ** places - Math.round(step * 10 ** places)) < 1e-6) ?? 3;
    return splits.map((split) => number(split / divisor, decimals));
  }

  /** Tell where the cursor is, once: of all charts that share it, the one that has the pointer or the focus. @param {any} u */
  #pointed(u) {
    if (u.cursor.left < 0) this.on.onCursor(this, null);
    else if (this.box.matches(":hover, :focus")) this.on.onCursor(this, u.posToVal(u.cursor.left, "x"));
  }

  /** @param {any} u */
  #selected(u) {
    if (u.select.width < 4) return;
    const from = u.posToVal(u.select.left, "x");
    const to = u.posToVal(u.select.left + u.select.width, "x");
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.on.onZoom(from, to);
  }

  /** Whether its numbers are squeezed, so that fewer points suffice. */
  get points() {
    return this.box.clientWidth < TIGHT_PX ? 300 : 600;
  }
}
