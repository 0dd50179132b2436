// This file draws what is not a line: gaps, limits, the unit of an axis; it guards that missing data looks like nothing else.
// @ts-check

import { stepOf } from "./format.js";

const RIBBON_PX = 3;
/** @type {Map<string, CanvasPattern|null>} */
const patterns = new Map();

/** Diagonal hatching in two colours. @param {any} u @param {any} ink */
function hatch(u, ink) {
  const name = `${ink.gap}${ink["gap-line"]}${devicePixelRatio}`;
  const made = patterns.get(name);
  if (made !== undefined) return made;
  const side = Math.round(7 * devicePixelRatio);
  const tile = document.createElement("canvas");
  tile.width = tile.height = side;
  const pen = tile.getContext("2d");
  if (!pen) return null;
  pen.fillStyle = ink.gap;
  pen.fillRect(0, 0, side, side);
  pen.strokeStyle = ink["gap-line"];
  pen.lineWidth = devicePixelRatio;
  pen.beginPath();
  for (const shift of [-side, 0, side]) {
    pen.moveTo(shift, side);
    pen.lineTo(shift + side, 0);
  }
  pen.stroke();
  const pattern = u.ctx.createPattern(tile, "repeat");
  patterns.set(name, pattern);
  return pattern;
}

/** Draw gaps behind the lines: hatched where no line has a value, a ribbon at the foot where only some lack one.
 * @param {any} u @param {import("./track.js").Track} track @param {any} ink */
export function drawGaps(u, track, ink) {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  const x = (/** @type {number} */ t) => Math.min(left + width, Math.max(left, u.valToPos(t, "x", true)));
  ctx.save();
  const pattern = hatch(u, ink);
  const common = track.commonGaps();
  for (const gap of common) {
    const [from, to] = [x(gap.from), x(gap.to)];
    if (to <= from) continue;
    ctx.fillStyle = pattern ?? ink.gap;
    ctx.fillRect(from, top, Math.max(1, to - from), height);
    label(u, gap.reasons.join(", ").replaceAll("_", " "), from, to, ink);
  }
  const isCommon = (/** @type {import("./track.js").Gap} */ gap) => common.some((one) => one.from <= gap.from && gap.to <= one.to);
  ctx.fillStyle = ink.fault;
  const ribbon = RIBBON_PX * devicePixelRatio;
  for (const column of track.columns) {
    for (const gap of column.gaps) {
      if (isCommon(gap)) continue;
      const [from, to] = [x(gap.from), x(gap.to)];
      if (to > from) ctx.fillRect(from, top + height - ribbon, Math.max(devicePixelRatio, to - from), ribbon);
    }
  }
  ctx.restore();
}

/** What a rung does to what is seen, in a word or two. @type {Record<string, string>} */
const RUNGS = { deadband: "thinned: deadband", bounded: "thinned: bounded", minute: "minutes: least to greatest" };

/** Mark where lines were thinned: a ribbon along the top, with the way in words where there is room. The band around the line is
 * as wide as the samples can have been away from it. @param {any} u @param {import("./track.js").Track} track @param {any} ink */
export function drawThinned(u, track, ink) {
  const { ctx } = u;
  const { left, top, width } = u.bbox;
  const x = (/** @type {number} */ t) => Math.min(left + width, Math.max(left, u.valToPos(t, "x", true)));
  ctx.save();
  for (const own of track.thinnedRanges()) {
    const [from, to] = [x(own.from), x(own.to)];
    if (to <= from) continue;
    ctx.fillStyle = ink.thin;
    ctx.fillRect(from, top, Math.max(devicePixelRatio, to - from), RIBBON_PX * devicePixelRatio);
    label(u, own.rungs.map((rung) => RUNGS[rung] ?? rung).join(", "), from, to, ink, top + 12 * devicePixelRatio);
  }
  ctx.restore();
}

/** Write a reason into its range if there is room. @param {any} u @param {string} text @param {number} from @param {number} to @param {any} ink
 * @param {number} y */
function label(u, text, from, to, ink, y = u.bbox.top + u.bbox.height / 2) {
  const { ctx } = u;
  const pixel = devicePixelRatio;
  ctx.font = `${11 * pixel}px ${ink.font}`;
  const width = ctx.measureText(text).width + 10 * pixel;
  if (width > to - from - 4 * pixel) return;
  const middle = (from + to) / 2;
  ctx.fillStyle = ink.surface;
  ctx.fillRect(middle - width / 2, y - 9 * pixel, width, 18 * pixel);
  ctx.fillStyle = ink["text-soft"];
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillText(text, middle, y);
}

/** Draw limits over the lines, each with its word and value.
 * @param {any} u @param {{unit: string, value: number, text: string}[]} limits @param {string[]} units @param {any} ink */
export function drawLimits(u, limits, units, ink) {
  const { ctx } = u;
  const pixel = devicePixelRatio;
  ctx.save();
  for (const { unit, value, text } of limits) {
    const axis = units.indexOf(unit);
    if (axis < 0) continue;
    const y = u.valToPos(value, `y${axis}`, true);
    if (y < u.bbox.top || y > u.bbox.top + u.bbox.height) continue;
    ctx.strokeStyle = ink.limit;
    ctx.lineWidth = pixel;
    ctx.beginPath();
    ctx.moveTo(u.bbox.left, y);
    ctx.lineTo(u.bbox.left + u.bbox.width, y);
    ctx.stroke();
    ctx.font = `${10.5 * pixel}px ${ink.font}`;
    ctx.fillStyle = ink.limit;
    ctx.textAlign = "right";
    ctx.textBaseline = "bottom";
    const [divisor, shown] = stepOf(value, unit);
    ctx.fillText(`${text} ${value / divisor} ${shown}`, u.bbox.left + u.bbox.width - 5 * pixel, y - 2 * pixel);
  }
  ctx.restore();
}

/** Write each axis's unit above it, where it is read first.
 * @param {any} u @param {string[]} units as shown @param {any} ink */
export function drawUnits(u, units, ink) {
  const { ctx } = u;
  const pixel = devicePixelRatio;
  ctx.save();
  ctx.font = `${11 * pixel}px ${ink.font}`;
  ctx.fillStyle = ink.axis;
  ctx.textBaseline = "bottom";
  units.forEach((unit, axis) => {
    ctx.textAlign = axis ? "left" : "right";
    const x = axis ? u.bbox.left + u.bbox.width + 8 * pixel : u.bbox.left - 8 * pixel;
    ctx.fillText(unit, x, u.bbox.top - 5 * pixel);
  });
  ctx.restore();
}
