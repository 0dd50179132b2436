// This file draws a row's small power curve as SVG paths; it guards that missing minutes stay open in the line.
// Its twin is sparkline.py; both are tested with the same rows.
// @ts-check

export const WIDTH = 120;
export const HEIGHT = 28;
const PAD = 2;
const FLOOR_W = 1000;

/** Give the path of the line and of the area under it.
 * @param {(number|null)[]} power
 * @returns {[string, string]} */
export function paths(power) {
  const top = power.reduce((/** @type {number} */ most, value) => Math.max(most, Math.abs(value ?? 0)), FLOOR_W);
  const step = WIDTH / Math.max(1, power.length - 1);
  const floor = HEIGHT - PAD / 2;
  let line = "";
  let area = "";
  /** @type {[number, number][]} */
  let run = [];
  [...power, null].forEach((value, index) => {
    if (value !== null) {
      run.push([index * step, floor - (Math.max(0, value) / top) * (HEIGHT - 2 * PAD)]);
    } else if (run.length) {
      if (run.length === 1) run.push([run[0][0] + 1.5, run[0][1]]);
      const points = run.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
      line += `M${points}`;
      area += `M${run[0][0].toFixed(1)},${floor.toFixed(1)} ${points} ${run[run.length - 1][0].toFixed(1)},${floor.toFixed(1)}Z`;
      run = [];
    }
  });
  return [line, area];
}
