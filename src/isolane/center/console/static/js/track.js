// This file holds the samples of one chart; it guards that a missing sample stays missing: a gap is null, never a line across.
// @ts-check

/** @typedef {{key: string, label: string, unit: string, resolution: number, axis: number, step: boolean}} Line */
/** @typedef {{from: number, to: number, reasons: string[]}} Gap times in s, `to` not included */
/** @typedef {{from: number, to: number, rungs: string[], bound: number}} Thinned like a gap; `bound` in the line's unit */
/** @typedef {{t_ms: number, values: Record<string, [number|null, string, string]>}} Row */
/** @typedef {{mean: (number|null|undefined)[], min: (number|null|undefined)[], max: (number|null|undefined)[],
 *   stale: boolean[], gaps: Gap[], thinned: Thinned[]}} Column */

const BREAK_S = 2.5;
/** Rows farther apart than this many seconds have something missing between them: the grid is 1 Hz. */

export class Track {
  /** @param {Line[]} lines */
  constructor(lines) {
    this.lines = lines;
    /** Times in s, ascending. @type {number[]} */
    this.t = [];
    /** @type {Column[]} */
    this.columns = lines.map(() => ({ mean: [], min: [], max: [], stale: [], gaps: [], thinned: [] }));
    this.stepS = 1;
    /** Rows added since the last load. */
    this.added = 0;
    /** Whether a live row has come that only the history can explain: after a hole, or thinned by a bound it does not tell. */
    this.isUnexplained = false;
  }

  /** Replace everything by an answer of /api/v1/series. @param {any} series */
  load(series) {
    this.stepS = series.step_ms / 1000;
    this.added = 0;
    this.isUnexplained = false;
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
      const column = { mean: empty(), min: empty(), max: empty(), stale: new Array(sorted.length).fill(false), gaps: [], thinned: [] };
      (one?.t_ms ?? []).forEach((/** @type {number} */ tMs, /** @type {number} */ from) => {
        const to = at.get(tMs) ?? 0;
        column.mean[to] = one.mean[from];
        column.min[to] = one.min[from];
        column.max[to] = one.max[from];
        column.stale[to] = one.mean[from] !== null && one.good[from] === 0;
      });
      column.gaps = (one?.gaps ?? []).map((/** @type {any} */ gap) => ({ from: gap.from_ms / 1000, to: gap.to_ms / 1000, reasons: gap.reasons }));
      column.thinned = (one?.thinned ?? []).map((/** @type {any} */ own) => ({ from: own.from_ms / 1000, to: own.to_ms / 1000, rungs: own.rungs, bound: own.bound }));
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
      if (sample?.[2] === "thinned") this.isUnexplained = true;
      if (value === null && sample) widen(column.gaps, t, t + 1, sample[2]);
    });
  }

  /** @param {number} from @param {number} to */
  #break(from, to) {
    this.isUnexplained = true;
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
      column.thinned = column.thinned.filter((own) => own.to > fromS);
    }
  }

  /** What the signal's gap at a time says, or "". @param {number} index @param {number} t */
  reasonAt(index, t) {
    return this.columns[index].gaps.find((gap) => gap.from <= t && t < gap.to)?.reasons.join(", ").replaceAll("_", " ") ?? "";
  }

  /** Whether any line was thinned. */
  get isThinned() {
    return this.columns.some((column) => column.thinned.length > 0);
  }

  /** How a signal was thinned at a time, if it was. @param {number} index @param {number} t */
  thinnedAt(index, t) {
    return this.columns[index].thinned.find((own) => own.from <= t && t < own.to);
  }

  /** Where any line was thinned, for the mark, with all the ways. @returns {{from: number, to: number, rungs: string[]}[]} */
  thinnedRanges() {
    /** @type {{from: number, to: number, rungs: string[]}[]} */
    const out = [];
    for (const own of this.columns.flatMap((column) => column.thinned).sort((a, b) => a.from - b.from)) {
      const last = out[out.length - 1];
      if (last && own.from < last.to + this.stepS / 2 && last.rungs.join() === own.rungs.join()) last.to = Math.max(last.to, own.to);
      else out.push({ from: own.from, to: own.to, rungs: own.rungs });
    }
    return out;
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
    for (const column of this.columns) out.push(...splitStale(column), ...edges(column, this.t));
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

/** Give the band's edges, greatest and least: where a line was thinned, as far as a sample can have been.
 * @param {Column} column @param {number[]} t */
function edges({ max, min, thinned }, t) {
  const bounded = thinned.filter((own) => own.bound > 0);
  if (!bounded.length) return [max, min];
  let at = 0;
  const bounds = t.map((time) => {
    while (at < bounded.length && bounded[at].to <= time) at += 1;
    return at < bounded.length && bounded[at].from <= time ? bounded[at].bound : 0;
  });
  const wider = (/** @type {(number|null|undefined)[]} */ values, /** @type {number} */ sign) =>
    values.map((value, index) => (typeof value === "number" ? value + sign * bounds[index] : value));
  return [wider(max, 1), wider(min, -1)];
}

/** @param {Gap[]} gaps @param {number} from @param {number} to @param {string} reason */
function widen(gaps, from, to, reason) {
  const last = gaps[gaps.length - 1];
  if (last && from - last.to < BREAK_S && last.reasons.includes(reason)) last.to = to;
  else gaps.push({ from, to, reasons: [reason] });
}
