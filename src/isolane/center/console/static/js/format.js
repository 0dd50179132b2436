// This file turns numbers into what a person reads; it guards that browser and server write the same number the same way.
// Its twin is formats.py; tests/center/console/formats.json holds the sentences both must agree on.
// @ts-check

export const NOTHING = "–";
export const THIN = "\u202f";
const MINUS = "−";
const PLAIN_MAX = 1e15;
/** From here on a float no longer tells units apart: three digits and a power of ten. */

/** For each OCPP unit, largest first: from which magnitude on, the unit shown, decimals.
 * @type {Record<string, [number, string, number][]>} */
const STEPS = {
  W: [[1e6, "MW", 2], [1e3, "kW", 1], [1, "W", 0]],
  Wh: [[1e6, "MWh", 2], [1e3, "kWh", 1], [1, "Wh", 0]],
  V: [[1, "V", 1]],
  A: [[1, "A", 1]],
  Hz: [[1, "Hz", 2]],
  Celsius: [[1, "°C", 1]],
  Percent: [[1, "%", 1]],
  RH: [[1, "% RH", 1]],
  RPM: [[1, "rpm", 0]],
  Ohm: [[1e6, "MΩ", 2], [1e3, "kΩ", 0], [1, "Ω", 0]],
  s: [[1, "s", 1], [1e-3, "ms", 0]],
  dBm: [[1, "dBm", 0]],
  Deg: [[1, "°", 1]],
  N: [[1, "N", 1]],
  B: [[1e9, "GB", 2], [1e6, "MB", 1], [1e3, "kB", 1], [1, "B", 0]],
};

/** The same for signals whose resolution is finer than the first number: residual currents, pilots, clocks.
 * @type {Record<string, [number, [number, string, number][]]>} */
const FINE_STEPS = {
  A: [0.01, [[1, "A", 1], [1e-3, "mA", 1]]],
  V: [0.05, [[1, "V", 2]]],
  s: [1e-4, [[1, "s", 2], [1e-3, "ms", 2], [1e-6, "µs", 0]]],
};

/** Choose divisor, unit shown and decimals for a magnitude.
 * @param {number} value @param {string} unit @param {number} resolution
 * @returns {[number, string, number]} */
export function stepOf(value, unit, resolution = 1) {
  const [finerThan, fine] = FINE_STEPS[unit] ?? [0, []];
  const steps = resolution < finerThan ? fine : STEPS[unit];
  if (!steps) return [1, unit, resolution >= 1 ? 0 : 2];
  if (!value) return steps.find((step) => step[0] === 1) ?? steps[steps.length - 1];
  return steps.find((step) => Math.abs(value) >= step[0]) ?? steps[steps.length - 1];
}

/** Write a measured value: the number and the unit as shown.
 * @param {number|null|undefined} value @param {string} unit @param {number} resolution
 * @returns {[string, string]} */
export function quantity(value, unit, resolution = 1) {
  if (value === null || value === undefined || !Number.isFinite(value)) return [NOTHING, ""];
  const [divisor, shown, decimals] = stepOf(value, unit, resolution);
  return [number(value / divisor, decimals), shown];
}

/** Write a plain number with that many decimals, thousands apart, halves away from zero.
 * @param {number} value @param {number} decimals */
export function number(value, decimals = 0) {
  if (!Number.isFinite(value)) return NOTHING;
  if (Math.abs(value) >= PLAIN_MAX) return (value < 0 ? MINUS : "") + Math.abs(value).toExponential(2);
  const [whole, rest] = Math.abs(value).toFixed(decimals).split(".");
  const digits = whole.replace(/\B(?=(\d{3})+$)/g, THIN) + (rest ? `.${rest}` : "");
  return value < 0 && /[1-9]/.test(digits) ? MINUS + digits : digits;
}

/** Write a measured value and its unit in one string.
 * @param {number|null|undefined} value @param {string} unit @param {number} resolution */
export function text(value, unit, resolution = 1) {
  const [shown, unitShown] = quantity(value, unit, resolution);
  if (unitShown === "°") return shown + unitShown;
  return unitShown ? shown + THIN + unitShown : shown;
}

/** Write a share in percent, rounded down: "100 %" is only said when nothing at all is missing.
 * @param {number} part @param {number} whole @param {number} decimals */
export function share(part, whole, decimals = 2) {
  if (whole <= 0) return NOTHING;
  const scale = 10 ** decimals;
  const steps = Math.floor((100 * scale * part) / whole);
  const percent = steps % scale ? (steps / scale).toFixed(decimals) : String(steps / scale);
  return `${percent}${THIN}%`;
}

/** Write an age or a length of time with at most two units.
 * @param {number|null|undefined} ageS */
export function duration(ageS) {
  if (ageS === null || ageS === undefined) return NOTHING;
  const s = Math.max(0, Math.floor(ageS));
  if (s < 60) return `${s}${THIN}s`;
  if (s < 3600) return `${Math.floor(s / 60)}${THIN}min`;
  if (s < 86400) {
    const rest = Math.floor((s % 3600) / 60);
    return `${Math.floor(s / 3600)}${THIN}h` + (rest ? ` ${two(rest)}${THIN}min` : "");
  }
  const rest = Math.floor((s % 86400) / 3600);
  return `${Math.floor(s / 86400)}${THIN}d` + (rest ? ` ${rest}${THIN}h` : "");
}

const two = (/** @type {number} */ n) => String(n).padStart(2, "0");

/** Write a time of day in the viewer's zone; with the day unless it is today.
 * @param {number} tMs @param {boolean} withDay @param {number} nowMs */
export function moment(tMs, withDay = false, nowMs = Date.now()) {
  const at = new Date(tMs);
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const sameDay = at.toDateString() === new Date(nowMs).toDateString();
  return withDay || !sameDay ? `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock}` : clock;
}

/** Write a time in UTC, as the server does.
 * @param {number} tMs */
export function utc(tMs) {
  return `${new Date(tMs).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
