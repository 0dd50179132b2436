// This file keeps the table of signals at the newest row; it guards that device texts are written as text, never as markup.
// @ts-check

import { text } from "./format.js";
import { filterBox, setText, setTime } from "./page.js";

export class SignalTable {
  /** @param {[string, string, string, number, string[]][]} signals key, label, unit, resolution, words of a state */
  constructor(signals) {
    this.units = new Map(signals.map(([key, , unit, resolution, words]) => [key, { unit, resolution, words }]));
    /** @type {Map<string, HTMLElement>} */
    this.rows = new Map();
    for (const row of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("#signals tr[data-key]"))) {
      this.rows.set(row.dataset.key ?? "", row);
    }
    filterBox((wanted) => {
      for (const row of this.rows.values()) row.hidden = !(row.textContent ?? "").toLowerCase().includes(wanted);
    });
  }

  /** Write one row's values. @param {import("./track.js").Row} sample */
  write(sample) {
    for (const [key, [value, quality, reason]] of Object.entries(sample.values)) {
      const row = this.rows.get(key);
      if (!row) continue;
      const { unit, resolution, words } = this.units.get(key) ?? { unit: "", resolution: 1, words: [] };
      setText(row.querySelector('[data-cell="value"]'), words[value ?? -1] ?? text(value, unit, resolution));
      setTime(row.querySelector('[data-cell="age"]'), sample.t_ms);
      const word = /** @type {HTMLElement|null} */ (row.querySelector(".quality-word"));
      if (word && row.dataset.quality !== quality) {
        row.dataset.quality = quality;
        word.dataset.quality = quality;
        word.querySelector("use")?.setAttribute("href", `/static/icons.svg#${quality}`);
      }
      setText(word?.querySelector("[data-word]"), quality === "good" ? "good" : `${quality}: ${reason.replaceAll("_", " ")}`);
    }
    const good = [...this.rows.values()].filter((row) => row.dataset.quality === "good").length;
    setText(document.querySelector("#fact-quality [data-number]"), String(good));
    setTime(document.getElementById("fact-newest"), sample.t_ms);
  }
}
