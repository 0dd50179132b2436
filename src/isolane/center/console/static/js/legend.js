// This file writes a chart's legend: the newest values, or those under the cursor; it guards that a missing value says why.
// @ts-check

import { number, stepOf, text } from "./format.js";
import { setText } from "./page.js";

/** Build the legend's rows; a row is a button that hides its line.
 * @param {HTMLElement} list @param {import("./chart.js").ChartModel} model @param {(index: number) => void} onToggle */
export function buildLegend(list, model, onToggle) {
  model.lines.forEach((line, index) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    button.title = line.key;
    const swatch = document.createElement("span");
    swatch.className = `swatch line-${index + 1}`;
    const name = document.createElement("span");
    name.className = "legend-name";
    name.textContent = line.label;
    const value = document.createElement("span");
    value.className = "legend-value";
    value.dataset.value = "";
    const range = document.createElement("span");
    range.className = "legend-range";
    button.append(swatch, name, value, range);
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      onToggle(index);
    });
    item.append(button);
    list.append(item);
  });
}

/** Find the sample at or before a time. @param {number[]} t @param {number} at */
export function indexAt(t, at) {
  let [low, high] = [0, t.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (t[middle] <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Write the values at a time. @param {HTMLElement} list @param {import("./track.js").Track} track @param {number} at */
export function writeLegend(list, track, at) {
  const index = indexAt(track.t, at);
  list.classList.toggle("has-range", track.stepS > 1 || track.isThinned);
  const tooOld = index < 0 || at - track.t[index] > Math.max(2.5, 1.5 * track.stepS);
  list.querySelectorAll("[data-value]").forEach((cell, place) => {
    const line = track.lines[place];
    const column = track.columns[place];
    const mean = tooOld ? undefined : column.mean[index];
    const missing = mean === null || mean === undefined;
    cell.classList.toggle("is-missing", missing);
    cell.classList.toggle("is-held", !missing && column.stale[index]);
    if (missing) {
      setText(cell, track.reasonAt(place, at) || "no sample");
      setText(cell.nextElementSibling, "");
      return;
    }
    setText(cell, text(mean, line.unit, line.resolution) + (column.stale[index] ? " held" : ""));
    const bound = track.thinnedAt(place, track.t[index])?.bound ?? 0;
    const within = spread(column.min[index], column.max[index], mean, line);
    setText(cell.nextElementSibling, bound ? `${within} ±\u202f${text(bound, line.unit, line.resolution)}`.trim() : within);
  });
}

/** Write what a step's samples lay between, in the unit of their mean; "" if that is one number.
 * @param {number|null|undefined} least @param {number|null|undefined} most @param {number} mean @param {import("./track.js").Line} line */
function spread(least, most, mean, line) {
  if (typeof least !== "number" || typeof most !== "number") return "";
  const [divisor, , decimals] = stepOf(mean, line.unit, line.resolution);
  const [low, high] = [number(least / divisor, decimals), number(most / divisor, decimals)];
  return low === high ? "" : `${low} to ${high}`;
}
