// This file holds the samples of one chart; it guards that a missing sample stays missing: a gap is null, never a line across.
// @ts-check

/** @typedef {{key: string, label: string, unit: string, resolution: number, axis: number, step: boolean}} Line */
/** @typedef {{from: number, to: number, reasons: string[]}} Gap times in s, `to` not included */
/** @typedef {{t_ms: number, values: Record<string, [number|null, string, string]>}} Row */
/** @typedef {{mean: (number|null|undefined)[], min: (number|null|undefined)[], max: (number|null|undefined)[],
 *   stale: boolean[], gaps: Gap[]}} Column */

const BREAK_S = 2.5;
/** Rows farther apart than this many seconds have something missing between them: the grid is 1 Hz. */

export class Track {
  /** @param {Line[]} lines */
  constructor(lines) {
    this.lines = lines;
    /** Times in s, ascending. @type {number[]} */
    this.t = [];
    /** @type {Column[]} */
    this.columns = lines.map(() => ({ mean: [], min: [], max: [], stale: [], gaps: [] }));
    this.stepS = 1;
    /** Rows added since the last load. */
    this.added = 0;
  }

  /** Replace everything by an answer of /api/v1/series. @param {any} series */
  load(series) {
    this.stepS = series.step_ms / 1000;
    this.added = 0;
    const bySignal = new Map(series.signals.map((/** @type {any} */ one) => [one.signal, one]));
    const found = this.lines.map((line) => bySignal.get(line.key));
    const times = new Set();
    for (const one of found) for (const tMs of one?.t_ms ?? []) times.add(tMs);
    const sorted = [...times].sort((a, b) => a - b);
    const at = new Map(sorted.map((tMs, index) => [tMs, index]));
    this.t = sorted.map((tMs) => tMs / 1000);
    this.columns = found.map((one) => {
      const empty = () => new Array(sorted.length).fill(undefined);
      /** @type {Column} */
      const column = { mean: empty(), min: empty(), max: empty(), stale: new Array(sorted.length).fill(false), gaps: [] };
      (one?.t_ms ?? []).forEach((/** @type {number} */ tMs, /** @type {number} */ from) => {
        const to = at.get(tMs) ?? 0;
        column.mean[to] = one.mean[from];
        column.min[to] = one.min[from];
        column.max[to] = one.max[from];
        column.stale[to] = one.mean[from] !== null && one.good[from] === 0;
      });
      column.gaps = (one?.gaps ?? []).map((/** @type {any} */ gap) => ({ from: gap.from_ms / 1000, to: gap.to_ms / 1000, reasons: gap.reasons }));
      return column;
    });
  }

  /** Add one live row; a row that is not newer than the last is already here. @param {Row} row */
  append(row) {
    const t = row.t_ms / 1000;
    const last = this.t[this.t.length - 1];
    if (last !== undefined && t <= last) return;
    if (!this.lines.some((line) => line.key in row.values)) return;
    if (last !== undefined && t - last > Math.max(BREAK_S, 1.5 * this.stepS)) this.#break(last + 1, t);
    this.t.push(t);
    this.added += 1;
    this.lines.forEach((line, index) => {
      const column = this.columns[index];
      const sample = row.values[line.key];
      const value = sample === undefined ? undefined : sample[0];
      column.mean.push(value);
      column.min.push(value);
      column.max.push(value);
      column.stale.push(sample?.[1] === "stale");
      if (value === null && sample) widen(column.gaps, t, t + 1, sample[2]);
    });
  }

  /** @param {number} from @param {number} to */
  #break(from, to) {
    this.t.push(from);
    for (const column of this.columns) {
      column.mean.push(null);
      column.min.push(null);
      column.max.push(null);
      column.stale.push(false);
      widen(column.gaps, from, to, "absent");
    }
  }

  /** Forget what lies before a time. @param {number} fromS */
  trim(fromS) {
    let count = 0;
    while (count < this.t.length - 1 && this.t[count + 1] < fromS) count += 1;
    if (count < 60) return;
    this.t.splice(0, count);
    for (const column of this.columns) {
      for (const part of [column.mean, column.min, column.max, column.stale]) part.splice(0, count);
      column.gaps = column.gaps.filter((gap) => gap.to > fromS);
    }
  }

  /** What the signal's gap at a time says, or "". @param {number} index @param {number} t */
  reasonAt(index, t) {
    return this.columns[index].gaps.find((gap) => gap.from <= t && t < gap.to)?.reasons.join(", ").replaceAll("_", " ") ?? "";
  }

  /** Ranges in which every line lacks values, for hatching. @returns {Gap[]} */
  commonGaps() {
    let common = this.columns[0]?.gaps ?? [];
    for (const column of this.columns.slice(1)) {
      common = common.flatMap((a) =>
        column.gaps
          .map((b) => ({ from: Math.max(a.from, b.from), to: Math.min(a.to, b.to), reasons: a.reasons }))
          .filter((gap) => gap.from < gap.to),
      );
    }
    return common;
  }

  /** Give uPlot its arrays: times, then for each line good mean, held mean, max, min.
   * @returns {any[]} */
  arrays() {
    /** @type {any[]} */
    const out = [this.t];
    for (const column of this.columns) out.push(...splitStale(column), column.max, column.min);
    return out;
  }
}

/** Part a line into what was read and what was held; the held part begins and ends on its good neighbours.
 * @param {Column} column @returns {[(number|null|undefined)[], (number|null|undefined)[]]} */
function splitStale({ mean, stale }) {
  if (!stale.includes(true)) return [mean, new Array(mean.length).fill(null)];
  const good = mean.map((value, index) => (stale[index] ? null : value));
  const held = mean.map((value, index) => (stale[index] || stale[index - 1] || stale[index + 1] ? value : null));
  return [good, held];
}

/** @param {Gap[]} gaps @param {number} from @param {number} to @param {string} reason */
function widen(gaps, from, to, reason) {
  const last = gaps[gaps.length - 1];
  if (last && from - last.to < BREAK_S && last.reasons.includes(reason)) last.to = to;
  else gaps.push({ from, to, reasons: [reason] });
}
